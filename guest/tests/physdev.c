// SPDX-License-Identifier: Apache-2.0
// Physical interrupts of domain 0: numbers mapped, bound and unmapped, and the calls about devices;
// the real-time clock as an interrupt that comes.

#include "clock.h"
#include "tap.h"

#define CONSOLE_GSI 4 // the hypervisor's own
#define RTC_GSI     8
#define FREE_GSI    21
#define BEYOND      100000

// What map_pirq answers; *pirq is in and out.
static long map(int type, int index, int *pirq)
{
    struct physdev_map_pirq op = {.domid = DOMID_SELF, .type = type, .index = index, .pirq = *pirq};
    long result = physdev_op(PHYSDEVOP_map_pirq, &op);

    *pirq = op.pirq;
    return result;
}

static long map_gsi(int gsi, int pirq)
{
    return map(MAP_PIRQ_TYPE_GSI, gsi, &pirq);
}

static long unmap(int pirq)
{
    struct physdev_unmap_pirq op = {.domid = DOMID_SELF, .pirq = pirq};

    return physdev_op(PHYSDEVOP_unmap_pirq, &op);
}

// A port, or the error.
static long bind(unsigned pirq, unsigned flags)
{
    struct evtchn_bind_pirq op = {.pirq = pirq, .flags = flags};
    long result = event_channel_op(EVTCHNOP_bind_pirq, &op);

    return result != 0 ? result : (long)op.port;
}

static long eoi(unsigned pirq)
{
    struct physdev_eoi op = {.irq = pirq};

    return physdev_op(PHYSDEVOP_eoi, &op);
}

static long setup_gsi(int gsi, bool level, bool active_low)
{
    struct physdev_setup_gsi op = {.gsi = gsi, .triggering = level, .polarity = active_low};

    return physdev_op(PHYSDEVOP_setup_gsi, &op);
}

TEST("what is not mapped can't be bound: -EPERM; beyond all numbers: -EINVAL")
{
    CHECK_ERR(bind(FREE_GSI, 0), XEN_EPERM);
    CHECK_ERR(bind(BEYOND, 0), XEN_EINVAL);
    CHECK_ERR(eoi(FREE_GSI), XEN_EINVAL);
    CHECK_ERR(eoi(BEYOND), XEN_EINVAL);
}

TEST("map_pirq maps a pin by its own number, and again without harm")
{
    int any = -1;

    CHECK_OK(map_gsi(FREE_GSI, FREE_GSI));
    CHECK_OK(map_gsi(FREE_GSI, FREE_GSI));
    CHECK_OK(map(MAP_PIRQ_TYPE_GSI, FREE_GSI, &any));
    CHECK_EQ(any, FREE_GSI);
    CHECK_ERR(map_gsi(FREE_GSI, 40), XEN_EEXIST);
}

TEST("map_pirq refuses pins and numbers that are none")
{
    CHECK_ERR(map_gsi(100, -1), XEN_EINVAL);
    CHECK_ERR(map_gsi(-1, -1), XEN_EINVAL);
    CHECK_ERR(map_gsi(20, BEYOND), XEN_EINVAL);
    CHECK_ERR(map_gsi(0, 0), XEN_EPERM); // the interval timer's
}

TEST("map_pirq refuses kinds that are none")
{
    int pirq = -1;

    CHECK_ERR(map(MAP_PIRQ_TYPE_UNKNOWN, 20, &pirq), XEN_EINVAL);
    CHECK_ERR(map(7, 20, &pirq), XEN_EINVAL);
}

TEST("messages of a device that can't send any: -ENODEV")
{
    int pirq = -1;
    struct physdev_map_pirq none = {
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_MULTI_MSI, .pirq = -1, .entry_nr = 0};

    CHECK_ERR(map(MAP_PIRQ_TYPE_MSI, -1, &pirq), XEN_ENODEV);
    CHECK_ERR(map(MAP_PIRQ_TYPE_MSI_SEG, -1, &pirq), XEN_ENODEV);
    CHECK_ERR(physdev_op(PHYSDEVOP_map_pirq, &none), XEN_EDOM);
}

