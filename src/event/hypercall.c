// SPDX-License-Identifier: Apache-2.0
// event_channel_op: the calls, one function each: copy in, check, do, copy out.
#include "abi/errno.h"
#include "arch/guest.h"
#include "base/hypercall.h"
#include "event/fifo.h"

static struct domain *self(void)
{
    return current_vcpu()->domain;
}

/* The domain a call is about, referenced. -ESRCH: there is none; -EPERM: not the caller's to say.
 */
static int get_target(domid_t id, struct domain **target)
{
    struct domain *d = domain_get_self_or(id);

    if (!d) {
        return -ESRCH;
    }
    if (d != self() && !self()->privileged) {
        domain_put(d);
        return -EPERM;
    }
    *target = d;
    return 0;
}

/* Hand the new port to the guest at `to`. A guest that can't be told does not keep it. */
static long give_port(struct domain *d, uint32_t port, gva_t to)
{
    if (copy_to_guest(to, &port, sizeof(port)) == 0) {
        return 0;
    }
    /* Another vCPU may have closed it already. */
    event_close_port(d, port);
    return -EFAULT;
}

#define OUT(arg, type, field) gva_add((arg), offsetof(type, field))

static long op_alloc_unbound(gva_t arg)
{
    struct evtchn_alloc_unbound op;
    struct domain *d;
    evtchn_port_t port;
    long result;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    result = get_target(op.dom, &d);
    if (result != 0) {
        return result;
    }
    result =
        event_alloc_unbound(d, op.remote_dom == DOMID_SELF ? self()->id : op.remote_dom, &port);
    if (result == 0) {
        result = give_port(d, port, OUT(arg, struct evtchn_alloc_unbound, port));
    }
    domain_put(d);
    return result;
}

static long op_bind_interdomain(gva_t arg)
{
    struct evtchn_bind_interdomain op;
    struct domain *remote;
    uint32_t port;
    long result;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    remote = domain_get_self_or(op.remote_dom);
    if (!remote) {
        return -ESRCH;
    }
    result = bind_interdomain(self(), remote, op.remote_port, &port);
    domain_put(remote);
    return result != 0
               ? result
               : give_port(self(), port, OUT(arg, struct evtchn_bind_interdomain, local_port));
}

static long op_bind_virq(gva_t arg)
{
    struct evtchn_bind_virq op;
    uint32_t port;
    long result;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    result = bind_virq(self(), op.virq, op.vcpu, &port);
    return result != 0 ? result : give_port(self(), port, OUT(arg, struct evtchn_bind_virq, port));
}

static long op_bind_ipi(gva_t arg)
{
    struct evtchn_bind_ipi op;
    uint32_t port;
    long result;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    result = bind_ipi(self(), op.vcpu, &port);
    return result != 0 ? result : give_port(self(), port, OUT(arg, struct evtchn_bind_ipi, port));
}

static long op_bind_pirq(gva_t arg)
{
    struct evtchn_bind_pirq op;
    uint32_t port;
    long result;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    result = bind_pirq(self(), op.pirq, op.flags, &port);
    return result != 0 ? result : give_port(self(), port, OUT(arg, struct evtchn_bind_pirq, port));
}

static long op_close(gva_t arg)
{
    struct evtchn_close op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    return event_close_port(self(), op.port);
}

static long op_status(gva_t arg)
{
    struct evtchn_status op;
    struct domain *d;
    long result;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    result = get_target(op.dom, &d);
    if (result != 0) {
        return result;
    }
    result = channel_status(d, op.port, &op);
    domain_put(d);
    if (result == 0 && copy_to_guest(arg, &op, sizeof(op)) != 0) {
        result = -EFAULT;
    }
    return result;
}

static long op_bind_vcpu(gva_t arg)
{
    struct evtchn_bind_vcpu op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    return bind_vcpu(self(), op.port, op.vcpu);
}

static long op_unmask(gva_t arg)
{
    struct evtchn_unmask op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    return event_unmask_port(self(), op.port);
}

static long op_reset(gva_t arg)
{
    struct evtchn_reset op;
    struct domain *d;
    long result;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    result = get_target(op.dom, &d);
    if (result != 0) {
        return result;
    }
    result = event_reset(d, d == self());
    domain_put(d);
    return result;
}

static long op_init_control(gva_t arg)
{
    struct evtchn_init_control op;
    struct vcpu *v;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    v = vcpu_of(self(), op.vcpu);
    if (!v) {
        return -ENOENT;
    }
    /* The answer never varies, so it is written before there is anything to undo. */
    op.link_bits = EVTCHN_FIFO_LINK_BITS;
    if (copy_to_guest(OUT(arg, struct evtchn_init_control, link_bits), &op.link_bits,
                      sizeof(op.link_bits)) != 0) {
        return -EFAULT;
    }
    return fifo_init_control(v, mfn(op.control_gfn), op.offset);
}

static long op_expand_array(gva_t arg)
{
    struct evtchn_expand_array op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    return fifo_expand_array(self(), mfn(op.array_gfn));
}

static long op_set_priority(gva_t arg)
{
    struct evtchn_set_priority op;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0) {
        return -EFAULT;
    }
    return fifo_set_priority(self(), op.port, op.priority);
}

static long (*const operation[])(gva_t arg) = {
    [EVTCHNOP_bind_interdomain] = op_bind_interdomain,
    [EVTCHNOP_bind_virq] = op_bind_virq,
    [EVTCHNOP_bind_pirq] = op_bind_pirq,
    [EVTCHNOP_close] = op_close,
    [EVTCHNOP_send] = op_send,
    [EVTCHNOP_status] = op_status,
    [EVTCHNOP_alloc_unbound] = op_alloc_unbound,
    [EVTCHNOP_bind_ipi] = op_bind_ipi,
    [EVTCHNOP_bind_vcpu] = op_bind_vcpu,
    [EVTCHNOP_unmask] = op_unmask,
    [EVTCHNOP_reset] = op_reset,
    [EVTCHNOP_init_control] = op_init_control,
    [EVTCHNOP_expand_array] = op_expand_array,
    [EVTCHNOP_set_priority] = op_set_priority,
};

long hypercall_event_channel_op(uint64_t cmd, gva_t arg)
{
    if (likely(cmd == EVTCHNOP_send)) {
        return op_send(arg);
    }
    return cmd < ARRAY_SIZE(operation) ? operation[cmd](arg) : -ENOSYS;
}

/* The old form has the command in memory, before arguments of the same layout, and fewer of them.
 */
long hypercall_event_channel_op_compat(gva_t op)
{
    uint32_t cmd;

    if (copy_from_guest(&cmd, op, sizeof(cmd)) != 0) {
        return -EFAULT;
    }
    if (cmd > EVTCHNOP_unmask) {
        return -ENOSYS;
    }
    return operation[cmd](OUT(op, struct evtchn_op, u));
}
