// SPDX-License-Identifier: Apache-2.0
// Absent page-table entries on processors with the L1TF flaw: there a load through an entry that is
// not present reads ahead what the L1 cache holds of the frame that the entry names, whoever's it
// is. So in tables of a domain that is checked (pv-l1tf=) no absent entry may name memory. Kernels
// that know the flaw never write such entries: they set address bits beyond memory.
#pragma once

#include "base/speculation.h"
#include "domain/domain.h"
#include "mmu/pte.h"

/* Frame 0 is firmware's and holds no secrets; an entry of only flags is common. */
static inline bool absent_entry_leaks(pte_t entry)
{
    uint64_t frame = pte_mfn(entry).n & speculation.frame_mask;

    return frame != 0 && frame < frame_count;
}

/* Whether an entry that is not present may be stored in a table of `d`. */
static always_inline_fn bool absent_entry_ok(const struct domain *d, pte_t entry)
{
    return likely(entry == 0) || likely(!d->absent_checked) || !absent_entry_leaks(entry);
}

/* Whether none of a table's absent entries leaks; a level-4 table's own slots of Pavise's do not
 * count. The table is not in use, and not writable. */
must_check bool absent_entries_ok(const struct domain *d, const struct frame *table,
                                  unsigned int level);
