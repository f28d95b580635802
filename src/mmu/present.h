// SPDX-License-Identifier: Apache-2.0
// Which entries of a table are present. Most of most tables are not, so they are looked at by the
// cache line. The caller keeps others from changing the table; that the processor sets accessed and
// dirty bits meanwhile does no harm.
#pragma once

#include "lib/compiler.h"
#include "mmu/pte.h"

#define LINE_ENTRIES 8

/* Plain loads, which the compiler merges with the rest; not for TSan, as processors write bits. */
__attribute__((no_sanitize("thread"))) static inline bool line_is_absent(const pte_t *line)
{
    return ((line[0] | line[1] | line[2] | line[3] | line[4] | line[5] | line[6] | line[7]) &
            PTE_P) == 0;
}

/* How many that follow an absent one are absent too, by whole lines. */
static inline unsigned int absent_after(const pte_t *entries, unsigned int slot)
{
    unsigned int end = slot;

    if (slot % LINE_ENTRIES != 0) {
        return 0;
    }
    while (end < TABLE_ENTRIES && line_is_absent(&entries[end])) {
        end += LINE_ENTRIES;
    }
    return end > slot ? end - slot - 1 : 0;
}

/* The first present one from `slot` on; TABLE_ENTRIES: none. */
static inline unsigned int next_present(const pte_t *entries, unsigned int slot)
{
    for (; slot < TABLE_ENTRIES && (READ_ONCE(entries[slot]) & PTE_P) == 0; slot++) {
        slot += absent_after(entries, slot);
    }
    return slot;
}

/* One more than the last present one below `end`; 0: none. */
static inline unsigned int end_of_present(const pte_t *entries, unsigned int end)
{
    while (end > 0 && (READ_ONCE(entries[end - 1]) & PTE_P) == 0) {
        end--;
        while (end > 0 && end % LINE_ENTRIES == 0 && line_is_absent(&entries[end - LINE_ENTRIES])) {
            end -= LINE_ENTRIES;
        }
    }
    return end;
}
