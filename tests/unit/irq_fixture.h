// SPDX-License-Identifier: Apache-2.0
// Interrupt controllers and devices that remember what they were told, for tests of physical
// interrupts. One machine serves all tests of a program; each test leaves it as it was.
#pragma once

#include "event_fixture.h"

#include "control/irq.h"

#define GSIS         24
#define MISSING      7  /* no pin has this number */
#define EDGE         5  /* a pin that firmware calls edge-triggered, as all below 16 */
#define LEVEL        20 /* level-triggered, as all from 16 on */
#define FAKE_IRQS    (GSIS + 256)
#define IOAPIC_PADDR 0xfec00000UL

static struct fake {
    bool open[FAKE_IRQS]; /* not masked */
    bool connected[FAKE_IRQS];
    unsigned int cpu[FAKE_IRQS];
    unsigned int mask_changes[FAKE_IRQS];
    struct irq_trigger trigger[GSIS];
    bool urgent[GSIS];
    struct irq_source source; /* the last that was connected */
    unsigned int restored, windows;
    bool restored_masked;
    int error; /* what the next connection answers */
} fake;

static bool fake_gsi_exists(uint32_t gsi)
{
    return gsi < GSIS && gsi != MISSING;
}

static struct irq_trigger fake_trigger(uint32_t gsi)
{
    return (struct irq_trigger){gsi >= 16, gsi >= 16};
}

static int fake_gsi_connect(uint32_t gsi, struct irq_trigger trigger, bool urgent, unsigned int cpu)
{
    if (fake.error != 0) {
        return fake.error;
    }
    assert_true(fake_gsi_exists(gsi));
    assert_false(fake.open[gsi]);
    fake.connected[gsi] = true;
    fake.trigger[gsi] = trigger;
    fake.urgent[gsi] = urgent;
    fake.cpu[gsi] = cpu;
    return 0;
}

static int fake_message_connect(uint32_t irq, unsigned int count, const struct irq_source *source,
                                unsigned int cpu)
{
    if (fake.error != 0) {
        return fake.error;
    }
    for (unsigned int i = 0; i < count; i++) {
        assert_true(irq + i >= GSIS && irq + i < FAKE_IRQS);
        assert_false(fake.connected[irq + i]);
        assert_false(fake.open[irq + i]);
        fake.connected[irq + i] = true;
        fake.cpu[irq + i] = cpu;
    }
    fake.source = *source;
    return 0;
}

static void fake_message_disconnect(uint32_t irq, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        assert_true(fake.connected[irq + i]);
        assert_false(fake.open[irq + i]);
        fake.connected[irq + i] = false;
    }
}

static void fake_message_restore(uint32_t irq, bool masked)
{
    assert_true(fake.connected[irq]);
    fake.restored++;
    fake.restored_masked = masked;
}

static void fake_set_masked(uint32_t irq, bool masked)
{
    assert_true(fake.connected[irq]);
    fake.open[irq] = !masked;
    fake.mask_changes[irq]++;
}

static void fake_move(uint32_t irq, unsigned int cpu)
{
    assert_true(fake.connected[irq]);
    fake.cpu[irq] = cpu;
}

static int fake_ioapic_read(uint64_t paddr, uint32_t reg, uint32_t *value)
{
    *value = 0xabc00000 + reg;
    return paddr != IOAPIC_PADDR ? -ENODEV : reg > 0x3f ? -EINVAL : 0;
}

static int fake_ioapic_gsi(uint64_t paddr, uint32_t reg, uint32_t *gsi)
{
    *gsi = (reg - 0x10) / 2;
    return paddr != IOAPIC_PADDR ? -ENODEV : reg > 0x3f ? -EINVAL : 0;
}

static int fake_pci_window(uint64_t paddr, uint16_t segment, uint8_t first_bus, uint8_t last_bus)
{
    fake.windows++;
    return 0;
}

/* Devices in slot 0 have MSI-X. */
static int fake_msix_probe(const struct irq_source *device)
{
    return device->devfn < 8 ? 0 : -ENODEV;
}

static const struct irq_ops fake_ops = {
    .gsi_count = GSIS,
    .gsi_exists = fake_gsi_exists,
    .gsi_trigger = fake_trigger,
    .gsi_connect = fake_gsi_connect,
    .message_connect = fake_message_connect,
    .message_disconnect = fake_message_disconnect,
    .message_restore = fake_message_restore,
    .set_masked = fake_set_masked,
    .move = fake_move,
    .ioapic_read = fake_ioapic_read,
    .ioapic_gsi = fake_ioapic_gsi,
    .pci_window = fake_pci_window,
    .msix_probe = fake_msix_probe,
};

static inline int irq_group_setup(void **state)
{
    (void)machine_setup(state);
    assert_int_equal(irq_init(&fake_ops), 0);
    frames_at_start = frames_free_count();
    return 0;
}

static inline int irq_group_teardown(void **state)
{
    host_machine_destroy();
    return 0;
}

/* Every test gives back what it took: frames, and interrupts closed. */
static inline int irq_test_setup(void **state)
{
    guest_page = host_guest_memory(PAGE_SIZE);
    host_guest_fault_from(UINT64_MAX);
    return 0;
}

static inline int irq_test_teardown(void **state)
{
    this_cpu()->current = NULL;
    for (unsigned int irq = 0; irq < FAKE_IRQS; irq++) {
        if (fake.open[irq] && !(irq < GSIS && fake.urgent[irq])) {
            print_message("irq %u was left open\n", irq);
            return -1;
        }
    }
    fake.error = 0;
    fake.restored = fake.windows = 0;
    return frames_free_count() == frames_at_start ? 0 : -1;
}

#define IRQ_TEST(function) \
    cmocka_unit_test_setup_teardown(function, irq_test_setup, irq_test_teardown)

/* ---- guests ---------------------------------------------------------------------------------- */

static inline long map_gsi(struct domain *d, uint32_t gsi)
{
    int pirq = (int)gsi;
    int error = pirq_map_gsi(d, gsi, &pirq);

    return error != 0 ? error : pirq;
}

static inline long map_message(struct domain *d, uint8_t devfn, uint16_t entry, unsigned int count)
{
    const struct irq_source source = {
        .bus = 3, .devfn = devfn, .is_msix = count == 1, .entry = entry};
    int pirq = PIRQ_ANY;
    int error = pirq_map_messages(d, &source, count, &pirq);

    return error != 0 ? error : pirq;
}

/* A port of `d` for the pirq, or the error. */
static inline long bind_pirq_of(struct domain *d, uint32_t pirq, uint32_t flags)
{
    run_as(d->vcpus[0]);
    return pirq_port(pirq, flags);
}

static inline bool take_event(struct domain *d, long port)
{
    return bit_test_and_clear((uint64_t *)d->shared->evtchn_pending, (size_t)port);
}

static inline uint32_t status_flags(struct domain *d, uint32_t pirq)
{
    uint32_t flags = ~0U;

    assert_int_equal(pirq_status(d, pirq, &flags), 0);
    return flags;
}
