// SPDX-License-Identifier: Apache-2.0
// domctl: what struct vcpu_guest_context has no room for: more entry points, extended registers,
// model-specific ones.
#include "abi/errno.h"
#include "arch/guest.h"
#include "arch/pv.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "control/domctl.h"
#include "domain/pause.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "pv/extended_state.h"
#include "pv/msr_saved.h"
#include "pv/selectors.h"

/* The calling vCPU's own registers are in the processor. */
static struct vcpu *another_vcpu(const struct domain *d, uint32_t id)
{
    struct vcpu *v = domctl_vcpu(d, id);

    return v != current_vcpu() ? v : NULL;
}

/* ---- entry points ---------------------------------------------------------------------------- */

/* -ESRCH: no such vCPU, or the caller itself. */
long domctl_get_ext_context(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    const struct vcpu *v = another_vcpu(d, e->vcpu);

    if (!v) {
        return -ESRCH;
    }
    e->size = sizeof(*e);
    e->syscall32_callback_eip = v->syscall32.address;
    e->syscall32_callback_cs = v->syscall32.cs;
    e->syscall32_disables_events = v->syscall32.mask_events;
    e->sysenter_callback_eip = v->sysenter.address;
    e->sysenter_callback_cs = v->sysenter.cs;
    e->sysenter_disables_events = v->sysenter.mask_events;
    e->mcg_cap = 0; /* no banks of machine checks */
    return 0;
}

static struct callback callback(uint64_t address, uint16_t cs, bool mask_events)
{
    return (struct callback){
        .address = address, .cs = selector_for_guest(cs), .mask_events = mask_events};
}

/*
 * -ESRCH as above; -EINVAL: too short, or no addresses. What a domain brings along of machine
 * checks is not kept.
 */
long domctl_set_ext_context(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    struct vcpu *v = another_vcpu(d, e->vcpu);
    long result;

    if (!v) {
        return -ESRCH;
    }
    if (e->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) ||
        !is_canonical(e->syscall32_callback_eip) || !is_canonical(e->sysenter_callback_eip)) {
        return -EINVAL;
    }
    result = vcpu_pause(v);
    if (result == 0) {
        v->syscall32 = callback(e->syscall32_callback_eip, e->syscall32_callback_cs,
                                e->syscall32_disables_events != 0);
        v->sysenter = callback(e->sysenter_callback_eip, e->sysenter_callback_cs,
                               e->sysenter_disables_events != 0);
        vcpu_unpause(v);
    }
    return result;
}

/* ---- extended registers ---------------------------------------------------------------------- */

static long copy_out(struct vcpu *v, gva_t to)
{
    void *state = heap_alloc(extended_state_bytes());
    long result;

    if (!state) {
        return -ENOMEM;
    }
    result = vcpu_pause(v);
    if (result == 0) {
        extended_state_get(v, state);
        vcpu_unpause(v);
        result = copy_to_guest(to, state, extended_state_bytes()) == 0 ? 0 : -EFAULT;
    }
    heap_free(state);
    return result;
}

/*
 * Without a buffer: which states there are and how many bytes they take. -ESRCH: no such vCPU;
 * -EINVAL: the caller itself, or other states or another size than these; -EFAULT.
 */
long domctl_get_extended_state(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    struct vcpu *v = domctl_vcpu(d, e->vcpu);
    uint64_t states = arch_extended_states();

    if (!v) {
        return -ESRCH;
    }
    if (states == 0) {
        return -EOPNOTSUPP;
    }
    if (v == current_vcpu()) {
        return -EINVAL;
    }
    if (!e->buffer.p || (e->size == 0 && e->xfeature_mask == 0)) {
        e->xfeature_mask = states;
        e->size = extended_state_bytes();
        return 0;
    }
    if (e->size < extended_state_bytes() || e->xfeature_mask != states) {
        return -EINVAL;
    }
    e->size = extended_state_bytes();
    return copy_out(v, gva((uint64_t)e->buffer.p));
}

static long read_and_set(struct vcpu *v, gva_t from, size_t bytes)
{
    void *state = heap_alloc(extended_state_bytes());
    long result = -EFAULT;

    if (!state) {
        return -ENOMEM;
    }
    if (copy_from_guest(state, from, bytes) == 0) {
        result = vcpu_pause(v);
        if (result == 0) {
            result = extended_state_set(v, state, bytes);
            vcpu_unpause(v);
        }
    }
    heap_free(state);
    return result;
}

/* -ESRCH; -EINVAL: the caller itself, or a state that can't be one of this machine's; -EFAULT. */
long domctl_set_extended_state(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    struct vcpu *v = domctl_vcpu(d, e->vcpu);

    if (!v) {
        return -ESRCH;
    }
    if (arch_extended_states() == 0) {
        return -EOPNOTSUPP;
    }
    if (v == current_vcpu() || e->size < EXTENDED_STATE_LEAST || e->size > extended_state_bytes()) {
        return -EINVAL;
    }
    return read_and_set(v, gva((uint64_t)e->buffer.p), e->size);
}

/* ---- model-specific registers ---------------------------------------------------------------- */

/* Those that are not as in a new vCPU. -ENOBUFS: there are more; *count says how many. */
static long write_msrs(struct vcpu *v, gva_t to, uint32_t *count)
{
    struct xen_domctl_vcpu_msr msrs[SAVED_MSRS];
    uint32_t room = *count;
    long result = vcpu_pause(v);

    if (result != 0) {
        return result;
    }
    *count = pv_msrs_get(v, msrs);
    vcpu_unpause(v);
    if (*count > room) {
        return -ENOBUFS;
    }
    return copy_to_guest(to, msrs, *count * sizeof(msrs[0])) == 0 ? 0 : -EFAULT;
}

/* Without a list: how many there are at most. -ESRCH; -EINVAL: the caller itself. */
long domctl_get_msrs(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
    struct vcpu *v = domctl_vcpu(d, m->vcpu);

    if (!v) {
        return -ESRCH;
    }
    if (v == current_vcpu()) {
        return -EINVAL;
    }
    if (!m->msrs.p) {
        m->msr_count = SAVED_MSRS;
        return 0;
    }
    return write_msrs(v, gva((uint64_t)m->msrs.p), &m->msr_count);
}

/* One after the other, up to the first that can't be; *count becomes its index. */
static long read_msrs(struct vcpu *v, gva_t from, uint32_t *count)
{
    uint32_t wanted = *count;

    for (uint32_t i = 0; i < wanted; i++) {
        struct xen_domctl_vcpu_msr msr;
        *count = i;
        if (read_guest(&msr, from, i) != 0) {
            return -EFAULT;
        }
        if (msr.reserved != 0 || pv_msrs_set(v, msr.index, msr.value) != 0) {
            return -EINVAL;
        }
    }
    *count = wanted;
    return 0;
}

long domctl_set_msrs(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
    struct vcpu *v = domctl_vcpu(d, m->vcpu);
    long result;

    if (!v) {
        return -ESRCH;
    }
    if (v == current_vcpu() || m->msr_count > SAVED_MSRS) {
        return -EINVAL;
    }
    result = vcpu_pause(v);
    if (result == 0) {
        result = read_msrs(v, gva((uint64_t)m->msrs.p), &m->msr_count);
        vcpu_unpause(v);
    }
    return result;
}
