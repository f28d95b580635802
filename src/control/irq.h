// SPDX-License-Identifier: Apache-2.0
// Physical interrupts: from a device to the domains that drive it.
//
// An irq is a source of interrupts by Pavise's own number: below `gsi_count` a pin of an I/O APIC,
// by its global number (GSI); from there on a message of a PCI device (MSI or MSI-X). A pirq is a
// domain's own number for an irq that was mapped for it; it is bound when the domain's event port
// for it is open. This room reaches the hardware by `struct irq_ops` only.
//
// How often and when: a message or an edge is acknowledged at once, and never masked while it is
// bound, so none is lost; a second one before the guest looked merges in the event bit, as in any
// interrupt controller. A level stays asserted until the guest has calmed its device, so its pin is
// masked on arrival and opened when every domain that it was sent to has said EOI: however long a
// guest takes, it is one interrupt.
#pragma once

#include "domain/domain.h"
#include "lib/compiler.h"

/* How a pin signals. */
struct irq_trigger {
    bool level;
    bool active_low;
};

/* Which interrupt of a PCI device a message stands for. */
struct irq_source {
    uint16_t segment;
    uint8_t bus;
    uint8_t devfn;
    bool is_msix;
    uint16_t entry; /* MSI-X: index in the table */
};

/*
 * What the hardware can do; the room that knows it fills this in. Everything but the last three
 * may be called with RANK_IRQ held and takes no lock below RANK_HEAP.
 */
struct irq_ops {
    uint32_t gsi_count;
    bool (*gsi_exists)(uint32_t gsi);
    /* What firmware says about a pin. */
    struct irq_trigger (*gsi_trigger)(uint32_t gsi);
    /*
     * Route a pin to a CPU and leave it masked; again for another trigger. `urgent`: before
     * devices. 0, -ENOSPC.
     */
    int (*gsi_connect)(uint32_t gsi, struct irq_trigger trigger, bool urgent, unsigned int cpu);
    /*
     * Give `count` irqs from `irq` on to the messages from `source` on (more than one: MSI only, a
     * power of two), and tell the device; they stay masked where it can mask. 0, -ENODEV, -EINVAL
     * (beyond what the device has, or unreachable), -EEXIST (in use), -ENOSPC, -ENOMEM.
     */
    int (*message_connect)(uint32_t irq, unsigned int count, const struct irq_source *source,
                           unsigned int cpu);
    void (*message_disconnect)(uint32_t irq, unsigned int count);
    /* The device has forgotten: tell it again, masked or not. */
    void (*message_restore)(uint32_t irq, bool masked);
    /* Takes effect before it returns. Messages that can't be masked are left alone. */
    void (*set_masked)(uint32_t irq, bool masked);
    /* What comes meanwhile arrives at the old CPU or at the new one. */
    void (*move)(uint32_t irq, unsigned int cpu);

    /* An I/O APIC by its registers' address. -ENODEV, -EINVAL. */
    int (*ioapic_read)(uint64_t paddr, uint32_t reg, uint32_t *value);
    int (*ioapic_gsi)(uint64_t paddr, uint32_t reg, uint32_t *gsi);
    /* A window of PCI configuration space that firmware reserved. -EINVAL, -ENOSPC. */
    int (*pci_window)(uint64_t paddr, uint16_t segment, uint8_t first_bus, uint8_t last_bus);
    /* -ENODEV: no such device, or it has no MSI-X. */
    int (*msix_probe)(const struct irq_source *device);
};

/* Start of day, after event_init(). -ENOMEM. `ops` stays the caller's and must stay. */
must_check int irq_init(const struct irq_ops *ops);

/*
 * An interrupt has arrived: called on the CPU that took it, no lock held, before the interrupt
 * controller is told of its end.
 */
void irq_deliver(uint32_t irq);

/*
 * Pavise drives this device itself: `handler` runs on each interrupt, no lock held, interrupts off.
 * No domain can bind it. -EINVAL: no such pin; -EBUSY: in use; -ENOSPC. Takes RANK_IRQ.
 */
must_check int irq_claim(uint32_t gsi, void (*handler)(void));

/*
 * Interrupts are delivered to the CPU of the vCPU that their port tells, and follow when it has
 * moved. These that `cpu` gets go elsewhere: it is offline. Takes RANK_IRQ.
 */
void irq_leave_cpu(unsigned int cpu);

/* One past the highest GSI. */
uint32_t irq_gsi_count(void);

/*
 * What domain 0 knows of a pin, from firmware's code. -EINVAL: no such pin; -EEXIST: Pavise's own,
 * it was said before, or it is in use with another. Takes RANK_IRQ.
 */
must_check int irq_set_trigger(uint32_t gsi, struct irq_trigger trigger);

/* ---- a domain's interrupts ------------------------------------------------------------------ */

/* Numbers of a domain's interrupts are below this. */
uint32_t pirq_limit(void);

#define PIRQ_ANY (-1)

/*
 * Map a pin as *pirq, or PIRQ_ANY: by the pin's own number where that is free. What is mapped
 * already stays, and is no error. -EINVAL: no such pin or pirq, or the domain is dying; -EEXIST:
 * either is mapped to another; -ENOSPC. Takes RANK_DOMAIN. That the domain may have the pin is the
 * caller's to check.
 */
must_check int pirq_map_gsi(struct domain *d, uint32_t gsi, int *pirq);

/*
 * Map `count` messages of a device as *pirq and those that follow, or PIRQ_ANY. Errors as above,
 * and message_connect's. Takes RANK_DOMAIN.
 */
must_check int pirq_map_messages(struct domain *d, const struct irq_source *source,
                                 unsigned int count, int *pirq);

/*
 * Unmap; messages that were mapped together go together, by the first. One that is bound is unbound
 * first: the port stays open and silent. -EINVAL: not mapped, or not the first. Takes RANK_DOMAIN.
 */
must_check int pirq_unmap(struct domain *d, uint32_t pirq);

/*
 * Put a free number aside for a later map: a pin's or a message's. -ENOSPC; -EINVAL: dying. Takes
 * RANK_DOMAIN.
 */
must_check int pirq_reserve(struct domain *d, bool for_gsi, uint32_t *pirq);

/* The guest has served it. -EINVAL: no such number. Takes RANK_IRQ. */
must_check int pirq_eoi(struct domain *d, uint32_t pirq);

/* The same for all whose ports the guest has unmasked. */
void pirq_eoi_unmasked(struct domain *d);

/* PHYSDEVOP_irq_status_query's flags. -EINVAL: no such number. Takes RANK_IRQ. */
must_check int pirq_status(struct domain *d, uint32_t pirq, uint32_t *flags);

/*
 * A page of the guest's whose bits say, by pirq, whether it has to say EOI. With `unmask_ports` an
 * EOI also unmasks the port (PHYSDEVOP_pirq_eoi_gmfn_v1). -EINVAL: not a writable page of its own,
 * or the domain is dying; -EBUSY: it has one. Takes RANK_DOMAIN.
 */
must_check int pirq_set_eoi_page(struct domain *d, mfn_t frame, bool unmask_ports);

/* The irq behind a pirq. -EINVAL: not mapped. */
must_check int pirq_to_irq(const struct domain *d, uint32_t pirq);

/* ---- devices --------------------------------------------------------------------------------- */

/* The device was reset: write the messages again. Returns how many. Takes RANK_IRQ. */
unsigned int irq_restore_messages(const struct irq_source *device);

/* Whether messages of the device are mapped. Takes RANK_IRQ. */
bool irq_device_in_use(const struct irq_source *device);
