// SPDX-License-Identifier: Apache-2.0
// Reading and writing a paused domain's memory through its page tables.
#include "mmu/peek.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "domain/domain.h"
#include "lib/string.h"
#include "mmu/types.h"
#include "mmu/walk.h"

/* The frame behind an address. Others may change the tables meanwhile: it is only a hint. */
static bool find(const struct vcpu *v, uint64_t va, mfn_t *m)
{
    unsigned int slot, level;
    struct frame *table = walk_to_l1(v, va, &slot);
    pte_t entry = 0;

    level = table ? table_lock(v->domain, table) : 0;
    if (level == 0) {
        return false;
    }
    if (level == 1) {
        entry = READ_ONCE(*table_entry(table, slot));
    }
    table_unlock(table);
    *m = pte_mfn(entry);
    return (entry & PTE_P) != 0 && mfn_valid(*m);
}

static uint8_t *byte_at(mfn_t m, uint64_t va)
{
    return (uint8_t *)frame_to_virt(m) + va % PAGE_SIZE;
}

int peek_read(const struct vcpu *v, uint64_t va, void *to, uint32_t bytes)
{
    mfn_t m;

    if (!find(v, va, &m) || !frame_get(frame_of(m), v->domain->id)) {
        return -EFAULT;
    }
    memcpy(to, byte_at(m, va), bytes);
    frame_put(frame_of(m));
    return 0;
}

int peek_write(const struct vcpu *v, uint64_t va, const void *from, uint32_t bytes)
{
    mfn_t m;

    if (!find(v, va, &m) || !frame_get_writable(frame_of(m), v->domain->id)) {
        return -EFAULT;
    }
    memcpy(byte_at(m, va), from, bytes);
    frame_put_writable(frame_of(m));
    return 0;
}
