// SPDX-License-Identifier: Apache-2.0
// Page-table walks through the direct map.
#include "mmu/walk.h"

/* The table that an entry leads to. Another CPU may change the entry, to anything. */
static always_inline_fn bool descend(mfn_t *table, uint64_t va, unsigned int level)
{
    pte_t entry = READ_ONCE(((pte_t *)frame_to_virt(*table))[table_index(va, level)]);

    *table = pte_mfn(entry);
    return likely((entry & PTE_P) != 0 && mfn_valid(*table));
}

struct frame *walk_to_l1(const struct vcpu *v, uint64_t va, unsigned int *slot)
{
    mfn_t table = maddr_to_mfn(maddr(v->kernel_cr3));

    if (v->kernel_cr3 == 0 || !is_canonical(va) || slot_is_hypervisor(table_index(va, 4)) ||
        !descend(&table, va, 4) || !descend(&table, va, 3) || !descend(&table, va, 2)) {
        return NULL;
    }
    *slot = table_index(va, 1);
    return frame_of(table);
}
