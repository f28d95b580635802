// SPDX-License-Identifier: Apache-2.0
// domctl: rights to devices. Who gives or takes one away must have it.
#include "abi/errno.h"
#include "base/cpu.h"
#include "control/domctl.h"
#include "control/irq.h"
#include "domain/access.h"

/* -EINVAL: no ports; -EPERM: not the caller's to give; -ENOMEM. */
long domctl_ioport_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;

    if (p->nr_ports == 0 || p->first_port >= IO_PORTS || p->nr_ports > IO_PORTS - p->first_port) {
        return -EINVAL;
    }
    if (!domain_may_access_ports(current_vcpu()->domain, p->first_port,
                                 p->first_port + p->nr_ports - 1)) {
        return -EPERM;
    }
    return domain_set_port_right(d, p->first_port, p->first_port + p->nr_ports - 1,
                                 p->allow_access != 0);
}

/* [first, first + count) is a range of frame numbers. */
static bool is_range(uint64_t first, uint64_t count)
{
    return count != 0 && first + (count - 1) >= first;
}

/* -EINVAL: no frames; -EPERM: not the caller's to give; -ENOSPC: in too many pieces. */
long domctl_iomem_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;
    uint64_t last = p->first_mfn + (p->nr_mfns - 1);

    if (!is_range(p->first_mfn, p->nr_mfns)) {
        return -EINVAL;
    }
    if (!domain_may_map(current_vcpu()->domain, p->first_mfn, last)) {
        return -EPERM;
    }
    return domain_set_map_right(d, p->first_mfn, last, p->allow_access != 0);
}

/*
 * The interrupt is named by the caller's own number for it. -EINVAL: there can be none such;
 * -EPERM: it is not mapped, or not the caller's to give; -ENOSPC.
 */
long domctl_irq_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_irq_permission *p = &op->u.irq_permission;
    struct domain *self = current_vcpu()->domain;
    int irq;

    if (p->pirq >= pirq_limit()) {
        return -EINVAL;
    }
    irq = pirq_to_irq(self, p->pirq);
    if (irq < 0 || !domain_may_bind(self, (uint32_t)irq)) {
        return -EPERM;
    }
    return domain_set_bind_right(d, (uint32_t)irq, p->allow_access != 0);
}

/* A domain with page tables of its own maps device memory itself, where it has the right to. */
long domctl_memory_mapping(struct domain *d, struct xen_domctl *op)
{
    return is_range(op->u.memory_mapping.first_mfn, op->u.memory_mapping.nr_mfns) &&
                   is_range(op->u.memory_mapping.first_gfn, op->u.memory_mapping.nr_mfns)
               ? 0
               : -EINVAL;
}
