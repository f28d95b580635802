// SPDX-License-Identifier: Apache-2.0
// mmuext_op: pinning, page-table bases, flushes, LDT, clearing and copying pages.
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "arch/pv.h"
#include "arch/race.h"
#include "arch/tlb.h"
#include "base/cpu.h"
#include "base/cpu_call.h"
#include "base/hypercall.h"
#include "lib/string.h"
#include "mmu/base.h"
#include "mmu/flush_request.h"
#include "mmu/foreign.h"
#include "mmu/hypercalls.h"
#include "mmu/ldt.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"

#define COUNT_RESUMED (1U << 31)

static bool set_flag(struct frame *f, uint64_t flag)
{
    return (__atomic_fetch_or(&f->state, flag, __ATOMIC_SEQ_CST) & flag) == 0;
}

static long pin(const struct entry_rights *rights, uint64_t number, unsigned int level)
{
    struct frame *f;
    long result;

    if (!rights->frames || !mfn_valid(mfn(number))) {
        return -EINVAL;
    }
    f = frame_of_guests(mfn(number));
    result = table_get(rights->frames, f, level);
    if (result != 0) {
        return result;
    }
    if (!set_flag(f, FRAME_PINNED)) {
        table_put(f);
        return -EINVAL;
    }
    race_window();
    /* Who gives the frame up looks for a pin after that: it has seen this one, or is seen here. */
    if ((frame_state(f) & FRAME_ALLOCATED) == 0 && table_unpin(f)) {
        return -EINVAL;
    }
    return 0;
}

static long unpin(const struct entry_rights *rights, uint64_t number)
{
    struct frame *f;
    long result = 0;

    if (!rights->frames || !mfn_valid(mfn(number))) {
        return -EINVAL;
    }
    f = frame_of_guests(mfn(number));
    if (!frame_get(f, rights->frames->id)) {
        return -EINVAL;
    }
    if (!table_unpin(f)) {
        result = -EINVAL;
    }
    frame_put(f);
    return result;
}

/* A page of FD's that can be written; NULL where it can't. */
static void *writable_page(const struct entry_rights *rights, uint64_t number)
{
    if (!rights->frames || !mfn_valid(mfn(number)) ||
        !frame_get_writable(frame_of_guests(mfn(number)), rights->frames->id)) {
        return NULL;
    }
    return frame_to_virt(mfn(number));
}

static long clear_page(const struct entry_rights *rights, uint64_t number)
{
    void *page = writable_page(rights, number);

    if (!page) {
        return -EINVAL;
    }
    bulk_clear(page, PAGE_SIZE);
    frame_put_writable(frame_of(mfn(number)));
    return 0;
}

static long copy_page(const struct entry_rights *rights, uint64_t to, uint64_t from)
{
    void *page;

    if (!rights->frames || !mfn_valid(mfn(from)) ||
        !frame_get(frame_of_guests(mfn(from)), rights->frames->id)) {
        return -EINVAL;
    }
    page = writable_page(rights, to);
    if (page) {
        bulk_copy(page, frame_to_virt(mfn(from)), PAGE_SIZE);
        frame_put_writable(frame_of(mfn(to)));
    }
    frame_put(frame_of(mfn(from)));
    return page ? 0 : -EINVAL;
}

static long flush_many(const struct mmuext_op *op, bool one_page)
{
    uint64_t wanted;

    /* The bitmap is a part of the operation: one that can't be read makes it an invalid one. */
    if (cpus_running_of(current_vcpu()->domain, gva((uint64_t)op->arg2.vcpumask.p), &wanted) != 0) {
        return -EINVAL;
    }
    if (one_page) {
        arch_tlb_flush_page_cpus(wanted, op->arg1.linear_addr);
    } else {
        arch_tlb_flush_cpus(wanted);
    }
    return 0;
}

static void flush_own_caches(void *unused)
{
    arch_cache_flush_local();
}

static long flush_caches(bool everywhere)
{
    const struct domain *d = current_vcpu()->domain;

    /* Only who has devices of its own has a use for it; others could stall the machine with it. */
    if (!domain_has_devices(d)) {
        return -EPERM;
    }
    if (everywhere) {
        cpu_call(cpus_started(), flush_own_caches, NULL);
    } else {
        arch_cache_flush_local();
    }
    return 0;
}

/* Operations on frames, which may be another domain's. */
static long frame_op(const struct entry_rights *rights, const struct mmuext_op *op)
{
    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
        return pin(rights, op->arg1.mfn, op->cmd - MMUEXT_PIN_L1_TABLE + 1);
    case MMUEXT_UNPIN_TABLE:
        return unpin(rights, op->arg1.mfn);
    case MMUEXT_CLEAR_PAGE:
        return clear_page(rights, op->arg1.mfn);
    case MMUEXT_COPY_PAGE:
        return copy_page(rights, op->arg1.mfn, op->arg2.src_mfn);
    case MMUEXT_MARK_SUPER:
    case MMUEXT_UNMARK_SUPER:
        /* Superpages of PV guests are off, as on the reference. */
        return -EOPNOTSUPP;
    default:
        return rights->frames == rights->caller ? -ENOSYS : -EPERM;
    }
}

