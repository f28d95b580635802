// SPDX-License-Identifier: Apache-2.0
// physdev_op: a domain and the physical devices it drives (<xen/physdev.h>).
//
// Each operation has its argument structure, copied in once. What concerns the machine, and not
// only the caller's own vCPU or interrupts, is for privileged domains: -EPERM for others.
#include "control/physdev_op.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "control/hypercalls.h"
#include "control/irq.h"
#include "control/irq_internal.h"
#include "domain/domain.h"

#define IOPL_SHIFT 12

/* Read the argument, or leave with -EFAULT. */
#define READ(op, argument)                    \
    do {                                      \
        if (read_guest(op, argument, 0) != 0) \
            return -EFAULT;                   \
    } while (0)

/* The answer goes back where the operation worked. */
#define ANSWER(result, argument, op) \
    ((result) != 0 ? (result) : write_guest(argument, 0, op) != 0 ? -EFAULT : 0)

/* ---- the caller's own interrupts ------------------------------------------------------------- */

static long eoi(gva_t argument)
{
    struct physdev_eoi op;

    READ(&op, argument);
    return pirq_eoi(current_vcpu()->domain, op.irq);
}

/* PHYSDEVOP_IRQ_UNMASK_NOTIFY, which has no argument. */
static long irq_unmask_notify(gva_t argument)
{
    pirq_eoi_unmasked(current_vcpu()->domain);
    return 0;
}

static long irq_status_query(gva_t argument)
{
    struct physdev_irq_status_query op;
    long result;

    READ(&op, argument);
    result = pirq_status(current_vcpu()->domain, op.irq, &op.flags);
    return ANSWER(result, argument, &op);
}

static long set_eoi_page(gva_t argument, bool unmask_ports)
{
    struct physdev_pirq_eoi_gmfn op;

    READ(&op, argument);
    return pirq_set_eoi_page(current_vcpu()->domain, mfn(op.gmfn), unmask_ports);
}

static long pirq_eoi_gmfn_v1(gva_t argument)
{
    return set_eoi_page(argument, true);
}

static long pirq_eoi_gmfn_v2(gva_t argument)
{
    return set_eoi_page(argument, false);
}

static long get_free_pirq(gva_t argument)
{
    struct physdev_get_free_pirq op;
    long result;

    READ(&op, argument);
    result = physdev_get_free_pirq(&op);
    return ANSWER(result, argument, &op);
}

static long map_pirq(gva_t argument)
{
    struct physdev_map_pirq op;
    long result;

    READ(&op, argument);
    result = physdev_map_pirq(&op);
    return ANSWER(result, argument, &op);
}

static long unmap_pirq(gva_t argument)
{
    struct physdev_unmap_pirq op;

    READ(&op, argument);
    return physdev_unmap_pirq(&op);
}

/* ---- the caller's own vCPU ------------------------------------------------------------------- */

static long set_iopl(gva_t argument)
{
    struct physdev_set_iopl op;

    READ(&op, argument);
    if (op.iopl > 3) {
        return -EINVAL;
    }
    current_vcpu()->iopl = (uint64_t)op.iopl << IOPL_SHIFT;
    return 0;
}

static long set_iobitmap(gva_t argument)
{
    struct physdev_set_iobitmap op;
    struct vcpu *v = current_vcpu();

    READ(&op, argument);
    if (op.nr_ports > IO_PORTS ||
        !guest_range_ok(gva((uint64_t)op.bitmap.p), MAX(1U, (op.nr_ports + 7) / 8))) {
        return -EINVAL;
    }
    v->io_bitmap = op.bitmap.p;
    v->io_bitmap_ports = op.nr_ports;
    return 0;
}

/* ---- I/O APICs and pins ---------------------------------------------------------------------- */

static long apic_read(gva_t argument)
{
    struct physdev_apic op;
    long result;

    READ(&op, argument);
    result = irq_ops->ioapic_read(op.apic_physbase, op.reg, &op.value) != 0 ? -EINVAL : 0;
    return ANSWER(result, argument, &op);
}

#define ENTRY_FIRST      0x10 /* Intel 82093AA, 3.2.4: an entry has two registers, low half first */
#define ENTRY_ACTIVE_LOW (1U << 13)
#define ENTRY_LEVEL      (1U << 15)

