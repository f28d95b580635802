// SPDX-License-Identifier: Apache-2.0
// physdev_op, call by call: what each promises, who may call it, and each error.
#include "irq_fixture.h"

#include "control/hypercalls.h"

static struct domain *d0, *d1;

/* A pin that nothing else here touches, for each test that says how it signals. */
enum { GSI_FOR_SETUP = 18, GSI_FOR_APIC = 19 };

static int setup(void **state)
{
    (void)irq_test_setup(state);
    d0 = new_domain(0, 2, true);
    d1 = new_domain(1, 1, false);
    domain0 = d0;
    d0->hardware = true;
    assert_int_equal(ranges_add(d0->io_irqs, 1, 22), 0);
    run_as(d0->vcpus[0]);
    return 0;
}

static int teardown(void **state)
{
    end_domain(d1);
    end_domain(d0);
    return irq_test_teardown(state);
}

static long physdev(uint64_t cmd, void *op, size_t bytes)
{
    long result;

    memcpy(guest_page, op, bytes);
    result = hypercall_physdev_op(cmd, host_guest_address(guest_page));
    memcpy(op, guest_page, bytes);
    return result;
}
#define PHYSDEV(cmd, op) physdev(PHYSDEVOP_##cmd, (op), sizeof(*(op)))

/* ---- rights and arguments -------------------------------------------------------------------- */

static const uint32_t for_anyone[] = {
    PHYSDEVOP_eoi,           PHYSDEVOP_irq_status_query, PHYSDEVOP_set_iopl,
    PHYSDEVOP_set_iobitmap,  PHYSDEVOP_pirq_eoi_gmfn_v1, PHYSDEVOP_pirq_eoi_gmfn_v2,
    PHYSDEVOP_get_free_pirq,
};

static const uint32_t for_privileged[] = {
    PHYSDEVOP_apic_read,         PHYSDEVOP_apic_write,         PHYSDEVOP_alloc_irq_vector,
    PHYSDEVOP_map_pirq,          PHYSDEVOP_unmap_pirq,         PHYSDEVOP_manage_pci_add,
    PHYSDEVOP_manage_pci_remove, PHYSDEVOP_restore_msi,        PHYSDEVOP_manage_pci_add_ext,
    PHYSDEVOP_setup_gsi,         PHYSDEVOP_pci_mmcfg_reserved, PHYSDEVOP_pci_device_add,
    PHYSDEVOP_pci_device_remove, PHYSDEVOP_restore_msi_ext,    PHYSDEVOP_dbgp_op,
    PHYSDEVOP_prepare_msix,      PHYSDEVOP_release_msix,
};

static void test_arguments_that_cannot_be_read(void **state)
{
    host_guest_fault_from(0);
    for (size_t i = 0; i < ARRAY_SIZE(for_anyone); i++) {
        assert_int_equal(hypercall_physdev_op(for_anyone[i], host_guest_address(guest_page)),
                         -EFAULT);
    }
    for (size_t i = 0; i < ARRAY_SIZE(for_privileged); i++) {
        assert_int_equal(hypercall_physdev_op(for_privileged[i], host_guest_address(guest_page)),
                         -EFAULT);
    }
    assert_int_equal(hypercall_physdev_op_compat(host_guest_address(guest_page)), -EFAULT);
}

static void test_what_is_the_machine_s_is_for_the_privileged(void **state)
{
    run_as(d1->vcpus[0]);
    host_guest_fault_from(0);
    for (size_t i = 0; i < ARRAY_SIZE(for_privileged); i++) {
        assert_int_equal(hypercall_physdev_op(for_privileged[i], host_guest_address(guest_page)),
                         -EPERM);
    }
    for (size_t i = 0; i < ARRAY_SIZE(for_anyone); i++) {
        assert_int_equal(hypercall_physdev_op(for_anyone[i], host_guest_address(guest_page)),
                         -EFAULT);
    }
}