TEST("mapping and unmapping for a domain that is not there: -ESRCH")
{
    struct physdev_map_pirq op = {.domid = 99, .type = MAP_PIRQ_TYPE_GSI, .index = 20, .pirq = 20};
    struct physdev_unmap_pirq gone = {.domid = 99, .pirq = 20};

    CHECK_ERR(physdev_op(PHYSDEVOP_map_pirq, &op), XEN_ESRCH);
    CHECK_ERR(physdev_op(PHYSDEVOP_unmap_pirq, &gone), XEN_ESRCH);
}

TEST("a bound interrupt that is unmapped stays silent, and is gone")
{
    long port;

    CHECK_OK(map_gsi(20, 20));
    port = bind(20, BIND_PIRQ__WILL_SHARE);
    CHECK(port > 0);
    CHECK_OK(eoi(20));
    CHECK_OK(unmap(20));
    CHECK_ERR(unmap(20), XEN_EINVAL);
    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK_ERR(unmap(-1), XEN_EINVAL);
}

TEST("an interrupt that was unmapped can be mapped again")
{
    long port;

    if (differs_on_oracle("there the domain loses its right to a pin that it unmaps")) {
        return;
    }
    CHECK_OK(map_gsi(20, 20));
    port = bind(20, BIND_PIRQ__WILL_SHARE);
    CHECK(port > 0);
    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK_OK(unmap(20));
}

TEST("setup_gsi says how a pin signals, once")
{
    CHECK_OK(setup_gsi(22, true, true));
    CHECK_ERR(setup_gsi(22, true, true), XEN_EEXIST);
    CHECK_ERR(setup_gsi(CONSOLE_GSI, false, false), XEN_EEXIST);
    CHECK_ERR(setup_gsi(100, true, true), XEN_EINVAL);
    CHECK_ERR(setup_gsi(-1, true, true), XEN_EINVAL);
}

TEST("irq_status_query: a level needs an EOI, what is not known might")
{
    struct physdev_irq_status_query query = {.irq = 22};

    CHECK_OK(map_gsi(22, 22));
    CHECK(bind(22, BIND_PIRQ__WILL_SHARE) > 0);
    CHECK_OK(physdev_op(PHYSDEVOP_irq_status_query, &query));
    CHECK_EQ(query.flags, XENIRQSTAT_needs_eoi);
    query.irq = 23;
    CHECK_OK(physdev_op(PHYSDEVOP_irq_status_query, &query));
    CHECK_EQ(query.flags, XENIRQSTAT_needs_eoi);
    query.irq = BEYOND;
    CHECK_ERR(physdev_op(PHYSDEVOP_irq_status_query, &query), XEN_EINVAL);
}

TEST("a page shows which interrupts need an EOI")
{
    uint64_t *page = page_alloc();
    struct physdev_pirq_eoi_gmfn op = {.gmfn = ~0ul};
    long port;

    CHECK_ERR(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), XEN_EINVAL);
    op.gmfn = virt_to_mfn(page);
    CHECK_OK(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op));
    CHECK_ERR(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), XEN_EBUSY);
    CHECK_ERR(physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v1, &op), XEN_EBUSY);
    CHECK_OK(setup_gsi(19, true, true));
    CHECK_OK(map_gsi(19, 19));
    CHECK_EQ(page[0] >> 19 & 1, 0);
    port = bind(19, BIND_PIRQ__WILL_SHARE);
    CHECK(port > 0);
    CHECK_EQ(page[0] >> 19 & 1, 1);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("get_free_pirq hands out numbers of each kind, each once")
{
    struct physdev_get_free_pirq pin = {.type = MAP_PIRQ_TYPE_GSI},
                                 message = {.type = MAP_PIRQ_TYPE_MSI};
    unsigned first;

    CHECK_OK(physdev_op(PHYSDEVOP_get_free_pirq, &pin));
    CHECK(pin.pirq >= 16);
    CHECK_OK(physdev_op(PHYSDEVOP_get_free_pirq, &message));
    first = message.pirq;
    CHECK(first > pin.pirq);
    CHECK_OK(physdev_op(PHYSDEVOP_get_free_pirq, &message));
    CHECK(message.pirq != first);
}