/*
 * How a pin signals is all that a guest can say: vector, destination and mask are Pavise's, as are
 * the other registers. What it writes there is dropped, as its own I/O APIC code expects no error.
 */
static long apic_write(gva_t argument)
{
    struct physdev_apic op;
    uint32_t gsi;

    READ(&op, argument);
    if (op.reg < ENTRY_FIRST || op.reg % 2 != 0) {
        return 0;
    }
    if (irq_ops->ioapic_gsi(op.apic_physbase, op.reg, &gsi) != 0) {
        return -EINVAL;
    }
    /* One that was said before stays. */
    (void)!irq_set_trigger(gsi, (struct irq_trigger){(op.value & ENTRY_LEVEL) != 0,
                                                     (op.value & ENTRY_ACTIVE_LOW) != 0});
    return 0;
}

/* Vectors are Pavise's: the guest gets one that only means something to itself. */
static long alloc_irq_vector(gva_t argument)
{
    struct physdev_irq op;

    READ(&op, argument);
    if (op.irq >= pirq_limit()) {
        return -EINVAL;
    }
    op.vector = op.irq;
    return write_guest(argument, 0, &op) != 0 ? -EFAULT : 0;
}

static long setup_gsi(gva_t argument)
{
    struct physdev_setup_gsi op;

    READ(&op, argument);
    if (op.gsi < 0) {
        return -EINVAL;
    }
    return irq_set_trigger((uint32_t)op.gsi,
                           (struct irq_trigger){op.triggering != 0, op.polarity != 0});
}

/* ---- PCI ------------------------------------------------------------------------------------- */

static long manage_pci_add(gva_t argument)
{
    struct physdev_manage_pci op;

    READ(&op, argument);
    return physdev_add_device(&(struct physdev_pci_device_add){.bus = op.bus, .devfn = op.devfn});
}

static long manage_pci_remove(gva_t argument)
{
    struct physdev_manage_pci op;

    READ(&op, argument);
    return physdev_remove_device(&(struct physdev_pci_device){.bus = op.bus, .devfn = op.devfn});
}

static long manage_pci_add_ext(gva_t argument)
{
    struct physdev_manage_pci_ext op;

    READ(&op, argument);
    /* Each is a truth value, and a function can't be both. */
    if (op.is_extfn > 1 || op.is_virtfn > 1) {
        return -EINVAL;
    }
    struct physdev_pci_device_add device = {
        .bus = op.bus,
        .devfn = op.devfn,
        .flags = (op.is_extfn != 0 ? XEN_PCI_DEV_EXTFN : 0) |
                 (op.is_virtfn != 0 ? XEN_PCI_DEV_VIRTFN : 0),
        .physfn = {op.physfn.bus, op.physfn.devfn},
    };
    return physdev_add_device(&device);
}

/* The proximity domain, which may follow, is not used: it is not read. */
static long pci_device_add(gva_t argument)
{
    struct physdev_pci_device_add op;

    READ(&op, argument);
    return physdev_add_device(&op);
}

static long on_device(gva_t argument, long (*carry_out)(const struct physdev_pci_device *op))
{
    struct physdev_pci_device op;

    READ(&op, argument);
    return carry_out(&op);
}

static long pci_device_remove(gva_t argument)
{
    return on_device(argument, physdev_remove_device);
}

static long restore_msi_ext(gva_t argument)
{
    return on_device(argument, physdev_restore_messages);
}

static long prepare_msix(gva_t argument)
{
    return on_device(argument, physdev_prepare_msix);
}

static long release_msix(gva_t argument)
{
    return on_device(argument, physdev_release_msix);
}

static long restore_msi(gva_t argument)
{
    struct physdev_restore_msi op;

    READ(&op, argument);
    return physdev_restore_messages(&(struct physdev_pci_device){.bus = op.bus, .devfn = op.devfn});
}