static void test_unknown_commands(void **state)
{
    const uint64_t unknown[] = {0, PHYSDEVOP_free_irq_vector, 18, 22, 32, 0xffffffff};

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        assert_int_equal(hypercall_physdev_op(unknown[i], host_guest_address(guest_page)), -ENOSYS);
    }
}

/* ---- the vCPU's port rights ------------------------------------------------------------------ */

static void test_set_iopl(void **state)
{
    struct physdev_set_iopl op = {.iopl = 3};

    assert_int_equal(PHYSDEV(set_iopl, &op), 0);
    assert_int_equal(d0->vcpus[0]->iopl, 3 << 12);
    op.iopl = 1;
    assert_int_equal(PHYSDEV(set_iopl, &op), 0);
    assert_int_equal(d0->vcpus[0]->iopl, 1 << 12);
    op.iopl = 4;
    assert_int_equal(PHYSDEV(set_iopl, &op), -EINVAL);
    assert_int_equal(d0->vcpus[0]->iopl, 1 << 12);
    assert_int_equal(d0->vcpus[1]->iopl, 0);
}

static void test_set_iobitmap(void **state)
{
    struct physdev_set_iobitmap op = {.nr_ports = IO_PORTS};
    struct vcpu *v = d0->vcpus[0];

    op.bitmap.p = guest_page;
    assert_int_equal(PHYSDEV(set_iobitmap, &op), 0);
    assert_ptr_equal(v->io_bitmap, guest_page);
    assert_int_equal(v->io_bitmap_ports, IO_PORTS);
    op.nr_ports++;
    assert_int_equal(PHYSDEV(set_iobitmap, &op), -EINVAL);
    op.nr_ports = 9;
    op.bitmap.p = (uint8_t *)~0ULL;
    assert_int_equal(PHYSDEV(set_iobitmap, &op), -EINVAL);
    assert_int_equal(v->io_bitmap_ports, IO_PORTS);
    op = (struct physdev_set_iobitmap){0};
    assert_int_equal(PHYSDEV(set_iobitmap, &op), 0);
    assert_null(v->io_bitmap);
}

/* ---- pirqs ----------------------------------------------------------------------------------- */

static long map(int type, int index, int pirq)
{
    struct physdev_map_pirq op = {.domid = DOMID_SELF, .type = type, .index = index, .pirq = pirq};
    long result = PHYSDEV(map_pirq, &op);

    return result != 0 ? result : op.pirq;
}

static void test_map_a_pin(void **state)
{
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, 9, 9), 9);
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, 9, -1), 9);
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, 9, 10), -EEXIST);
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, -1, 9), -EINVAL);
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, GSIS, 9), -EINVAL);
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, MISSING, 9), -EINVAL);
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, 23, -1), -EPERM); /* not among domain 0's */
    assert_int_equal(map(MAP_PIRQ_TYPE_UNKNOWN, 3, -1), -EINVAL);
    assert_int_equal(map(5, 3, -1), -EINVAL);
}

static void test_map_for_another_domain(void **state)
{
    struct physdev_map_pirq op = {
        .domid = 1, .type = MAP_PIRQ_TYPE_GSI, .index = LEVEL, .pirq = -1};
    struct physdev_unmap_pirq unmap = {.domid = 1, .pirq = LEVEL};

    assert_int_equal(PHYSDEV(map_pirq, &op), 0);
    assert_int_equal(pirq_to_irq(d1, (uint32_t)op.pirq), LEVEL);
    assert_int_equal(pirq_to_irq(d0, (uint32_t)op.pirq), -EINVAL);
    assert_true(bind_pirq_of(d1, (uint32_t)op.pirq, 0) > 0);
    run_as(d0->vcpus[0]);
    assert_int_equal(PHYSDEV(unmap_pirq, &unmap), 0);
    assert_int_equal(PHYSDEV(unmap_pirq, &unmap), -EINVAL);
    op.domid = unmap.domid = 77;
    assert_int_equal(PHYSDEV(map_pirq, &op), -ESRCH);
    assert_int_equal(PHYSDEV(unmap_pirq, &unmap), -ESRCH);
    unmap = (struct physdev_unmap_pirq){.domid = DOMID_SELF, .pirq = -1};
    assert_int_equal(PHYSDEV(unmap_pirq, &unmap), -EINVAL);
}

