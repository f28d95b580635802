// SPDX-License-Identifier: Apache-2.0
// domctl: a vCPU's state as a whole (struct vcpu_guest_context).
#include "abi/errno.h"
#include "arch/guest.h"
#include "base/hypercall.h"
#include "control/domctl.h"
#include "control/vcpu_op.h"
#include "domain/pause.h"
#include "memory/allocator.h"
#include "pv/context.h"

static void *context_buffer(void)
{
    return heap_new(struct vcpu_guest_context);
}

static gva_t context_of(const struct xen_domctl *op)
{
    return gva((uint64_t)op->u.vcpucontext.ctxt.p);
}

/* ---- set ------------------------------------------------------------------------------------- */

static void set_online(struct vcpu *v, bool online)
{
    if (online) {
        vcpu_clear_pause(v, VCPU_DOWN);
    } else {
        vcpu_set_pause(v, VCPU_DOWN);
    }
}

/*
 * The domain is paused, so nobody gives the vCPU its first state meanwhile. Page tables may be
 * validated for several turns: then it stays what it was, not initialised.
 */
static long set_paused(struct vcpu *v, const struct vcpu_guest_context *context)
{
    long result = vcpu_set_context(v, context);

    if (result == 0) {
        __atomic_store_n(&v->initialised, true, __ATOMIC_RELEASE);
        set_online(v, (context->flags & VGCF_online) != 0);
    }
    return result;
}

static long read_and_set(struct domain *d, struct vcpu *v, gva_t from)
{
    struct vcpu_guest_context *context = context_buffer();
    long result = -EFAULT;

    if (!context) {
        return -ENOMEM;
    }
    if (read_guest(context, from, 0) == 0) {
        result = domain_pause(d);
        if (result == 0) {
            result = set_paused(v, context);
            domain_unpause(d);
        }
    }
    heap_free(context);
    return result;
}

/* Back to what it was when it was made: down, without page tables, with no state to tell of. */
static long reset(struct domain *d, struct vcpu *v)
{
    long result = domain_pause(d);

    if (result != 0) {
        return result;
    }
    vcpu_set_pause(v, VCPU_DOWN);
    __atomic_store_n(&v->initialised, false, __ATOMIC_RELEASE);
    pv_reset_context(v);
    domain_unpause(d);
    return 0;
}

/*
 * No context asks for a reset. -EINVAL: no such vCPU, or what pv_set_context() says; -EOPNOTSUPP:
 * it is initialised, and page tables or descriptor tables are to change.
 */
long domctl_set_context(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domctl_vcpu(d, op->u.vcpucontext.vcpu);

    if (!v || READ_ONCE(d->life) != DOMAIN_ALIVE) {
        return -EINVAL;
    }
    return gva_is_null(context_of(op)) ? reset(d, v) : read_and_set(d, v, context_of(op));
}

/* ---- get ------------------------------------------------------------------------------------- */

static long get_and_write(struct vcpu *v, gva_t to)
{
    struct vcpu_guest_context *context = context_buffer();
    long result;

    if (!context) {
        return -ENOMEM;
    }
    result = vcpu_pause(v);
    if (result == 0) {
        pv_get_context(v, context);
        vcpu_unpause(v);
        result = write_guest(to, 0, context) == 0 ? 0 : -EFAULT;
    }
    heap_free(context);
    return result;
}

/* -EINVAL: no such vCPU, or the caller itself; -ENODATA: it has no state yet. */
long domctl_get_context(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domctl_vcpu(d, op->u.vcpucontext.vcpu);

    if (!v || v == current_vcpu()) {
        return -EINVAL;
    }
    if (!__atomic_load_n(&v->initialised, __ATOMIC_ACQUIRE)) {
        return -ENODATA;
    }
    return get_and_write(v, context_of(op));
}

/* ---- triggers -------------------------------------------------------------------------------- */

/*
 * -ESRCH: no such vCPU; -EINVAL: it has no buttons to press; -ENOSYS: nothing that can be
 * triggered.
 */
long domctl_send_trigger(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_sendtrigger *trigger = &op->u.sendtrigger;
    struct vcpu *v = domctl_vcpu(d, trigger->vcpu);

    if (!v) {
        return -ESRCH;
    }
    switch (trigger->trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI:
        vcpu_send_nmi(v);
        return 0;
    case XEN_DOMCTL_SENDTRIGGER_POWER:
    case XEN_DOMCTL_SENDTRIGGER_SLEEP:
        return -EINVAL;
    default:
        return -ENOSYS;
    }
}
