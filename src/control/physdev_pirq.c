// SPDX-License-Identifier: Apache-2.0
// physdev_op's interrupts: a pin or a device's messages become a domain's pirqs.
#include "abi/errno.h"
#include "base/cpu.h"
#include "control/irq.h"
#include "control/physdev_op.h"
#include "domain/access.h"

#define MSI_MAX_MESSAGES 32 /* PCI Local Bus 3.0, 6.8.1.3 */

/* ---- pins ------------------------------------------------------------------------------------ */

static long map_gsi(struct domain *d, struct physdev_map_pirq *op)
{
    if (op->index < 0 || (uint32_t)op->index >= irq_gsi_count()) {
        return -EINVAL;
    }
    if (!domain_may_bind(current_vcpu()->domain, (uint32_t)op->index)) {
        return -EPERM;
    }
    return pirq_map_gsi(d, (uint32_t)op->index, &op->pirq);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* MSI-X has a table, and only MSI several messages at once. */
static long map_messages(struct domain *d, struct physdev_map_pirq *op, uint16_t segment,
                         unsigned int count)
{
    bool is_msix = op->table_base != 0 && op->type != MAP_PIRQ_TYPE_MULTI_MSI;
    struct irq_source source = {
        .segment = segment,
        .bus = (uint8_t)op->bus,
        .devfn = (uint8_t)op->devfn,
        .is_msix = is_msix,
        .entry = is_msix ? (uint16_t)op->entry_nr : 0,
    };

    if ((op->devfn & ~0xff) != 0) {
        return -ENODEV;
    }
    if (is_msix && (op->entry_nr & ~0x7ff) != 0) {
        return -EINVAL;
    }
    return pirq_map_messages(d, &source, count, &op->pirq);
}

/* The number wanted is the device's choice of 1, 2, 4 to 32: PCI knows no other. */
static long map_several(struct domain *d, struct physdev_map_pirq *op)
{
    if (op->entry_nr <= 0 || op->entry_nr > MSI_MAX_MESSAGES) {
        return -EDOM;
    }
    return map_messages(d, op, (uint16_t)((uint32_t)op->bus >> 16), (unsigned int)op->entry_nr);
}

static long map_for(struct domain *d, struct physdev_map_pirq *op)
{
    switch (op->type) {
    case MAP_PIRQ_TYPE_GSI:
        return map_gsi(d, op);
    case MAP_PIRQ_TYPE_MSI:
        return map_messages(d, op, 0, 1);
    case MAP_PIRQ_TYPE_MSI_SEG:
        return map_messages(d, op, (uint16_t)((uint32_t)op->bus >> 16), 1);
    case MAP_PIRQ_TYPE_MULTI_MSI:
        return map_several(d, op);
    default:
        return -EINVAL;
    }
}

/* ---- calls ----------------------------------------------------------------------------------- */

long physdev_map_pirq(struct physdev_map_pirq *op)
{
    struct domain *d = domain_get_self_or(op->domid);
    long result;

    if (!d) {
        return -ESRCH;
    }
    result = map_for(d, op);
    domain_put(d);
    return result;
}

long physdev_unmap_pirq(const struct physdev_unmap_pirq *op)
{
    struct domain *d = domain_get_self_or(op->domid);
    long result;

    if (!d) {
        return -ESRCH;
    }
    result = op->pirq < 0 ? -EINVAL : pirq_unmap(d, (uint32_t)op->pirq);
    domain_put(d);
    return result;
}

/* What is no pin is one of the kinds of messages. */
long physdev_get_free_pirq(struct physdev_get_free_pirq *op)
{
    return pirq_reserve(current_vcpu()->domain, op->type == MAP_PIRQ_TYPE_GSI, &op->pirq);
}
