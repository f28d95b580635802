// SPDX-License-Identifier: Apache-2.0
// vcpu_op: a guest sets up and looks at its own vCPUs (<xen/vcpu.h>).
#include "control/vcpu_op.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "arch/index.h"
#include "base/hypercall.h"
#include "control/hypercalls.h"
#include "control/machine.h"
#include "domain/quota.h"
#include "event/event.h"
#include "sched/sched.h"
#include "time/time.h"
#include "time/vcpu_time.h"

long (*vcpu_set_context)(struct vcpu *v, const struct vcpu_guest_context *context);

/*
 * Checks and sets a vCPU's first state. That may validate page tables, for long, so no lock is
 * held: of two callers at once the second asks again, and finds it initialised.
 */
static long set_first_context(struct vcpu *v, const struct vcpu_guest_context *context)
{
    long result = -EEXIST;

    if (__atomic_exchange_n(&v->being_set, true, __ATOMIC_ACQUIRE)) {
        return HYPERCALL_RESTART;
    }
    if (!v->initialised) {
        result = vcpu_set_context(v, context);
        __atomic_store_n(&v->initialised, result == 0, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&v->being_set, false, __ATOMIC_RELEASE);
    return result;
}

/* The context is too large for a stack. */
static long initialise(struct vcpu *v, gva_t argument)
{
    struct vcpu_guest_context *context;
    long result = -EFAULT;

    if (v->id >= XEN_LEGACY_MAX_VCPUS && !v->registered_info) {
        return -EINVAL; /* it has nowhere to see events */
    }
    context = quota_new(v->domain, struct vcpu_guest_context);
    if (!context) {
        return -ENOMEM;
    }
    if (read_guest(context, argument, 0) == 0) {
        result = set_first_context(v, context);
    }
    quota_free(v->domain, context);
    return result;
}

static long up(struct vcpu *v)
{
    if (!__atomic_load_n(&v->initialised, __ATOMIC_ACQUIRE)) {
        return -EINVAL;
    }
    vcpu_clear_pause(v, VCPU_DOWN);
    return 0;
}

static bool another_is_up(const struct vcpu *v)
{
    const struct domain *d = v->domain;

    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        const struct vcpu *other = d->vcpus[i];
        if (other && other != v && (READ_ONCE(other->pause) & VCPU_DOWN) == 0) {
            return true;
        }
    }
    return false;
}

/* A domain without a vCPU that is up could never run again: it has switched itself off. */
static long down(struct vcpu *v)
{
    if (!another_is_up(v)) {
        domain_shutdown(v->domain, SHUTDOWN_poweroff);
        return 0;
    }
    vcpu_set_pause(v, VCPU_DOWN);
    return 0;
}

static long get_runstate(struct vcpu *v, gva_t argument)
{
    struct vcpu_runstate_info info = sched_runstate(v);

    return write_guest(argument, 0, &info);
}

/* A vCPU that does not call itself gets its first copy through the caller's address space. */
static long register_runstate_area(struct vcpu *v, gva_t argument)
{
    struct vcpu_register_runstate_memory_area op;
    struct vcpu_runstate_info info;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    if (runstate_register_area(&v->sched->runstate, gva(op.addr.p)) != 0) {
        return -EFAULT;
    }
    if (v == current_vcpu()) {
        runstate_publish(v, &v->sched->runstate.info);
    } else if (op.addr.p != 0) {
        info = sched_runstate(v);
        (void)!copy_to_guest(gva(op.addr.p), &info, sizeof(info));
    }
    return 0;
}

static long set_periodic_timer(struct vcpu *v, gva_t argument)
{
    struct vcpu_set_periodic_timer op;

    return read_guest(&op, argument, 0) != 0 ? -EFAULT : vcpu_time_set_periodic(v, op.period_ns);
}

static long set_single_shot_timer(struct vcpu *v, gva_t argument)
{
    struct vcpu_set_singleshot_timer op;

    if (v != current_vcpu()) {
        return -EINVAL;
    }
    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    return vcpu_time_set_single_shot(v, op.timeout_abs_ns, op.flags);
}

