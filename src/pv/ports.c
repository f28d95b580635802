// SPDX-License-Identifier: Apache-2.0
// Port accesses of guests. The two ports of PCI configuration are shared with Pavise, so a guest's
// address is kept for it and put in place for each access to the data.
#include "pv/ports.h"

#include "arch/io.h"
#include "arch/vcpu.h"
#include "base/pci_lock.h"
#include "domain/access.h"

#define PCI_ADDRESS_PORT 0xcf8
#define PCI_DATA_PORT    0xcfc
#define IOPL_SHIFT       12

/* Ports that a domain has not been given behave like ports where no device answers. */
static bool domain_has_ports(const struct domain *d, uint16_t port, unsigned int bytes)
{
    return domain_may_access_ports(d, port, port + bytes - 1);
}

/* The kernel's bitmap for its user mode lies in guest memory: a clear bit permits. */
static bool bitmap_permits(const struct vcpu *v, uint16_t port, unsigned int bytes)
{
    uint16_t bits = 0;

    if ((uint64_t)v->io_bitmap == 0 || port + bytes > v->io_bitmap_ports) {
        return false;
    }
    if (arch_copy_from_guest_kernel(&bits, gva((uint64_t)v->io_bitmap + port / 8),
                                    (port % 8 + bytes + 7) / 8) != 0) {
        return false;
    }
    return ((bits >> (port % 8)) & ((1U << bytes) - 1)) == 0;
}

bool ports_allowed(const struct vcpu *v, uint16_t port, unsigned int bytes)
{
    unsigned int iopl = (unsigned int)(v->iopl >> IOPL_SHIFT);
    bool privileged = vcpu_in_kernel(v) ? iopl >= 1 : iopl >= 3;

    return privileged || bitmap_permits(v, port, bytes);
}

static bool is_pci_data(uint16_t port)
{
    return (port & ~3U) == PCI_DATA_PORT;
}

static uint32_t raw_read(uint16_t port, unsigned int bytes)
{
    switch (bytes) {
    case 1:
        return arch_in8(port);
    case 2:
        return arch_in16(port);
    default:
        return arch_in32(port);
    }
}

static void raw_write(uint16_t port, unsigned int bytes, uint32_t value)
{
    switch (bytes) {
    case 1:
        arch_out8(port, (uint8_t)value);
        break;
    case 2:
        arch_out16(port, (uint16_t)value);
        break;
    default:
        arch_out32(port, value);
        break;
    }
}

uint32_t port_read(struct domain *d, uint16_t port, unsigned int bytes)
{
    uint32_t value;

    if (!domain_has_ports(d, port, bytes)) {
        return UINT32_MAX;
    }
    if (port == PCI_ADDRESS_PORT && bytes == 4) {
        return d->pci_address;
    }
    if (!is_pci_data(port)) {
        return raw_read(port, bytes);
    }
    spin_lock(&pci_port_lock);
    arch_out32(PCI_ADDRESS_PORT, d->pci_address);
    value = raw_read(port, bytes);
    spin_unlock(&pci_port_lock);
    return value;
}

void port_write(struct domain *d, uint16_t port, unsigned int bytes, uint32_t value)
{
    if (!domain_has_ports(d, port, bytes)) {
        return;
    }
    if (port == PCI_ADDRESS_PORT && bytes == 4) {
        d->pci_address = value;
        return;
    }
    if (!is_pci_data(port)) {
        raw_write(port, bytes, value);
        return;
    }
    spin_lock(&pci_port_lock);
    arch_out32(PCI_ADDRESS_PORT, d->pci_address);
    raw_write(port, bytes, value);
    spin_unlock(&pci_port_lock);
}