static void test_map_messages(void **state)
{
    struct physdev_map_pirq op = {.domid = DOMID_SELF,
                                  .type = MAP_PIRQ_TYPE_MSI_SEG,
                                  .index = -1,
                                  .pirq = -1,
                                  .bus = 2 << 16 | 5,
                                  .devfn = 0x18,
                                  .entry_nr = 7,
                                  .table_base = 0xfe000000};

    assert_int_equal(PHYSDEV(map_pirq, &op), 0);
    assert_int_equal(fake.source.segment, 2);
    assert_int_equal(fake.source.bus, 5);
    assert_int_equal(fake.source.devfn, 0x18);
    assert_int_equal(fake.source.entry, 7);
    assert_true(fake.source.is_msix);

    op.type = MAP_PIRQ_TYPE_MSI;
    op.pirq = -1;
    op.table_base = 0;
    assert_int_equal(PHYSDEV(map_pirq, &op), 0);
    assert_int_equal(fake.source.segment, 0);
    assert_int_equal(fake.source.entry, 0);
    assert_false(fake.source.is_msix);

    op.pirq = -1;
    op.devfn = 0x100;
    assert_int_equal(PHYSDEV(map_pirq, &op), -ENODEV);
    op.devfn = 0;
    op.table_base = 1;
    op.entry_nr = 2048;
    assert_int_equal(PHYSDEV(map_pirq, &op), -EINVAL);
    op.entry_nr = 0;
    fake.error = -ENODEV;
    assert_int_equal(PHYSDEV(map_pirq, &op), -ENODEV);
}

static void test_map_several_messages(void **state)
{
    struct physdev_map_pirq op = {.domid = DOMID_SELF,
                                  .type = MAP_PIRQ_TYPE_MULTI_MSI,
                                  .pirq = -1,
                                  .bus = 1 << 16,
                                  .entry_nr = 4};
    int irq;

    assert_int_equal(PHYSDEV(map_pirq, &op), 0);
    assert_int_equal(op.entry_nr, 4);
    assert_int_equal(fake.source.segment, 1);
    irq = pirq_to_irq(d0, (uint32_t)op.pirq);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pirq_to_irq(d0, (uint32_t)(op.pirq + i)), irq + i);
    }
    op.pirq = -1;
    op.entry_nr = 0;
    assert_int_equal(PHYSDEV(map_pirq, &op), -EDOM);
    op.entry_nr = 33;
    assert_int_equal(PHYSDEV(map_pirq, &op), -EDOM);
    op.entry_nr = -4;
    assert_int_equal(PHYSDEV(map_pirq, &op), -EDOM);
}

static void test_get_free_pirq(void **state)
{
    struct physdev_get_free_pirq op = {.type = MAP_PIRQ_TYPE_MSI};

    run_as(d1->vcpus[0]);
    assert_int_equal(PHYSDEV(get_free_pirq, &op), 0);
    assert_true(op.pirq >= GSIS);
    op.type = MAP_PIRQ_TYPE_GSI;
    assert_int_equal(PHYSDEV(get_free_pirq, &op), 0);
    assert_true(op.pirq < GSIS);
    op.type = MAP_PIRQ_TYPE_MULTI_MSI;
    assert_int_equal(PHYSDEV(get_free_pirq, &op), 0);
    assert_true(op.pirq >= GSIS);
}

