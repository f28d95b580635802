// SPDX-License-Identifier: Apache-2.0
// sysctl: the scheduler's own parameters, and the one CPU pool.
#include "abi/errno.h"
#include "control/copy.h"
#include "control/sysctl.h"
#include "sched/sched.h"

static long set_rate_limit(uint32_t us)
{
    if (us != 0 && (us < XEN_SYSCTL_SCHED_RATELIMIT_MIN || us > XEN_SYSCTL_SCHED_RATELIMIT_MAX)) {
        return -EINVAL;
    }
    sched_set_rate_limit_us(us);
    return 0;
}

/* It takes the parameters of credit2, whose meaning of weight and cap it shares. */
long sysctl_scheduler(struct xen_sysctl_scheduler_op *op)
{
    if (op->cpupool_id != 0) {
        return -ESRCH;
    }
    if (op->sched_id != XEN_SCHEDULER_CREDIT2) {
        return -EINVAL;
    }
    switch (op->cmd) {
    case XEN_SYSCTL_SCHEDOP_putinfo:
        return set_rate_limit(op->u.sched_credit2.ratelimit_us);
    case XEN_SYSCTL_SCHEDOP_getinfo:
        op->u.sched_credit2.ratelimit_us = sched_rate_limit_us();
        return 0;
    default:
        return -EINVAL;
    }
}

static uint32_t count_domains(void)
{
    struct domain *d;
    uint32_t count = 0;
    int id = -1;

    while ((d = domain_get_next(id)) != NULL) {
        id = d->id;
        count++;
        domain_put(d);
    }
    return count;
}

/* Tools walk pools by asking for each number in turn, and take the next that there is. */
static long pool_info(struct xen_sysctl_cpupool_op *op)
{
    if (op->cpupool_id != 0) {
        return -ENOENT;
    }
    op->sched_id = XEN_SCHEDULER_CREDIT2;
    op->n_dom = count_domains();
    return bitmap_to_guest(&op->cpumap, cpus_online());
}

/* Every CPU and every domain is in pool 0. */
long sysctl_cpupool(struct xen_sysctl_cpupool_op *op)
{
    switch (op->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        return pool_info(op);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return bitmap_to_guest(&op->cpumap, 0);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return op->cpupool_id == 0 ? 0 : -ENOENT;
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}
