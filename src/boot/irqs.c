// SPDX-License-Identifier: Apache-2.0
// Vectors, pins of I/O APICs, and which of them are domain 0's.
#include "boot/irqs.h"

#include "abi/errno.h"
#include "arch/interrupts.h"
#include "base/cpu.h"
#include "base/panic.h"
#include "boot/irqs_internal.h"
#include "boot/machine.h"
#include "domain/access.h"
#include "memory/allocator.h"
#include "platform/fadt.h"
#include "platform/ioapic.h"
#include "platform/lapic.h"
#include "platform/pci.h"

#define LAST_APIC_ID 254 /* that an I/O APIC's entry or a message can name */

struct vector_space irqs_vectors;
spinlock_t irqs_vector_lock = SPINLOCK(RANK_DEVICE);

static uint8_t *pin_vector; /* by GSI, guarded by the irq's lock; 0: none yet, then for good */

uint32_t irqs_destination(unsigned int cpu)
{
    uint32_t id = cpus[cpu]->apic_id;

    return id <= LAST_APIC_ID ? id : cpus[0]->apic_id;
}

bool irqs_is_device_memory(uint64_t paddr, uint64_t bytes)
{
    uint64_t first = paddr >> PAGE_SHIFT, last = (paddr + bytes - 1) >> PAGE_SHIFT;

    for (uint64_t n = first; n <= last && n < frame_count; n++) {
        if (READ_ONCE(frame_of(mfn(n))->owner) != DOMID_IO) {
            return false;
        }
    }
    return domain0 && domain_may_map(domain0, first, last);
}

/* ---- arrival --------------------------------------------------------------------------------- */

static void serve(unsigned int vector)
{
    uint32_t irq = vectors_owner(&irqs_vectors, (uint8_t)vector);

    if (irq != VECTOR_NO_OWNER) {
        irq_deliver(irq);
    } else if (!lapic_is_in_service((uint8_t)vector)) {
        return; /* not by way of the local APIC: nothing there to end */
    }
    lapic_eoi();
}

/* ---- pins ------------------------------------------------------------------------------------ */

static struct irq_trigger gsi_trigger(uint32_t gsi)
{
    struct irq_line line = madt_gsi_line(&machine.madt, gsi);

    return (struct irq_trigger){.level = line.level, .active_low = line.active_low};
}

static int pin_take_vector(uint32_t gsi, bool urgent)
{
    int vector;

    if (pin_vector[gsi] != 0) {
        return 0;
    }
    spin_lock(&irqs_vector_lock);
    vector = vectors_alloc(&irqs_vectors, urgent ? VECTOR_HIGH : VECTOR_NORMAL, gsi);
    spin_unlock(&irqs_vector_lock);
    if (vector < 0) {
        return vector;
    }
    pin_vector[gsi] = (uint8_t)vector;
    return 0;
}

static int gsi_connect(uint32_t gsi, struct irq_trigger trigger, bool urgent, unsigned int cpu)
{
    int error = pin_take_vector(gsi, urgent);
    struct ioapic_route route = {
        .vector = pin_vector[gsi],
        .apic_id = irqs_destination(cpu),
        .line = {.level = trigger.level, .active_low = trigger.active_low},
        .masked = true,
    };

    return error != 0 ? error : ioapic_set_route(gsi, &route);
}

static void gsi_move(uint32_t gsi, unsigned int cpu)
{
    (void)!ioapic_set_destination(gsi, irqs_destination(cpu));
}

static void gsi_set_masked(uint32_t gsi, bool masked)
{
    if (masked) {
        ioapic_mask(gsi);
    } else {
        ioapic_unmask(gsi);
    }
}

/* ---- pins and messages ----------------------------------------------------------------------- */

static struct irq_ops ops;

static void set_masked(uint32_t irq, bool masked)
{
    if (irq < ops.gsi_count) {
        gsi_set_masked(irq, masked);
    } else {
        irqs_message_set_masked(irq, masked);
    }
}

static void move(uint32_t irq, unsigned int cpu)
{
    if (irq < ops.gsi_count) {
        gsi_move(irq, cpu);
    } else {
        irqs_message_move(irq, cpu);
    }
}

/* Most were in firmware's table already. */
static int pci_window(uint64_t paddr, uint16_t segment, uint8_t first_bus, uint8_t last_bus)
{
    const struct mcfg_window window = {paddr, segment, first_bus, last_bus};
    const uint64_t bus_bytes = 1 << 20;
    uint64_t start = paddr + first_bus * bus_bytes;
    uint64_t bytes = (last_bus - first_bus + 1ULL) * bus_bytes;

    if (pci_window_covers(start, bytes)) {
        return 0;
    }
    return irqs_is_device_memory(start, bytes) ? pci_add_window(&window) : -EINVAL;
}

static struct irq_ops ops = {
    .gsi_exists = ioapic_has_gsi,
    .gsi_trigger = gsi_trigger,
    .gsi_connect = gsi_connect,
    .message_connect = irqs_message_connect,
    .message_disconnect = irqs_message_disconnect,
    .message_restore = irqs_message_restore,
    .set_masked = set_masked,
    .move = move,
    .ioapic_read = ioapic_raw_read,
    .ioapic_gsi = ioapic_raw_gsi,
    .pci_window = pci_window,
    .msix_probe = irqs_msix_probe,
};

/* ---- start of day ---------------------------------------------------------------------------- */

void irqs_start(void)
{
    vectors_init(&irqs_vectors);
    ops.gsi_count = ioapic_gsi_count();
    pin_vector = heap_new_array(uint8_t, ops.gsi_count);
    if (!pin_vector || irq_init(&ops) != 0) {
        panic("no memory for %u interrupts", ops.gsi_count);
    }
    irqs_messages_start(ops.gsi_count, pirq_limit() - ops.gsi_count);
    arch_set_device_interrupt(serve);
}

int irqs_claim_isa(unsigned int isa_irq, void (*handler)(void))
{
    struct irq_line line;

    return irq_claim(madt_isa_gsi(&machine.madt, isa_irq, &line), handler);
}

/* ---- domain 0's ------------------------------------------------------------------------------ */

void irqs_give_to_domain0(struct domain *d)
{
    if (ranges_add(d->io_irqs, 1, ops.gsi_count - 1) != 0) {
        panic("no room for domain 0's interrupts");
    }
}