static long stop_single_shot_timer(struct vcpu *v)
{
    if (v != current_vcpu()) {
        return -EINVAL;
    }
    vcpu_time_stop_single_shot(v);
    return 0;
}

/* The time words move with the rest, so they are written anew where they are now. */
static long register_vcpu_info(struct vcpu *v, gva_t argument)
{
    struct vcpu_register_vcpu_info op;
    int error;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    error = event_register_vcpu_info(v, mfn(op.mfn), op.offset);
    if (error == 0) {
        vcpu_time_publish(v);
    }
    return error;
}

static long register_time_area(struct vcpu *v, gva_t argument)
{
    struct vcpu_register_time_memory_area op;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    return vcpu_time_register_area(v, gva(op.addr.p));
}

/* Only domain 0's vCPUs, and only where they are pinned, have something to do with a processor. */
static long get_physical_id(struct vcpu *v, gva_t argument)
{
    struct vcpu_get_physid op;
    uint64_t affinity = sched_hard_affinity(v);
    unsigned int cpu;

    if (!v->domain->hardware || affinity == 0 || (affinity & (affinity - 1)) != 0) {
        return -EINVAL;
    }
    cpu = (unsigned int)__builtin_ctzll(affinity);
    if (cpu >= cpu_count) {
        return -EINVAL;
    }
    op.phys_id = cpus[cpu]->apic_id | (uint64_t)machine_acpi_id(cpu) << 32;
    return write_guest(argument, 0, &op);
}

void vcpu_send_nmi(struct vcpu *v)
{
    if (__atomic_exchange_n(&v->nmi_pending, true, __ATOMIC_SEQ_CST)) {
        return;
    }
    vcpu_clear_pause(v, VCPU_BLOCKED | VCPU_POLLING);
    if (v == current_vcpu()) {
        v->exit_work = 1;
    } else if (sched_is_running(v)) {
        arch_kick_cpu(sched_cpu_of(v));
    }
}

static long send_nmi(struct vcpu *v, gva_t argument)
{
    if (!gva_is_null(argument)) {
        return -EINVAL;
    }
    vcpu_send_nmi(v);
    return 0;
}

long hypercall_vcpu_op(uint64_t cmd, uint64_t vcpu_id, gva_t argument)
{
    struct domain *d = current_vcpu()->domain;
    uint32_t id = (uint32_t)vcpu_id;
    struct vcpu *v = id < d->max_vcpus ? READ_ONCE(d->vcpus[index_below(id, d->max_vcpus)]) : NULL;

    if (!v) {
        return -ENOENT;
    }
    switch ((uint32_t)cmd) {
    case VCPUOP_initialise:
        return initialise(v, argument);
    case VCPUOP_up:
        return up(v);
    case VCPUOP_down:
        return down(v);
    case VCPUOP_is_up:
        return (READ_ONCE(v->pause) & VCPU_DOWN) == 0;
    case VCPUOP_get_runstate_info:
        return get_runstate(v, argument);
    case VCPUOP_register_runstate_memory_area:
        return register_runstate_area(v, argument);
    case VCPUOP_set_periodic_timer:
        return set_periodic_timer(v, argument);
    case VCPUOP_stop_periodic_timer:
        vcpu_time_stop_periodic(v);
        return 0;
    case VCPUOP_set_singleshot_timer:
        return set_single_shot_timer(v, argument);
    case VCPUOP_stop_singleshot_timer:
        return stop_single_shot_timer(v);
    case VCPUOP_register_vcpu_info:
        return register_vcpu_info(v, argument);
    case VCPUOP_send_nmi:
        return send_nmi(v, argument);
    case VCPUOP_get_physid:
        return get_physical_id(v, argument);
    case VCPUOP_register_vcpu_time_memory_area:
        return register_time_area(v, argument);
    default:
        return -ENOSYS;
    }
}