TEST("vectors mean nothing: the one handed out is the interrupt's number")
{
    struct physdev_irq op = {.irq = 5};

    CHECK_OK(physdev_op(PHYSDEVOP_alloc_irq_vector, &op));
    CHECK_EQ(op.vector, 5);
    CHECK_ERR(physdev_op(PHYSDEVOP_free_irq_vector, &op), XEN_ENOSYS);
}

TEST("the I/O APIC's registers can be read; most writes are dropped")
{
    struct physdev_apic op = {.apic_physbase = 0xfec00000, .reg = 1};

    CHECK_OK(physdev_op(PHYSDEVOP_apic_read, &op));
    CHECK_EQ(op.value >> 16 & 0xff, 23); // the last of 24 pins
    op.reg = 0;
    CHECK_OK(physdev_op(PHYSDEVOP_apic_write, &op));
    op.apic_physbase = 0xfec10000;
    CHECK_ERR(physdev_op(PHYSDEVOP_apic_read, &op), XEN_EINVAL);
}

TEST("devices are told, restored and removed; those never told: -ENODEV")
{
    struct {
        struct physdev_pci_device_add op;
        uint32_t proximity;
    } add = {.op.devfn = 0x18};
    struct physdev_pci_device device = {.devfn = 0x18};
    struct physdev_manage_pci_ext odd = {.devfn = 0x18, .is_extfn = 2};

    CHECK_ERR(physdev_op(PHYSDEVOP_pci_device_remove, &device), XEN_ENODEV);
    CHECK_ERR(physdev_op(PHYSDEVOP_restore_msi_ext, &device), XEN_ENODEV);
    CHECK_ERR(physdev_op(PHYSDEVOP_prepare_msix, &device), XEN_ENODEV);
    CHECK_ERR(physdev_op(PHYSDEVOP_release_msix, &device), XEN_ENODEV);
    CHECK_OK(physdev_op(PHYSDEVOP_pci_device_add, &add));
    CHECK_OK(physdev_op(PHYSDEVOP_pci_device_add, &add));
    CHECK_OK(physdev_op(PHYSDEVOP_restore_msi_ext, &device));
    CHECK_OK(physdev_op(PHYSDEVOP_pci_device_remove, &device));
    CHECK_ERR(physdev_op(PHYSDEVOP_pci_device_remove, &device), XEN_ENODEV);
    CHECK_ERR(physdev_op(PHYSDEVOP_manage_pci_add_ext, &odd), XEN_EINVAL);
    if (!running_on_oracle()) {
        // The reference dies of this one: a device that has no MSI-X.
        CHECK_OK(physdev_op(PHYSDEVOP_pci_device_add, &add));
        CHECK_ERR(physdev_op(PHYSDEVOP_prepare_msix, &device), XEN_ENODEV);
        CHECK_OK(physdev_op(PHYSDEVOP_pci_device_remove, &device));
    }
}

TEST("commands that are none: -ENOSYS; the old call takes the old ones")
{
    static const unsigned none[] = {0, 1, 3, 18, 22, 32, 33, 1000};
    struct physdev_op old = {.cmd = PHYSDEVOP_set_iopl, .u.set_iopl.iopl = 1};

    for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        CHECK_ERR(physdev_op(none[i], page_alloc()), XEN_ENOSYS);
    }
    CHECK_OK(physdev_op(PHYSDEVOP_IRQ_UNMASK_NOTIFY, 0));
    CHECK_OK(hypercall1(__HYPERVISOR_physdev_op_compat, POINTER(&old)));
    old.cmd = 99;
    CHECK_ERR(hypercall1(__HYPERVISOR_physdev_op_compat, POINTER(&old)), XEN_ENOSYS);
}

static long old_call(struct physdev_op *operation, uint32_t command)
{
    operation->cmd = command;
    return hypercall1(__HYPERVISOR_physdev_op_compat, POINTER(operation));
}

