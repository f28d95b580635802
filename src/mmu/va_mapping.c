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
static int flush_mask(uint64_t flags, uint64_t *cpus_to_flush)
{
    const struct vcpu *v = current_vcpu();
    gva_t bitmap = gva(flags & ~(uint64_t)(UVMF_FLUSHTYPE_MASK | UVMF_ALL));

    if ((flags & UVMF_ALL) != 0) {
        *cpus_to_flush = cpus_running(v->domain);
        return 0;
    }
    if (gva_is_null(bitmap)) {
        *cpus_to_flush = 1ULL << this_cpu()->id;
        return 0;
    }
    return cpus_running_of(v->domain, bitmap, cpus_to_flush);
}

static long flush(uint64_t va, uint64_t flags)
{
    uint64_t wanted;
    int error;

    switch (flags & UVMF_FLUSHTYPE_MASK) {
    case UVMF_NONE:
        return 0;
    case UVMF_TLB_FLUSH:
        error = flush_mask(flags, &wanted);
        if (error == 0) {
            arch_tlb_flush_cpus(wanted);
        }
        return error;
    case UVMF_INVLPG:
        error = flush_mask(flags, &wanted);
        if (error == 0) {
            arch_tlb_flush_page_cpus(wanted, va);
        }
        return error;
    default:
        return 0;
    }
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
    struct domain *d = current_vcpu()->domain;
    const struct entry_rights rights = {.tables = d, .frames = d, .caller = d};

    return update_and_flush(&rights, va, value, flags);
}

long hypercall_update_va_mapping_otherdomain(uint64_t va, uint64_t value, uint64_t flags,
                                             uint64_t domid)
{
    struct entry_rights rights;
    long result = foreign_get((uint32_t)(domid & 0xffff), &rights);

    if (result != 0) {
        return result;
    }
    result = update_and_flush(&rights, va, value, flags);
    foreign_put(&rights);
    return result;
}