static void test_status_and_eoi(void **state)
{
    struct physdev_irq_status_query query = {.irq = LEVEL};
    struct physdev_eoi eoi = {.irq = LEVEL};
    long port;

    assert_int_equal(PHYSDEV(irq_status_query, &query), 0);
    assert_int_equal(query.flags, XENIRQSTAT_needs_eoi); /* nobody knows */
    assert_int_equal(PHYSDEV(eoi, &eoi), -EINVAL);
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, LEVEL, LEVEL), LEVEL);
    port = bind_pirq_of(d0, LEVEL, 0);
    assert_int_equal(PHYSDEV(irq_status_query, &query), 0);
    assert_int_equal(query.flags, XENIRQSTAT_needs_eoi);
    irq_deliver(LEVEL);
    assert_true(take_event(d0, port));
    assert_false(fake.open[LEVEL]);
    assert_int_equal(PHYSDEV(eoi, &eoi), 0);
    assert_true(fake.open[LEVEL]);
    eoi.irq = query.irq = ~0U;
    assert_int_equal(PHYSDEV(eoi, &eoi), -EINVAL);
    assert_int_equal(PHYSDEV(irq_status_query, &query), -EINVAL);
}

static void test_the_oldest_way_to_say_eoi_is_to_unmask_the_port(void **state)
{
    long port;

    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, LEVEL, LEVEL), LEVEL);
    port = bind_pirq_of(d0, LEVEL, 0);
    irq_deliver(LEVEL);
    bit_set((uint64_t *)d0->shared->evtchn_mask, (size_t)port);
    assert_int_equal(hypercall_physdev_op(PHYSDEVOP_IRQ_UNMASK_NOTIFY, gva(0)), 0);
    assert_false(fake.open[LEVEL]);
    bit_clear((uint64_t *)d0->shared->evtchn_mask, (size_t)port);
    assert_int_equal(hypercall_physdev_op(PHYSDEVOP_IRQ_UNMASK_NOTIFY, gva(0)), 0);
    assert_true(fake.open[LEVEL]);
}

static void test_eoi_page(void **state)
{
    struct physdev_pirq_eoi_gmfn op = {.gmfn = new_frame(d0).n};

    assert_int_equal(PHYSDEV(pirq_eoi_gmfn_v2, &op), 0);
    assert_int_equal(PHYSDEV(pirq_eoi_gmfn_v1, &op), -EBUSY);
    run_as(d1->vcpus[0]);
    assert_int_equal(PHYSDEV(pirq_eoi_gmfn_v1, &op), -EINVAL); /* another's frame */
    op.gmfn = ~0ULL;
    assert_int_equal(PHYSDEV(pirq_eoi_gmfn_v2, &op), -EINVAL);
    op.gmfn = new_frame(d1).n;
    assert_int_equal(PHYSDEV(pirq_eoi_gmfn_v1, &op), 0);
}

/* ---- pins ------------------------------------------------------------------------------------ */

static void test_setup_gsi(void **state)
{
    struct physdev_setup_gsi op = {.gsi = GSI_FOR_SETUP, .triggering = 1};

    assert_int_equal(PHYSDEV(setup_gsi, &op), 0);
    assert_int_equal(PHYSDEV(setup_gsi, &op), -EEXIST);
    op.gsi = -1;
    assert_int_equal(PHYSDEV(setup_gsi, &op), -EINVAL);
    op.gsi = GSIS;
    assert_int_equal(PHYSDEV(setup_gsi, &op), -EINVAL);

    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, GSI_FOR_SETUP, -1), GSI_FOR_SETUP);
    assert_true(bind_pirq_of(d0, GSI_FOR_SETUP, 0) > 0);
    assert_true(fake.trigger[GSI_FOR_SETUP].level && !fake.trigger[GSI_FOR_SETUP].active_low);
}

static void test_vectors_mean_nothing(void **state)
{
    struct physdev_irq op = {.irq = 3, .vector = 0};

    assert_int_equal(PHYSDEV(alloc_irq_vector, &op), 0);
    assert_int_equal(op.vector, 3);
    op.irq = pirq_limit();
    assert_int_equal(PHYSDEV(alloc_irq_vector, &op), -EINVAL);
}

