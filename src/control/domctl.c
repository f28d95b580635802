// SPDX-License-Identifier: Apache-2.0
// domctl: tools look at domains and steer them (<xen/domctl.h>).
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "control/copy.h"
#include "control/domctl_sched.h"
#include "control/hypercalls.h"
#include "control/sysctl.h"
#include "control/vcpu_op.h"
#include "event/event.h"
#include "lib/string.h"
#include "sched/sched.h"
#include "time/wall_clock.h"

/* Tools list domains by asking for each number's successor: the answer is the first that is not
 * below the one named. */
static long get_domain_info(struct xen_domctl *op)
{
    struct domain *d =
        op->domain < DOMID_FIRST_RESERVED ? domain_get_next((int)op->domain - 1) : NULL;

    if (!d) {
        return -ESRCH;
    }
    domain_info(d, &op->u.getdomaininfo);
    op->domain = d->id;
    domain_put(d);
    return 0;
}

static long set_handle(struct domain *d, const struct xen_domctl_setdomainhandle *op)
{
    spin_lock(&d->lock);
    memcpy(d->handle, op->handle, sizeof(d->handle));
    spin_unlock(&d->lock);
    return 0;
}

static long set_time_offset(struct domain *d, const struct xen_domctl_settimeoffset *op)
{
    spin_lock(&d->lock);
    d->time_offset_seconds = op->time_offset_seconds;
    spin_unlock(&d->lock);
    wall_clock_publish(d);
    return 0;
}

static long set_max_memory(struct domain *d, const struct xen_domctl_max_mem *op)
{
    spin_lock(&d->page_lock);
    d->max_pages = op->max_memkb / (PAGE_SIZE / 1024);
    spin_unlock(&d->page_lock);
    return 0;
}

static long send_trigger(struct domain *d, const struct xen_domctl_sendtrigger *op)
{
    struct vcpu *v = op->vcpu < d->max_vcpus ? READ_ONCE(d->vcpus[op->vcpu]) : NULL;

    if (op->vcpu >= d->max_vcpus) {
        return -EINVAL;
    }
    if (!v) {
        return -ESRCH;
    }
    if (op->trigger != XEN_DOMCTL_SENDTRIGGER_NMI) {
        return -ENOSYS;
    }
    vcpu_send_nmi(v);
    return 0;
}

/* There is one node, and all memory is near to all. */
static long get_node_affinity(const struct xen_domctl_nodeaffinity *op)
{
    return bitmap_to_guest(&op->nodemap, 1);
}

static long carry_out(struct domain *d, struct xen_domctl *op)
{
    switch (op->cmd) {
    case XEN_DOMCTL_getvcpuinfo:
        return domctl_get_vcpu_info(d, &op->u.getvcpuinfo);
    case XEN_DOMCTL_setvcpuaffinity:
        return domctl_set_affinity(d, &op->u.vcpuaffinity);
    case XEN_DOMCTL_getvcpuaffinity:
        return domctl_get_affinity(d, &op->u.vcpuaffinity);
    case XEN_DOMCTL_scheduler_op:
        return domctl_scheduler(d, &op->u.scheduler_op);
    case XEN_DOMCTL_setdomainhandle:
        return set_handle(d, &op->u.setdomainhandle);
    case XEN_DOMCTL_settimeoffset:
        return set_time_offset(d, &op->u.settimeoffset);
    case XEN_DOMCTL_max_mem:
        return set_max_memory(d, &op->u.max_mem);
    case XEN_DOMCTL_sendtrigger:
        return send_trigger(d, &op->u.sendtrigger);
    case XEN_DOMCTL_getnodeaffinity:
        return get_node_affinity(&op->u.nodeaffinity);
    case XEN_DOMCTL_get_address_size:
        op->u.address_size.size = d->is_32bit ? 32 : 64;
        return 0;
    case XEN_DOMCTL_set_virq_handler:
        return event_set_virq_handler(d, op->u.set_virq_handler.virq);
    default:
        return -ENOSYS;
    }
}

static long carry_out_on_domain(struct xen_domctl *op)
{
    struct domain *d;
    long result;

    if (op->cmd == XEN_DOMCTL_getdomaininfo) {
        return get_domain_info(op);
    }
    d = domain_get_self_or(op->domain);
    if (!d) {
        return -ESRCH;
    }
    result = carry_out(d, op);
    domain_put(d);
    return result;
}

long hypercall_domctl(gva_t argument)
{
    struct xen_domctl op;
    long result;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (!current_vcpu()->domain->privileged) {
        return -EPERM;
    }
    result = carry_out_on_domain(&op);
    if (result >= 0 && write_guest(argument, 0, &op) != 0) {
        return -EFAULT;
    }
    return result;
}
