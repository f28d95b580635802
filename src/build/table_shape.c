// SPDX-License-Identifier: Apache-2.0
// Counting page tables.
#include "build/table_shape.h"

// The L3 entry of the hypervisor's range in a 32-bit address space: the last of four.
enum { HYPERVISOR_L3_SLOT_32BIT = 3 };

// Entries of the tables of `level + 1` that a span touches: one table of `level` each.
struct slots {
    uint64_t first, last;
};

static struct slots slots_of(struct span span, unsigned int level)
{
    unsigned int shift = table_shift(level + 1);

    return (struct slots){span.start >> shift, (span.end - 1) >> shift};
}

static uint64_t count(struct slots slots)
{
    return slots.last - slots.first + 1;
}

static uint64_t count_shared(struct slots a, struct slots b)
{
    struct slots both = {MAX(a.first, b.first), MIN(a.last, b.last)};

    return both.first <= both.last ? count(both) : 0;
}

uint64_t tables_for_region(struct span region, bool is_32bit)
{
    uint64_t tables = 1;

    for (unsigned int level = 1; level < top_table_level(is_32bit); level++) {
        tables += count(slots_of(region, level));
    }
    bool reaches_last_l2 = slots_of(region, 2).last == HYPERVISOR_L3_SLOT_32BIT;
    return tables + (is_32bit && !reaches_last_l2);
}

uint64_t tables_added_for(struct span added, struct span region)
{
    uint64_t tables = 0;

    for (unsigned int level = 1; level < top_table_level(false); level++) {
        struct slots slots = slots_of(added, level);
        tables += count(slots) - count_shared(slots, slots_of(region, level));
    }
    return tables;
}