static void test_the_io_apic(void **state)
{
    struct physdev_apic op = {.apic_physbase = IOAPIC_PADDR, .reg = 1};

    assert_int_equal(PHYSDEV(apic_read, &op), 0);
    assert_int_equal(op.value, 0xabc00001);
    op.reg = 0x10 + 2 * GSI_FOR_APIC;
    op.value = 0x000000fe; /* edge, active high; an entry of another's making in all else */
    assert_int_equal(PHYSDEV(apic_write, &op), 0);
    assert_int_equal(PHYSDEV(apic_write, &op), 0);
    op.reg++;
    assert_int_equal(PHYSDEV(apic_write, &op), 0);
    op.reg = 0;
    assert_int_equal(PHYSDEV(apic_write, &op), 0);
    assert_int_equal(map(MAP_PIRQ_TYPE_GSI, GSI_FOR_APIC, -1), GSI_FOR_APIC);
    assert_true(bind_pirq_of(d0, GSI_FOR_APIC, 0) > 0);
    assert_true(!fake.trigger[GSI_FOR_APIC].level && !fake.trigger[GSI_FOR_APIC].active_low);

    op.reg = 0x40;
    assert_int_equal(PHYSDEV(apic_read, &op), -EINVAL);
    assert_int_equal(PHYSDEV(apic_write, &op), -EINVAL);
    op.apic_physbase++;
    op.reg = 0x10;
    assert_int_equal(PHYSDEV(apic_read, &op), -EINVAL);
    assert_int_equal(PHYSDEV(apic_write, &op), -EINVAL);
}

/* ---- PCI ------------------------------------------------------------------------------------- */

static void test_devices_come_and_go(void **state)
{
    struct physdev_pci_device_add add = {.seg = 1, .bus = 2, .devfn = 8};
    struct physdev_pci_device device = {.seg = 1, .bus = 2, .devfn = 8};

    assert_int_equal(PHYSDEV(restore_msi_ext, &device), -ENODEV);
    assert_int_equal(PHYSDEV(pci_device_remove, &device), -ENODEV);
    assert_int_equal(PHYSDEV(pci_device_add, &add), 0);
    assert_int_equal(PHYSDEV(pci_device_add, &add), 0);
    assert_int_equal(PHYSDEV(restore_msi_ext, &device), 0);
    device.seg = 0;
    assert_int_equal(PHYSDEV(restore_msi_ext, &device), -ENODEV);
    device.seg = 1;
    assert_int_equal(PHYSDEV(pci_device_remove, &device), 0);
    assert_int_equal(PHYSDEV(pci_device_remove, &device), -ENODEV);
}

static void test_devices_by_the_older_calls(void **state)
{
    struct physdev_manage_pci op = {.bus = 2, .devfn = 9};
    struct physdev_manage_pci_ext extended = {.bus = 2, .devfn = 9, .is_virtfn = 1};
    struct physdev_restore_msi restore = {.bus = 2, .devfn = 9};

    assert_int_equal(PHYSDEV(restore_msi, &restore), -ENODEV);
    assert_int_equal(PHYSDEV(manage_pci_add, &op), 0);
    assert_int_equal(PHYSDEV(restore_msi, &restore), 0);
    assert_int_equal(PHYSDEV(manage_pci_remove, &op), 0);
    assert_int_equal(PHYSDEV(manage_pci_remove, &op), -ENODEV);
    assert_int_equal(PHYSDEV(manage_pci_add_ext, &extended), 0);
    assert_int_equal(PHYSDEV(manage_pci_remove, &op), 0);
    extended.is_extfn = 2;
    assert_int_equal(PHYSDEV(manage_pci_add_ext, &extended), -EINVAL);
}

