// SPDX-License-Identifier: Apache-2.0
// domctl: small properties of a domain.
#include "abi/errno.h"
#include "control/copy.h"
#include "control/domctl.h"
#include "control/sysctl.h"
#include "event/event.h"
#include "lib/string.h"
#include "time/wall_clock.h"

/* Tools list domains by asking for each number's successor: the answer is the first that is not
 * below the one named. */
long domctl_get_info(struct domain *none, struct xen_domctl *op)
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

long domctl_set_handle(struct domain *d, struct xen_domctl *op)
{
    spin_lock(&d->lock);
    memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
    spin_unlock(&d->lock);
    return 0;
}

long domctl_set_time_offset(struct domain *d, struct xen_domctl *op)
{
    spin_lock(&d->lock);
    d->time_offset_seconds = op->u.settimeoffset.time_offset_seconds;
    spin_unlock(&d->lock);
    wall_clock_publish(d);
    return 0;
}

long domctl_get_address_size(struct domain *d, struct xen_domctl *op)
{
    op->u.address_size.size = d->is_32bit ? 32 : 64;
    return 0;
}

/* 64-bit kernels only; a narrower one is a known wish, anything else is none. */
long domctl_set_address_size(struct domain *d, struct xen_domctl *op)
{
    switch (op->u.address_size.size) {
    case 64:
        return 0;
    case 32:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

/* There is one node, and all memory is near to all. */
long domctl_get_node_affinity(struct domain *d, struct xen_domctl *op)
{
    return bitmap_to_guest(&op->u.nodeaffinity.nodemap, 1);
}

/* Not stored, as there is nothing to choose. -EFAULT; -EINVAL: none or others. */
long domctl_set_node_affinity(struct domain *d, struct xen_domctl *op)
{
    uint64_t nodes;

    if (bitmap_from_guest(&op->u.nodeaffinity.nodemap, &nodes) != 0) {
        return -EFAULT;
    }
    return (nodes & 1) != 0 ? 0 : -EINVAL;
}

long domctl_set_virq_handler(struct domain *d, struct xen_domctl *op)
{
    return event_set_virq_handler(d, op->u.set_virq_handler.virq);
}
