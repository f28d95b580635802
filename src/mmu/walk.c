// SPDX-License-Identifier: Apache-2.0
// Page-table walks through the direct map.
#include "mmu/walk.h"

#include "arch/frames.h"
#include "memory/frame.h"

struct frame *walk_to_l1(const struct vcpu *v, uint64_t va, unsigned int *slot)
{
    mfn_t table = maddr_to_mfn(maddr(v->kernel_cr3));

    if (v->kernel_cr3 == 0 || !is_canonical(va) || slot_is_hypervisor(table_index(va, 4))) {
        return NULL;
    }
    for (unsigned int level = 4; level > 1; level--) {
        pte_t entry = READ_ONCE(((pte_t *)frame_to_virt(table))[table_index(va, level)]);
        if ((entry & PTE_P) == 0 || !mfn_valid(pte_mfn(entry))) {
            return NULL;
        }
        table = pte_mfn(entry);
    }
    *slot = table_index(va, 1);
    return frame_of(table);
}
