// SPDX-License-Identifier: Apache-2.0
// How many page tables it takes to map a range: L4 to L1 for a 64-bit guest, L3 to L1 for a 32-bit
// one.
#pragma once

#include "lib/compiler.h"

/* Guest virtual addresses [start, end), both on page boundaries; empty where equal. */
struct span {
    uint64_t start, end;
};

enum { TABLE_ENTRY_BITS = 9, TABLE_ENTRIES = 1 << TABLE_ENTRY_BITS };

/* Bits of an address below those that index a table of `level` (1 to 4). */
static inline unsigned int table_shift(unsigned int level)
{
    return 12 + TABLE_ENTRY_BITS * (level - 1);
}

static inline unsigned int top_table_level(bool is_32bit)
{
    return is_32bit ? 3 : 4;
}

/*
 * All tables that map `region`, which is not empty, the top one included. A 32-bit guest's fourth
 * L2 is always among them: the hypervisor's own entries are there.
 */
uint64_t tables_for_region(struct span region, bool is_32bit);

/* The tables that mapping `added` takes where those for `region` are there. 64-bit guests only. */
uint64_t tables_added_for(struct span added, struct span region);