TEST("each operation of the old call does what it does in the new one, and those after are not "
     "there")
{
    static struct physdev_op old;

    old.u.irq_status_query.irq = 8;
    CHECK_OK(old_call(&old, PHYSDEVOP_irq_status_query));
    old.u.irq_status_query.irq = 1u << 20;
    CHECK_ERR(old_call(&old, PHYSDEVOP_irq_status_query), XEN_EINVAL);
    old.u.set_iopl.iopl = 4;
    CHECK_ERR(old_call(&old, PHYSDEVOP_set_iopl), XEN_EINVAL);
    old.u.set_iobitmap.nr_ports = 1u << 17;
    CHECK_ERR(old_call(&old, PHYSDEVOP_set_iobitmap), XEN_EINVAL);
    old.u.apic_op = (struct physdev_apic){.apic_physbase = 0xfec00000, .reg = 1};
    CHECK_OK(old_call(&old, PHYSDEVOP_apic_read));
    CHECK(old.u.apic_op.value != 0);
    CHECK_OK(old_call(&old, PHYSDEVOP_apic_write));
    old.u.irq_op.irq = 9;
    CHECK_OK(old_call(&old, PHYSDEVOP_alloc_irq_vector));
    CHECK_ERR(hypercall1(__HYPERVISOR_physdev_op_compat, SPARE_VA), XEN_EFAULT);
}

TEST("a configuration window of no buses is refused; a reset of a debug port that is not used is "
     "taken")
{
    struct physdev_pci_mmcfg_reserved window = {.start_bus = 2, .end_bus = 1};
    struct physdev_dbgp_op port = {.op = PHYSDEVOP_DBGP_RESET_PREPARE,
                                   .bus = PHYSDEVOP_DBGP_BUS_UNKNOWN};

    CHECK(physdev_op(PHYSDEVOP_pci_mmcfg_reserved, &window) < 0);
    CHECK_OK(physdev_op(PHYSDEVOP_dbgp_op, &port));
}

// ---- the real-time clock: register C is read to be told of the next interrupt
// --------------------

enum { RTC_A = 10, RTC_B = 11, RTC_C = 12, PERIODIC = 0x40, RATE_1024_HZ = 0x26 };

static uint8_t rtc_read(uint8_t reg)
{
    uint8_t value;

    __asm__ volatile("outb %1, $0x70\n inb $0x71, %0" : "=a"(value) : "a"(reg));
    return value;
}

static void rtc_write(uint8_t reg, uint8_t value)
{
    __asm__ volatile("outb %0, $0x70" : : "a"(reg));
    __asm__ volatile("outb %0, $0x71" : : "a"(value));
}

// Waits for the next interrupt of the clock, but not for ever, and lets the clock go on.
static bool tick(evtchn_port_t port)
{
    evtchn_port_t list[] = {port};
    struct sched_poll poll = {.nr_ports = 1, .timeout = clock_ns() + 500000000};
    bool came;

    set_xen_guest_handle(poll.ports, list);
    (void)sched_op(SCHEDOP_poll, &poll);
    came = event_pending(port);
    event_clear_pending(port);
    (void)rtc_read(RTC_C);
    return came;
}

TEST("the real-time clock interrupts, again and again, until its port is closed")
{
    struct physdev_set_iopl level = {.iopl = 1};
    long port;

    CHECK_OK(physdev_op(PHYSDEVOP_set_iopl, &level));
    CHECK_OK(map_gsi(RTC_GSI, RTC_GSI));
    port = bind(RTC_GSI, 0);
    CHECK(port > 0);
    rtc_write(RTC_A, RATE_1024_HZ);
    rtc_write(RTC_B, (uint8_t)(rtc_read(RTC_B) | PERIODIC));
    (void)rtc_read(RTC_C);
    for (unsigned i = 0; i < 20; i++) {
        CHECK(tick((evtchn_port_t)port));
    }
    CHECK_OK(eoi(RTC_GSI));
    CHECK(tick((evtchn_port_t)port));
    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK(!tick((evtchn_port_t)port));
    rtc_write(RTC_B, (uint8_t)(rtc_read(RTC_B) & ~PERIODIC));
}