static long pci_mmcfg_reserved(gva_t argument)
{
    struct physdev_pci_mmcfg_reserved op;

    READ(&op, argument);
    if (op.start_bus > op.end_bus) {
        return -EINVAL;
    }
    /* Not reserved: then firmware may have something else there, and Pavise does not touch it. */
    if ((op.flags & XEN_PCI_MMCFG_RESERVED) == 0) {
        return 0;
    }
    return irq_ops->pci_window(op.address, op.segment, op.start_bus, op.end_bus);
}

/* A USB debug port would have to be set up again after a reset; Pavise drives none. */
static long dbgp_op(gva_t argument)
{
    struct physdev_dbgp_op op;

    READ(&op, argument);
    return 0;
}

/* ---- dispatch -------------------------------------------------------------------------------- */

enum rights { ANYONE, PRIVILEGED };

static const struct operation {
    long (*carry_out)(gva_t argument);
    enum rights rights;
} operations[] = {
    [PHYSDEVOP_IRQ_UNMASK_NOTIFY] = {irq_unmask_notify, ANYONE},
    [PHYSDEVOP_irq_status_query] = {irq_status_query, ANYONE},
    [PHYSDEVOP_set_iopl] = {set_iopl, ANYONE},
    [PHYSDEVOP_set_iobitmap] = {set_iobitmap, ANYONE},
    [PHYSDEVOP_apic_read] = {apic_read, PRIVILEGED},
    [PHYSDEVOP_apic_write] = {apic_write, PRIVILEGED},
    [PHYSDEVOP_alloc_irq_vector] = {alloc_irq_vector, PRIVILEGED},
    [PHYSDEVOP_eoi] = {eoi, ANYONE},
    [PHYSDEVOP_map_pirq] = {map_pirq, PRIVILEGED},
    [PHYSDEVOP_unmap_pirq] = {unmap_pirq, PRIVILEGED},
    [PHYSDEVOP_manage_pci_add] = {manage_pci_add, PRIVILEGED},
    [PHYSDEVOP_manage_pci_remove] = {manage_pci_remove, PRIVILEGED},
    [PHYSDEVOP_pirq_eoi_gmfn_v1] = {pirq_eoi_gmfn_v1, ANYONE},
    [PHYSDEVOP_restore_msi] = {restore_msi, PRIVILEGED},
    [PHYSDEVOP_manage_pci_add_ext] = {manage_pci_add_ext, PRIVILEGED},
    [PHYSDEVOP_setup_gsi] = {setup_gsi, PRIVILEGED},
    [PHYSDEVOP_get_free_pirq] = {get_free_pirq, ANYONE},
    [PHYSDEVOP_pci_mmcfg_reserved] = {pci_mmcfg_reserved, PRIVILEGED},
    [PHYSDEVOP_pci_device_add] = {pci_device_add, PRIVILEGED},
    [PHYSDEVOP_pci_device_remove] = {pci_device_remove, PRIVILEGED},
    [PHYSDEVOP_restore_msi_ext] = {restore_msi_ext, PRIVILEGED},
    [PHYSDEVOP_pirq_eoi_gmfn_v2] = {pirq_eoi_gmfn_v2, ANYONE},
    [PHYSDEVOP_dbgp_op] = {dbgp_op, PRIVILEGED},
    [PHYSDEVOP_prepare_msix] = {prepare_msix, PRIVILEGED},
    [PHYSDEVOP_release_msix] = {release_msix, PRIVILEGED},
};

long hypercall_physdev_op(uint64_t cmd, gva_t argument)
{
    const struct operation *operation;

    if ((uint32_t)cmd >= ARRAY_SIZE(operations)) {
        return -ENOSYS;
    }
    operation = &operations[(uint32_t)cmd];
    if (!operation->carry_out) {
        return -ENOSYS;
    }
    if (operation->rights == PRIVILEGED && !current_vcpu()->domain->privileged) {
        return -EPERM;
    }
    return operation->carry_out(argument);
}

/* The old call's command lies with its argument: the few operations that there were then. */
static bool is_old(uint32_t cmd)
{
    return cmd <= PHYSDEVOP_eoi;
}

long hypercall_physdev_op_compat(gva_t argument)
{
    uint32_t cmd;

    READ(&cmd, argument);
    return is_old(cmd)
               ? hypercall_physdev_op(cmd, gva_add(argument, offsetof(struct physdev_op, u)))
               : -ENOSYS;
}
