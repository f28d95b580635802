// SPDX-License-Identifier: Apache-2.0
// Writable page tables.
#include "mmu/trapped_write.h"

#include "abi/errno.h"
#include "domain/domain.h"
#include "mmu/page_entry.h"
#include "mmu/types.h"
#include "mmu/vcpu_mmu.h"
#include "mmu/walk.h"

/* The page mapped at `va`, when it is present and read-only. */
static struct frame *read_only_target(const struct vcpu *v, uint64_t va)
{
    unsigned int slot;
    struct frame *l1 = walk_to_l1(v, va, &slot);
    pte_t entry;

    if (!l1) {
        return NULL;
    }
    entry = READ_ONCE(*table_entry(l1, slot));
    if ((entry & (PTE_P | PTE_RW)) != PTE_P || !mfn_valid(pte_mfn(entry))) {
        return NULL;
    }
    return frame_of(pte_mfn(entry));
}

bool trapped_write_begin(const struct vcpu *v, uint64_t va, struct trapped_write *w)
{
    w->table = read_only_target(v, va);
    if (!w->table || !table_lock_l1(v->domain, w->table)) {
        return false;
    }
    w->slot = (va & (PAGE_SIZE - 1)) / sizeof(pte_t);
    w->old = READ_ONCE(*table_entry(w->table, w->slot));
    return true;
}

long trapped_write_commit(const struct vcpu *v, struct trapped_write *w, pte_t value)
{
    long result = 0;

    /* Accessed or dirty set meanwhile must not be lost: the instruction then starts over. */
    if (value != w->old) {
        result = page_edit(own_rights(v), table_entry(w->table, w->slot), w->old, value,
                           PAGE_STORE_IF_SAME);
    }
    table_unlock(w->table);
    return result;
}

void trapped_write_abandon(struct trapped_write *w)
{
    table_unlock(w->table);
}