/* What concerns the calling vCPU and its domain; all else is tried as an operation on frames. */
static always_inline_fn long one_op(const struct entry_rights *rights, const struct mmuext_op *op)
{
    struct vcpu *v = current_vcpu();

    if (unlikely(rights->frames != v->domain)) {
        return frame_op(rights, op);
    }
    switch (op->cmd) {
    case MMUEXT_NEW_BASEPTR:
        return base_set_kernel(v, mfn(op->arg1.mfn));
    case MMUEXT_NEW_USER_BASEPTR:
        return base_set_user(v, mfn(op->arg1.mfn));
    case MMUEXT_TLB_FLUSH_LOCAL:
        arch_tlb_flush_local();
        return 0;
    case MMUEXT_INVLPG_LOCAL:
        arch_tlb_flush_page_local(op->arg1.linear_addr);
        return 0;
    case MMUEXT_TLB_FLUSH_MULTI:
        return flush_many(op, false);
    case MMUEXT_INVLPG_MULTI:
        return flush_many(op, true);
    case MMUEXT_TLB_FLUSH_ALL:
        arch_tlb_flush_cpus(cpus_running(v->domain));
        return 0;
    case MMUEXT_INVLPG_ALL:
        arch_tlb_flush_page_cpus(cpus_running(v->domain), op->arg1.linear_addr);
        return 0;
    case MMUEXT_FLUSH_CACHE:
        return flush_caches(false);
    case MMUEXT_FLUSH_CACHE_GLOBAL:
        return flush_caches(true);
    case MMUEXT_SET_LDT:
        return ldt_set(v, op->arg1.linear_addr, op->arg2.nr_ents);
    default:
        return frame_op(rights, op);
    }
}

/* An operation that left something behind is done when that is. */
static bool time_to_stop(const struct vcpu *v, uint32_t done)
{
    return done > 0 && (unfinished_pending(v) || should_stop());
}

static long run_ops(const struct entry_rights *rights, gva_t ops, uint32_t count, uint32_t *done)
{
    long result = 0;

    while (result == 0 && *done < count) {
        struct mmuext_op op;
        if (time_to_stop(current_vcpu(), *done)) {
            return HYPERCALL_RESTART;
        }
        result = fetch_guest(&op, ops, *done);
        if (result == 0) {
            result = one_op(rights, &op);
        }
        *done += result == 0;
    }
    return result;
}

/* The end of a call or of its turn, in which `done` operations of `count` went well. */
static long end_ops(struct vcpu *v, gva_t ops, uint32_t count, uint32_t done, long result)
{
    if (result == 0 && unfinished_pending(v)) {
        result = HYPERCALL_RESTART;
    }
    unfinished_end(v);
    if (result == HYPERCALL_RESTART) {
        hypercall_set_argument(0, ops.a + done * sizeof(struct mmuext_op));
        hypercall_set_argument(1, (count - done) | COUNT_RESUMED);
    }
    return result;
}

static cold_fn long batch(gva_t ops, uint64_t count_argument, gva_t done_out, uint64_t foreigndom)
{
    uint32_t count = (uint32_t)count_argument & ~COUNT_RESUMED, before = 0, done = 0;
    struct vcpu *v = current_vcpu();
    struct foreign foreign;
    long result = unfinished_resume(v);

    if (result != 0) {
        return result;
    }
    if (((uint32_t)count_argument & COUNT_RESUMED) != 0 && !gva_is_null(done_out) &&
        read_guest(&before, done_out, 0) != 0) {
        return -EFAULT;
    }
    result = foreign_get((uint32_t)foreigndom & 0xffff, &foreign);
    if (result == 0) {
        result = run_ops(foreign.rights, ops, count, &done);
        foreign_put(&foreign);
    }
    result = end_ops(v, ops, count, done, result);
    before += done;
    if (!gva_is_null(done_out) && write_guest(done_out, 0, &before) != 0) {
        return -EFAULT;
    }
    return result;
}

/* One operation on the caller's own, and nobody asks how many were done: nearly every call. */
static bool is_single(uint64_t count, gva_t done_out, uint64_t foreigndom)
{
    return (uint32_t)count == 1 && gva_is_null(done_out) && (uint16_t)foreigndom == DOMID_SELF;
}

long hypercall_mmuext_op(gva_t ops, uint64_t count, gva_t done_out, uint64_t foreigndom)
{
    struct vcpu *v = current_vcpu();
    struct mmuext_op op;
    long result;

    if (unlikely(!is_single(count, done_out, foreigndom) || !unfinished_none(v))) {
        return batch(ops, count, done_out, foreigndom);
    }
    result = fetch_guest(&op, ops, 0);
    if (likely(result == 0)) {
        result = one_op(own_rights(v), &op);
    }
    return likely(unfinished_none(v)) ? result : end_ops(v, ops, 1, result == 0, result);
}
