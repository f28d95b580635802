// SPDX-License-Identifier: Apache-2.0
// domctl: vCPUs' states, affinities, weight and cap.

#include "abi/errno.h"
#include "arch/index.h"
#include "control/copy.h"
#include "control/domctl.h"
#include "sched/sched.h"

/* -EINVAL: beyond what the domain can have; -ESRCH: it was not made yet. */
static long find_vcpu(struct domain *d, uint32_t id, struct vcpu **v)
{
    if (id >= d->max_vcpus) {
        return -EINVAL;
    }
    *v = READ_ONCE(d->vcpus[index_below(id, d->max_vcpus)]);
    return *v ? 0 : -ESRCH;
}

long domctl_get_vcpu_info(struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_getvcpuinfo *op = &domctl->u.getvcpuinfo;
    struct vcpu *v;
    long error = find_vcpu(d, op->vcpu, &v);
    uint32_t pause;

    if (error != 0) {
        return error;
    }
    pause = READ_ONCE(v->pause);
    op->online = (pause & VCPU_DOWN) == 0;
    op->blocked = (pause & (VCPU_BLOCKED | VCPU_POLLING)) != 0;
    op->running = sched_is_running(v);
    op->cpu_time = sched_runstate(v).time[RUNSTATE_running];
    op->cpu = sched_cpu_of(v);
    return 0;
}

/* Both are read before either is set. What was asked for and what is left of it is written back. */
long domctl_set_affinity(struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_vcpuaffinity *op = &domctl->u.vcpuaffinity;
    const uint32_t both = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    uint64_t hard = 0, soft = 0;
    struct vcpu *v;
    long error = find_vcpu(d, op->vcpu, &v);

    if (error != 0) {
        return error;
    }
    if ((op->flags & both) == 0 || (op->flags & ~(both | XEN_VCPUAFFINITY_FORCE)) != 0) {
        return -EINVAL;
    }
    if ((op->flags & XEN_VCPUAFFINITY_HARD) != 0 &&
        bitmap_from_guest(&op->cpumap_hard, &hard) != 0) {
        return -EFAULT;
    }
    if ((op->flags & XEN_VCPUAFFINITY_SOFT) != 0 &&
        bitmap_from_guest(&op->cpumap_soft, &soft) != 0) {
        return -EFAULT;
    }
    if ((op->flags & XEN_VCPUAFFINITY_FORCE) != 0) {
        sched_end_override(v);
    }
    if ((op->flags & XEN_VCPUAFFINITY_HARD) != 0) {
        error = sched_set_hard_affinity(v, hard);
        if (error == 0) {
            error = bitmap_to_guest(&op->cpumap_hard, hard & cpus_online());
        }
    }
    if (error == 0 && (op->flags & XEN_VCPUAFFINITY_SOFT) != 0) {
        error = sched_set_soft_affinity(v, soft);
        if (error == 0) {
            error =
                bitmap_to_guest(&op->cpumap_soft, soft & sched_hard_affinity(v) & cpus_online());
        }
    }
    return error;
}

long domctl_get_affinity(struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_vcpuaffinity *op = &domctl->u.vcpuaffinity;
    const uint32_t both = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    struct vcpu *v;
    long error = find_vcpu(d, op->vcpu, &v);

    if (error != 0) {
        return error;
    }
    if (op->flags == 0 || (op->flags & ~both) != 0) {
        return -EINVAL;
    }
    if ((op->flags & XEN_VCPUAFFINITY_HARD) != 0 &&
        bitmap_to_guest(&op->cpumap_hard, sched_hard_affinity(v)) != 0) {
        return -EFAULT;
    }
    if ((op->flags & XEN_VCPUAFFINITY_SOFT) != 0 &&
        bitmap_to_guest(&op->cpumap_soft, sched_soft_affinity(v)) != 0) {
        return -EFAULT;
    }
    return 0;
}

/* As tools write it: weight 0 leaves the weight. A domain can use no more CPUs than it has vCPUs.
 */
static long set_params(struct domain *d, const struct xen_domctl_sched_credit2 *op)
{
    uint32_t weight, old_cap;

    sched_get_params(d, &weight, &old_cap);
    if (op->weight != 0) {
        weight = op->weight;
    }
    if (op->cap > 100 * d->max_vcpus) {
        return -EINVAL;
    }
    return sched_set_params(d, weight, op->cap);
}

long domctl_scheduler(struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_scheduler_op *op = &domctl->u.scheduler_op;
    uint32_t weight, cap;

    if (op->sched_id != XEN_SCHEDULER_CREDIT2) {
        return -EINVAL;
    }
    switch (op->cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        return set_params(d, &op->u.credit2);
    case XEN_DOMCTL_SCHEDOP_getinfo:
        sched_get_params(d, &weight, &cap);
        op->u.credit2.weight = (uint16_t)weight;
        op->u.credit2.cap = (uint16_t)cap;
        return 0;
    default:
        return -EINVAL; /* parameters are a domain's, not a vCPU's */
    }
}
