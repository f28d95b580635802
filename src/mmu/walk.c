// SPDX-License-Identifier: Apache-2.0
// Page-table walks through the direct map.
#include "mmu/walk.h"

/* The table that an entry leads to, by its address. Another CPU may change the entry, to anything.
 */
static always_inline_fn bool descend(uint64_t *table, uint64_t va, unsigned int level)
{
    const char *memory = frame_to_virt(mfn(0));
    pte_t entry = READ_ONCE(((const pte_t *)(memory + *table))[table_index(va, level)]);

    *table = entry & PTE_FRAME;
    return likely((entry & PTE_P) != 0 && *table < frame_count << PAGE_SHIFT);
}

struct frame *walk_to_l1(const struct vcpu *v, uint64_t va, unsigned int *slot)
{
    uint64_t table = v->kernel_cr3;

    if (table == 0 || !is_canonical(va) || slot_is_hypervisor(table_index(va, 4)) ||
        !descend(&table, va, 4) || !descend(&table, va, 3) || !descend(&table, va, 2)) {
        return NULL;
    }
    *slot = table_index(va, 1);
    return frame_of(maddr_to_mfn(maddr(table)));
}