static void test_msix_is_prepared_and_released(void **state)
{
    struct physdev_pci_device_add add = {.bus = 3, .devfn = 1}, without = {.bus = 3, .devfn = 8};
    struct physdev_pci_device device = {.bus = 3, .devfn = 1}, plain = {.bus = 3, .devfn = 8};
    long pirq;

    assert_int_equal(PHYSDEV(prepare_msix, &device), -ENODEV);
    assert_int_equal(PHYSDEV(pci_device_add, &add), 0);
    assert_int_equal(PHYSDEV(pci_device_add, &without), 0);
    assert_int_equal(PHYSDEV(prepare_msix, &plain), -ENODEV);
    assert_int_equal(PHYSDEV(prepare_msix, &device), 0);
    pirq = map_message(d0, 1, 0, 1);
    assert_int_equal(PHYSDEV(release_msix, &device), -EBUSY);
    assert_int_equal(PHYSDEV(restore_msi_ext, &device), 0);
    assert_int_equal(fake.restored, 1);
    assert_int_equal(pirq_unmap(d0, (uint32_t)pirq), 0);
    assert_int_equal(PHYSDEV(release_msix, &device), 0);
    assert_int_equal(PHYSDEV(pci_device_remove, &device), 0);
    assert_int_equal(PHYSDEV(pci_device_remove, &plain), 0);
    assert_int_equal(PHYSDEV(release_msix, &device), -ENODEV);
}

static void test_configuration_windows(void **state)
{
    struct physdev_pci_mmcfg_reserved op = {.address = 0xb0000000, .end_bus = 255};

    assert_int_equal(PHYSDEV(pci_mmcfg_reserved, &op), 0);
    assert_int_equal(fake.windows, 0); /* not reserved */
    op.flags = XEN_PCI_MMCFG_RESERVED;
    assert_int_equal(PHYSDEV(pci_mmcfg_reserved, &op), 0);
    assert_int_equal(fake.windows, 1);
    op.start_bus = 1;
    op.end_bus = 0;
    assert_int_equal(PHYSDEV(pci_mmcfg_reserved, &op), -EINVAL);
}

static void test_pavise_has_no_debug_port_that_a_reset_could_hurt(void **state)
{
    struct physdev_dbgp_op op = {.op = PHYSDEVOP_DBGP_RESET_PREPARE, .bus = PHYSDEVOP_DBGP_BUS_PCI};

    assert_int_equal(PHYSDEV(dbgp_op, &op), 0);
}

/* ---- the old call ---------------------------------------------------------------------------- */

static void test_the_old_call(void **state)
{
    struct physdev_op op = {.cmd = PHYSDEVOP_set_iopl, .u.set_iopl.iopl = 2};

    memcpy(guest_page, &op, sizeof(op));
    assert_int_equal(hypercall_physdev_op_compat(host_guest_address(guest_page)), 0);
    assert_int_equal(d0->vcpus[0]->iopl, 2 << 12);
    op = (struct physdev_op){.cmd = PHYSDEVOP_alloc_irq_vector, .u.irq_op.irq = 5};
    memcpy(guest_page, &op, sizeof(op));
    assert_int_equal(hypercall_physdev_op_compat(host_guest_address(guest_page)), 0);
    memcpy(&op, guest_page, sizeof(op));
    assert_int_equal(op.u.irq_op.vector, 5);
    op.cmd = PHYSDEVOP_setup_gsi; /* newer than the old call */
    memcpy(guest_page, &op, sizeof(op));
    assert_int_equal(hypercall_physdev_op_compat(host_guest_address(guest_page)), -ENOSYS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_arguments_that_cannot_be_read),
        TEST(test_what_is_the_machine_s_is_for_the_privileged),
        TEST(test_unknown_commands),
        TEST(test_set_iopl),
        TEST(test_set_iobitmap),
        TEST(test_map_a_pin),
        TEST(test_map_for_another_domain),
        TEST(test_map_messages),
        TEST(test_map_several_messages),
        TEST(test_get_free_pirq),
        TEST(test_status_and_eoi),
        TEST(test_the_oldest_way_to_say_eoi_is_to_unmask_the_port),
        TEST(test_eoi_page),
        TEST(test_setup_gsi),
        TEST(test_vectors_mean_nothing),
        TEST(test_the_io_apic),
        TEST(test_devices_come_and_go),
        TEST(test_devices_by_the_older_calls),
        TEST(test_msix_is_prepared_and_released),
        TEST(test_configuration_windows),
        TEST(test_pavise_has_no_debug_port_that_a_reset_could_hurt),
        TEST(test_the_old_call),
    };
    return cmocka_run_group_tests(tests, irq_group_setup, irq_group_teardown);
}
