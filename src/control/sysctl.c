// SPDX-License-Identifier: Apache-2.0
// sysctl: tools look at the whole machine and steer it (<xen/sysctl.h>).
#include "control/sysctl.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "base/hypercall.h"
#include "base/log.h"
#include "console/keys.h"
#include "control/hypercalls.h"
#include "sched/sched.h"

/* ---- the log ------------------------------------------------------------------------------------
 */

/* Tools count bytes with 32 bits: the position of that number which the log still holds, if any. */
static uint64_t log_position(uint32_t index)
{
    uint64_t oldest = 0;
    char first;
    uint32_t ahead;

    if (log_read(&oldest, &first, 1) == 1) {
        oldest--;
    }
    ahead = index - (uint32_t)oldest;
    return ahead <= INT32_MAX ? oldest + ahead : oldest;
}

static long read_console(struct xen_sysctl_readconsole *op)
{
    uint64_t position = op->incremental ? log_position(op->index) : 0;
    gva_t to = gva((uint64_t)op->buffer.p);
    uint32_t copied = 0;
    size_t bytes;
    char piece[256];

    while (copied < op->count &&
           (bytes = log_read(&position, piece, MIN(sizeof(piece), (size_t)op->count - copied))) !=
               0) {
        if (copy_to_guest(gva_add(to, copied), piece, bytes) != 0) {
            return -EFAULT;
        }
        copied += (uint32_t)bytes;
    }
    if (op->clear) {
        log_clear();
    }
    op->count = copied;
    op->index = (uint32_t)position;
    return 0;
}

/* ---- debug keys ---------------------------------------------------------------------------------
 */

#define MAX_KEYS 256

static long press_keys(const struct xen_sysctl_debug_keys *op)
{
    if (op->nr_keys > MAX_KEYS) {
        return -E2BIG;
    }
    for (uint32_t i = 0; i < op->nr_keys; i++) {
        char key;
        if (copy_from_guest(&key, gva((uint64_t)op->keys.p + i), 1) != 0) {
            return -EFAULT;
        }
        console_press_key(key);
    }
    return 0;
}

/* ---- domains ------------------------------------------------------------------------------------
 */

static long list_domains(struct xen_sysctl_getdomaininfolist *op)
{
    gva_t buffer = gva((uint64_t)op->buffer.p);
    uint32_t count = 0;
    int id = (int)op->first_domain - 1;

    while (count < op->max_domains) {
        struct xen_domctl_getdomaininfo info;
        struct domain *d = domain_get_next(id);

        if (!d) {
            break;
        }
        id = d->id;
        domain_info(d, &info);
        domain_put(d);
        if (write_guest(buffer, count, &info) != 0) {
            return -EFAULT;
        }
        count++;
    }
    op->num_domains = count;
    return 0;
}

/* ---- trace buffers ------------------------------------------------------------------------------
 */

/* There are none: they have no size. */
static long trace_buffers(struct xen_sysctl_tbuf_op *op)
{
    if (op->cmd != XEN_SYSCTL_TBUFOP_get_info) {
        return -EINVAL;
    }
    op->evt_mask = 0;
    op->buffer_mfn = 0;
    op->size = 0;
    return 0;
}

/* ---- the call
 * ------------------------------------------------------------------------------------ */

static long carry_out(struct xen_sysctl *op)
{
    switch (op->cmd) {
    case XEN_SYSCTL_readconsole:
        return read_console(&op->u.readconsole);
    case XEN_SYSCTL_physinfo:
        return sysctl_physinfo(&op->u.physinfo);
    case XEN_SYSCTL_sched_id:
        op->u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2;
        return 0;
    case XEN_SYSCTL_getdomaininfolist:
        return list_domains(&op->u.getdomaininfolist);
    case XEN_SYSCTL_debug_keys:
        return press_keys(&op->u.debug_keys);
    case XEN_SYSCTL_getcpuinfo:
        return sysctl_cpu_info(&op->u.getcpuinfo);
    case XEN_SYSCTL_availheap:
        return sysctl_avail_heap(&op->u.availheap);
    case XEN_SYSCTL_cputopoinfo:
        return sysctl_cpu_topology(&op->u.cputopoinfo);
    case XEN_SYSCTL_numainfo:
        return sysctl_numa_info(&op->u.numainfo);
    case XEN_SYSCTL_cpupool_op:
        return sysctl_cpupool(&op->u.cpupool_op);
    case XEN_SYSCTL_scheduler_op:
        return sysctl_scheduler(&op->u.scheduler_op);
    case XEN_SYSCTL_get_cpu_levelling_caps:
        op->u.cpu_levelling_caps.caps = 0; /* CPUID is not filtered by hardware */
        return 0;
    case XEN_SYSCTL_get_pmstat:
    case XEN_SYSCTL_pm_op:
        return -ENODEV;
    case XEN_SYSCTL_psr_cmt_op:
    case XEN_SYSCTL_psr_alloc:
        return -ENODEV;
    case XEN_SYSCTL_cpu_hotplug:
        return sysctl_cpu_hotplug(&op->u.cpu_hotplug);
    case XEN_SYSCTL_get_cpu_featureset:
        return sysctl_cpu_featureset(&op->u.cpu_featureset);
    case XEN_SYSCTL_get_cpu_policy:
        return sysctl_cpu_policy(&op->u.cpu_policy);
    case XEN_SYSCTL_pcitopoinfo:
        return sysctl_pci_topology(&op->u.pcitopoinfo);
    case XEN_SYSCTL_tbuf_op:
        return trace_buffers(&op->u.tbuf_op);
    case XEN_SYSCTL_coverage_op:
        return -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}

long hypercall_sysctl(gva_t argument)
{
    struct xen_sysctl op;
    long result;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (!current_vcpu()->domain->privileged) {
        return -EPERM;
    }
    result = carry_out(&op);
    if (result >= 0 && write_guest(argument, 0, &op) != 0) {
        return -EFAULT;
    }
    return result;
}
