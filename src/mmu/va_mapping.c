// SPDX-License-Identifier: Apache-2.0
// update_va_mapping: the entry that maps an address, and a flush in the same call.
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/tlb.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "mmu/flush_request.h"
#include "mmu/foreign.h"
#include "mmu/hypercalls.h"
#include "mmu/page_entry.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"
#include "mmu/walk.h"

static always_inline_fn long update(const struct entry_rights *rights, uint64_t va, uint64_t value)
{
    unsigned int slot;
    struct frame *f = walk_to_l1(current_vcpu(), va, &slot);
    pte_t *entry;
    long result;

    if (!f || !table_lock_l1(rights->tables, f)) {
        return -EINVAL;
    }
    entry = table_entry(f, slot);
    result = page_edit(rights, entry, READ_ONCE(*entry), value, PAGE_STORE);
    table_unlock(f);
    return result;
}

/*
 * UVMF_LOCAL and UVMF_MULTI share a value: with a bitmap's address in the remaining bits it is
 * MULTI.
 */
static bool flush_is_local(uint64_t flags)
{
    return (flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK) == 0;
}

static long flush_many(uint64_t va, uint64_t flags)
{
    const struct domain *d = current_vcpu()->domain;
    gva_t bitmap = gva(flags & ~(uint64_t)(UVMF_FLUSHTYPE_MASK | UVMF_ALL));
    uint64_t wanted;
    int error = 0;

    if ((flags & UVMF_ALL) != 0) {
        wanted = cpus_running(d);
    } else {
        error = cpus_running_of(d, bitmap, &wanted);
    }
    if (error != 0) {
        return error;
    }
    if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG) {
        arch_tlb_flush_page_cpus(wanted, va);
    } else {
        arch_tlb_flush_cpus(wanted);
    }
    return 0;
}

static long flush(uint64_t va, uint64_t flags)
{
    if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_NONE) {
        return 0;
    }
    if (unlikely(!flush_is_local(flags))) {
        return flush_many(va, flags);
    }
    if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG) {
        arch_tlb_flush_page_local(va);
    } else {
        arch_tlb_flush_local();
    }
    return 0;
}

static bool flush_known(uint64_t flags)
{
    return (flags & UVMF_FLUSHTYPE_MASK) != UVMF_FLUSHTYPE_MASK;
}

static long update_and_flush(const struct entry_rights *rights, uint64_t va, uint64_t value,
                             uint64_t flags)
{
    long result = flush_known(flags) ? unfinished_resume(current_vcpu()) : -EINVAL;

    if (result == 0) {
        result = update(rights, va, value);
    }
    return result == 0 ? flush(va, flags) : result;
}

long hypercall_update_va_mapping(uint64_t va, uint64_t value, uint64_t flags)
{
    return update_and_flush(own_rights(current_vcpu()), va, value, flags);
}

long hypercall_update_va_mapping_otherdomain(uint64_t va, uint64_t value, uint64_t flags,
                                             uint64_t domid)
{
    struct foreign foreign;
    long result = foreign_get((uint32_t)(domid & 0xffff), &foreign);

    if (result == 0) {
        result = update_and_flush(foreign.rights, va, value, flags);
        foreign_put(&foreign);
    }
    return result;
}
