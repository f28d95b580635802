// SPDX-License-Identifier: Apache-2.0
// physdev_op's devices: domain 0 enumerates PCI and tells what it found. What firmware's tables and
// the bus itself say is enough for Pavise to work; the list keeps what only domain 0 can know.
#include "abi/errno.h"
#include "base/lock.h"
#include "control/irq.h"
#include "control/irq_internal.h"
#include "control/physdev_op.h"
#include "memory/allocator.h"

struct known_device {
    struct known_device *next;
    struct physdev_pci_device address;
    bool is_virtual; /* a virtual function, and of which device */
    uint8_t physical_bus, physical_devfn;
    bool msix_prepared; /* domain 0 promised not to move its table */
};

static spinlock_t devices_lock = SPINLOCK(RANK_IRQ);
static struct known_device *devices; /* guarded by devices_lock */

static struct irq_source source_of(const struct physdev_pci_device *address)
{
    return (struct irq_source){
        .segment = address->seg, .bus = address->bus, .devfn = address->devfn};
}

/* Where the device is linked, or the list's end. devices_lock is held. */
static struct known_device **find(const struct physdev_pci_device *address)
{
    struct known_device **link = &devices;

    while (*link && ((*link)->address.seg != address->seg || (*link)->address.bus != address->bus ||
                     (*link)->address.devfn != address->devfn)) {
        link = &(*link)->next;
    }
    return link;
}

bool physdev_is_known(const struct physdev_pci_device *address)
{
    bool known;

    spin_lock(&devices_lock);
    known = *find(address) != NULL;
    spin_unlock(&devices_lock);
    return known;
}

static void describe(struct known_device *device, const struct physdev_pci_device_add *op)
{
    device->is_virtual = (op->flags & XEN_PCI_DEV_VIRTFN) != 0;
    device->physical_bus = op->physfn.bus;
    device->physical_devfn = op->physfn.devfn;
}

long physdev_add_device(const struct physdev_pci_device_add *op)
{
    struct known_device *spare = heap_new(struct known_device);
    struct known_device **link;

    if (!spare) {
        return -ENOMEM;
    }
    spare->address =
        (struct physdev_pci_device){.seg = op->seg, .bus = op->bus, .devfn = op->devfn};
    spin_lock(&devices_lock);
    link = find(&spare->address);
    if (!*link) {
        *link = spare;
        spare = NULL;
    }
    describe(*link, op);
    spin_unlock(&devices_lock);
    heap_free(spare);
    return 0;
}

long physdev_remove_device(const struct physdev_pci_device *op)
{
    struct known_device **link, *gone;

    spin_lock(&devices_lock);
    link = find(op);
    gone = *link;
    if (gone) {
        *link = gone->next;
    }
    spin_unlock(&devices_lock);
    heap_free(gone);
    return gone ? 0 : -ENODEV;
}

long physdev_restore_messages(const struct physdev_pci_device *op)
{
    struct irq_source source = source_of(op);

    if (!physdev_is_known(op)) {
        return -ENODEV;
    }
    (void)irq_restore_messages(&source);
    return 0;
}

static long note_msix(const struct physdev_pci_device *op, bool prepared)
{
    struct known_device *device;

    spin_lock(&devices_lock);
    device = *find(op);
    if (device) {
        device->msix_prepared = prepared;
    }
    spin_unlock(&devices_lock);
    return device ? 0 : -ENODEV;
}

long physdev_prepare_msix(const struct physdev_pci_device *op)
{
    struct irq_source source = source_of(op);
    int error = irq_ops->msix_probe(&source);

    return error != 0 ? error : note_msix(op, true);
}

long physdev_release_msix(const struct physdev_pci_device *op)
{
    struct irq_source source = source_of(op);

    return irq_device_in_use(&source) ? -EBUSY : note_msix(op, false);
}
