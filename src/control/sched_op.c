// SPDX-License-Identifier: Apache-2.0
// sched_op: a vCPU gives up its CPU, waits, or ends its domain (<xen/sched.h>).
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "control/hypercalls.h"
#include "domain/domain.h"
#include "event/event.h"
#include "sched/sched.h"
#include "time/timer.h"

/* More ports than this in one poll are refused. */
#define MAX_POLL_PORTS 128

/*
 * Upcalls are enabled first, and the vCPU is marked as sleeping before it looks for events: a
 * sender marks the event before it looks for sleepers, so one of them sees the other.
 */
static long block(struct vcpu *v)
{
    WRITE_ONCE(v->info->evtchn_upcall_mask, 0);
    vcpu_set_pause(v, VCPU_BLOCKED);
    if (event_vcpu_pending(v)) {
        vcpu_clear_pause(v, VCPU_BLOCKED);
    }
    return 0;
}

/* Tools see eight bits of the reason. */
static long shut_down(struct domain *d, uint32_t reason)
{
    domain_shutdown(d, reason & XEN_DOMINF_shutdownmask);
    return 0;
}

static long shutdown_op(struct vcpu *v, gva_t argument)
{
    struct sched_shutdown op;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    return shut_down(v->domain, op.reason);
}

static long shutdown_code_op(struct vcpu *v, gva_t argument)
{
    struct sched_shutdown op;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    domain_latch_shutdown_code(v->domain, op.reason & XEN_DOMINF_shutdownmask);
    return 0;
}

static long remote_shutdown_op(struct vcpu *v, gva_t argument)
{
    struct sched_remote_shutdown op;
    struct domain *d;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    d = domain_get_self_or(op.domain_id);
    if (!d) {
        return -ESRCH;
    }
    if (!v->domain->privileged) {
        domain_put(d);
        return -EPERM;
    }
    (void)shut_down(d, op.reason);
    domain_put(d);
    return 0;
}

/*
 * The timer is set, or that of an earlier poll stopped, before the sleep begins: nothing but this
 * poll's own time-out can end it.
 */
static long poll_op(struct vcpu *v, gva_t argument)
{
    evtchn_port_t ports[MAX_POLL_PORTS];
    struct sched_poll op;
    int result;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    if (op.nr_ports > MAX_POLL_PORTS) {
        return -EINVAL;
    }
    if (copy_from_guest(ports, gva((uint64_t)op.ports.p), op.nr_ports * sizeof(ports[0])) != 0) {
        return -EFAULT;
    }
    if (op.timeout != 0) {
        timer_set(&v->sched->poll_timer, op.timeout);
    } else {
        timer_stop(&v->sched->poll_timer);
    }
    result = event_poll(v, ports, op.nr_ports);
    if (result != 0) {
        timer_stop(&v->sched->poll_timer);
    }
    return result < 0 ? result : 0;
}

static long watchdog_op(struct vcpu *v, gva_t argument)
{
    struct sched_watchdog op;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    return sched_watchdog(v->domain, op.id, op.timeout);
}

static long pin_override_op(struct vcpu *v, gva_t argument)
{
    struct sched_pin_override op;

    if (!v->domain->hardware) {
        return -EPERM;
    }
    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    return sched_pin_override(v, op.pcpu);
}

long hypercall_sched_op(uint64_t cmd, gva_t argument)
{
    struct vcpu *v = current_vcpu();

    switch ((uint32_t)cmd) {
    case SCHEDOP_yield:
        sched_yield_current();
        return 0;
    case SCHEDOP_block:
        return block(v);
    case SCHEDOP_shutdown:
        return shutdown_op(v, argument);
    case SCHEDOP_poll:
        return poll_op(v, argument);
    case SCHEDOP_remote_shutdown:
        return remote_shutdown_op(v, argument);
    case SCHEDOP_shutdown_code:
        return shutdown_code_op(v, argument);
    case SCHEDOP_watchdog:
        return watchdog_op(v, argument);
    case SCHEDOP_pin_override:
        return pin_override_op(v, argument);
    default:
        return -ENOSYS;
    }
}

/* The interface before 3.0.2: the argument is a value. */
long hypercall_sched_op_compat(uint64_t cmd, uint64_t argument)
{
    struct vcpu *v = current_vcpu();

    switch ((uint32_t)cmd) {
    case SCHEDOP_yield:
        sched_yield_current();
        return 0;
    case SCHEDOP_block:
        return block(v);
    case SCHEDOP_shutdown:
        return shut_down(v->domain, (uint32_t)argument);
    default:
        return -ENOSYS;
    }
}
