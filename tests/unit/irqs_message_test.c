// SPDX-License-Identifier: Apache-2.0
// Messages of devices against stand-ins for them: what the device is told and when, whose vectors
// are taken, and which tables are not written.
#include "event_fixture.h"

#include "arch/io.h"
#include "boot/irqs_internal.h"
#include "mmu/policy.h"
#include "platform/mmio.h"
#include "platform/msi.h"

/* ---- two devices ----------------------------------------------------------------------------- */

enum { MSI_DEVICE = 0x08, MSIX_DEVICE = 0x10, CAPABILITY = 0x40, FIRST_IRQ = 24, IRQS = 192 };
enum { MSI_ADDRESS = CAPABILITY + 4, MSI_DATA = CAPABILITY + 12, MSI_MASK = CAPABILITY + 16 };

#define TABLE_PADDR 0xfe000000U
#define ENTRIES     8

static struct device {
    uint8_t devfn;
    uint8_t space[256];
} devices[2];
static uint32_t selected;
static uint32_t table[ENTRIES][4];
static unsigned int maps;

static void put(struct device *device, unsigned int at, uint32_t value, unsigned int bytes)
{
    memcpy(device->space + at, &value, bytes);
}

static uint32_t get(const struct device *device, unsigned int at, unsigned int bytes)
{
    uint32_t value = 0;

    memcpy(&value, device->space + at, bytes);
    return value;
}

static struct device *selection(void)
{
    for (unsigned int i = 0; i < 2; i++) {
        if ((selected >> 8 & 0xffff) == devices[i].devfn) {
            return &devices[i];
        }
    }
    return NULL;
}

static uint64_t ports_read(void *context, uint64_t offset, unsigned int width)
{
    const struct device *device = selection();

    return device ? get(device, (selected & 0xfc) + (unsigned int)offset - 4, width / 8)
                  : UINT64_MAX;
}

static void ports_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
    if (offset == 0) {
        selected = (uint32_t)value;
    } else if (selection()) {
        put(selection(), (selected & 0xfc) + (unsigned int)offset - 4, (uint32_t)value, width / 8);
    }
}

static void *map_table(uint64_t paddr, size_t length)
{
    assert_int_equal(paddr, TABLE_PADDR);
    assert_int_equal(length, sizeof(table));
    maps++;
    return table;
}

static void plug_devices(void)
{
    memset(devices, 0, sizeof(devices));
    for (unsigned int i = 0; i < 2; i++) {
        put(&devices[i], 0, 0x12348086, 4);
        put(&devices[i], 6, 0x10, 2);
        put(&devices[i], 0x34, CAPABILITY, 1);
    }
    devices[0].devfn = MSI_DEVICE;
    put(&devices[0], CAPABILITY, 0x05, 1);
    put(&devices[0], CAPABILITY + 2, 0x0184, 2); /* maskable, 64 bits, four messages */
    devices[1].devfn = MSIX_DEVICE;
    put(&devices[1], CAPABILITY, 0x11, 1);
    put(&devices[1], CAPABILITY + 2, ENTRIES - 1, 2);
    put(&devices[1], 0x10, TABLE_PADDR, 4);
    memset(table, 0, sizeof(table));
}

/* ---- scenery --------------------------------------------------------------------------------- */

static int start(void **state)
{
    (void)machine_setup(state);
    cpus[0]->apic_id = 2;
    cpus[1]->apic_id = 5;
    irqs_messages_start(FIRST_IRQ, IRQS);
    return 0;
}

static int stop(void **state)
{
    host_machine_destroy();
    return 0;
}

static int setup(void **state)
{
    static const struct host_device ports = {ports_read, ports_write, NULL};

    host_forget_devices();
    host_claim_ports(0xcf8, 8, &ports);
    platform_map_mmio = map_table;
    plug_devices();
    vectors_init(&irqs_vectors);
    domain0 = new_domain(0, 1, true);
    assert_int_equal(ranges_add(domain0->io_memory, 0, ~0ULL >> 12), 0);
    assert_int_equal(ranges_remove(domain0->io_memory, 0xfee00, 0xfeeff), 0);
    return 0;
}

/* Whatever a test connected, it has disconnected: no vector is taken. */
static int teardown(void **state)
{
    struct vector_space fresh;

    vectors_init(&fresh);
    end_domain(domain0);
    return memcmp(fresh.used, irqs_vectors.used, sizeof(fresh.used));
}

static const struct irq_source msi = {.devfn = MSI_DEVICE};

static struct irq_source msix(uint16_t entry)
{
    return (struct irq_source){.devfn = MSIX_DEVICE, .is_msix = true, .entry = entry};
}

static int connect_msix(uint32_t irq, uint16_t entry)
{
    const struct irq_source source = msix(entry);

    return irqs_message_connect(irq, 1, &source, 0);
}

static uint32_t owner(unsigned int vector)
{
    return vectors_owner(&irqs_vectors, (uint8_t)vector);
}

/* ---- MSI ------------------------------------------------------------------------------------- */

static void test_msi_is_written_masked_and_on(void **state)
{
    assert_int_equal(irqs_message_connect(30, 1, &msi, 1), 0);
    assert_int_equal(get(&devices[0], MSI_ADDRESS, 4), 0xfee00000U | 5 << 12);
    assert_int_equal(owner(get(&devices[0], MSI_DATA, 2)), 30);
    assert_int_equal(get(&devices[0], MSI_MASK, 4), 1);
    assert_int_equal(get(&devices[0], CAPABILITY + 2, 2), 0x0185);
    irqs_message_set_masked(30, false);
    assert_int_equal(get(&devices[0], MSI_MASK, 4), 0);
    irqs_message_disconnect(30, 1);
    assert_int_equal(get(&devices[0], CAPABILITY + 2, 2), 0x0184);
}

static void test_several_messages_are_told_as_a_power_of_two(void **state)
{
    unsigned int vector;

    assert_int_equal(irqs_message_connect(40, 3, &msi, 0), 0);
    vector = get(&devices[0], MSI_DATA, 2);
    assert_int_equal(vector % 4, 0);
    for (unsigned int i = 0; i < 3; i++) {
        assert_int_equal(owner(vector + i), 40 + i);
    }
    assert_int_equal(owner(vector + 3), VECTOR_NO_OWNER);
    assert_true(bit_test(irqs_vectors.used, vector + 3));
    assert_int_equal(get(&devices[0], CAPABILITY + 2, 2) >> 4 & 7, 2);
    assert_int_equal(get(&devices[0], MSI_MASK, 4), 7);
    irqs_message_set_masked(41, false);
    assert_int_equal(get(&devices[0], MSI_MASK, 4), 5);
    irqs_message_move(41, 1); /* they go together or not at all */
    assert_int_equal(get(&devices[0], MSI_ADDRESS, 4), 0xfee00000U | 2 << 12);
    irqs_message_disconnect(40, 3);
}

static void test_msi_refusals(void **state)
{
    const struct irq_source absent = {.devfn = 0x88}, wrong = {.devfn = MSIX_DEVICE};

    assert_int_equal(irqs_message_connect(30, 1, &absent, 0), -ENODEV);
    assert_int_equal(irqs_message_connect(30, 1, &wrong, 0), -ENODEV);
    assert_int_equal(irqs_message_connect(30, 8, &msi, 0), -EINVAL);
    assert_int_equal(irqs_message_connect(30, 1, &msi, 0), 0);
    assert_int_equal(irqs_message_connect(31, 1, &msi, 0), -EEXIST);
    irqs_message_disconnect(30, 1);
}

static void test_vectors_run_out(void **state)
{
    while (vectors_alloc(&irqs_vectors, VECTOR_NORMAL, 1) >= 0) {
    }
    assert_int_equal(irqs_message_connect(30, 1, &msi, 0), -ENOSPC);
    assert_int_equal(connect_msix(30, 0), -ENOSPC);
    assert_int_equal(get(&devices[0], CAPABILITY + 2, 2), 0x0184);
    vectors_init(&irqs_vectors);
    assert_int_equal(irqs_message_connect(30, 1, &msi, 0), 0); /* nothing was left in use */
    irqs_message_disconnect(30, 1);
}

/* ---- MSI-X ----------------------------------------------------------------------------------- */

static void test_msix_entries_are_written_and_stay_masked(void **state)
{
    assert_int_equal(connect_msix(30, 2), 0);
    assert_int_equal(connect_msix(31, 7), 0);
    assert_int_equal(table[2][0], 0xfee00000U | 2 << 12);
    assert_int_equal(table[2][1], 0);
    assert_int_equal(owner(table[2][2]), 30);
    assert_int_equal(owner(table[7][2]), 31);
    assert_int_equal(table[2][3] & 1, 1);
    irqs_message_set_masked(30, false);
    assert_int_equal(table[2][3] & 1, 0);
    assert_int_equal(table[7][3] & 1, 1);
    irqs_message_set_masked(30, true);
    irqs_message_disconnect(30, 1);
    irqs_message_disconnect(31, 1);
    assert_int_equal(table[2][3] & 1, 1);
}

static void test_msix_tables_are_mapped_once(void **state)
{
    unsigned int before = maps;

    for (unsigned int i = 0; i < 100; i++) {
        assert_int_equal(connect_msix(30, i % ENTRIES), 0);
        irqs_message_disconnect(30, 1);
    }
    assert_true(maps - before <= 1);
}

static void test_guests_may_only_read_a_table_in_use(void **state)
{
    struct pci_msix found;

    assert_int_equal(pci_msix_probe((pci_bdf_t){.devfn = MSIX_DEVICE}, &found), 0);
    assert_int_equal(connect_msix(30, 0), 0);
    assert_true(device_frame_is_read_only(maddr_to_mfn(maddr(found.table_paddr))));
    assert_true(device_frame_is_read_only(maddr_to_mfn(maddr(found.pending_paddr))));
    assert_false(device_frame_is_read_only(mfn(0x12345)));
    irqs_message_disconnect(30, 1);
}

static void test_msix_refusals(void **state)
{
    const struct irq_source no_msix = {.devfn = MSI_DEVICE, .is_msix = true}, two = msix(0);

    assert_int_equal(connect_msix(30, ENTRIES), -EINVAL);
    assert_int_equal(irqs_message_connect(30, 1, &no_msix, 0), -ENODEV);
    assert_int_equal(irqs_message_connect(30, 2, &two, 0), -EINVAL);
    assert_int_equal(connect_msix(30, 3), 0);
    assert_int_equal(connect_msix(31, 3), -EEXIST);
    irqs_message_disconnect(30, 1);
    assert_int_equal(irqs_msix_probe(&two), 0);
    assert_int_equal(irqs_msix_probe(&no_msix), -ENODEV);
}

/* Domain 0 says where a device's registers are: Pavise does not write wherever that points. */
static void test_a_table_is_never_in_memory_or_among_interrupt_controllers(void **state)
{
    put(&devices[1], 0x10, 5 << 12, 4);
    assert_int_equal(connect_msix(30, 0), -EINVAL);
    put(&devices[1], 0x10, 0xfee00000U, 4);
    assert_int_equal(connect_msix(30, 0), -EINVAL);
    put(&devices[1], 0x10, (uint32_t)(frame_count << 12) - 0x1000, 4);
    put(&devices[1], CAPABILITY + 2, 2047, 2); /* begins in memory, ends beyond */
    assert_int_equal(connect_msix(30, 0), -EINVAL);
    put(&devices[1], 0x10, 0, 4);
    assert_int_equal(connect_msix(30, 0), -EINVAL);
}

/* ---- afterwards ------------------------------------------------------------------------------ */

static void test_a_device_that_forgot_is_told_again(void **state)
{
    assert_int_equal(irqs_message_connect(30, 2, &msi, 0), 0);
    assert_int_equal(connect_msix(35, 1), 0);
    uint32_t msi_data = get(&devices[0], MSI_DATA, 2), msix_data = table[1][2];
    put(&devices[0], MSI_ADDRESS, 0, 4);
    put(&devices[0], MSI_DATA, 0, 2);
    put(&devices[0], MSI_MASK, 0, 4);
    memset(table, 0, sizeof(table));
    irqs_message_restore(30, false);
    irqs_message_restore(31, true);
    irqs_message_restore(35, false);
    assert_int_equal(get(&devices[0], MSI_ADDRESS, 4), 0xfee00000U | 2 << 12);
    assert_int_equal(get(&devices[0], MSI_DATA, 2), msi_data);
    assert_int_equal(get(&devices[0], MSI_MASK, 4), 2);
    assert_int_equal(table[1][2], msix_data);
    assert_int_equal(table[1][3] & 1, 0);
    irqs_message_disconnect(30, 2);
    irqs_message_disconnect(35, 1);
}

static void test_a_message_moves_with_its_vector_and_mask(void **state)
{
    assert_int_equal(irqs_message_connect(30, 1, &msi, 0), 0);
    assert_int_equal(connect_msix(31, 4), 0);
    uint32_t data = table[4][2];
    irqs_message_move(30, 1);
    irqs_message_move(31, 1);
    assert_int_equal(get(&devices[0], MSI_ADDRESS, 4), 0xfee00000U | 5 << 12);
    assert_int_equal(table[4][0], 0xfee00000U | 5 << 12);
    assert_int_equal(table[4][2], data);
    assert_int_equal(table[4][3] & 1, 1);
    irqs_message_set_masked(31, false);
    irqs_message_move(31, 0);
    assert_int_equal(table[4][0], 0xfee00000U | 2 << 12);
    assert_int_equal(table[4][3] & 1, 0);
    irqs_message_disconnect(30, 1);
    irqs_message_disconnect(31, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_msi_is_written_masked_and_on),
        TEST(test_several_messages_are_told_as_a_power_of_two),
        TEST(test_msi_refusals),
        TEST(test_vectors_run_out),
        TEST(test_msix_entries_are_written_and_stay_masked),
        TEST(test_msix_tables_are_mapped_once),
        TEST(test_guests_may_only_read_a_table_in_use),
        TEST(test_msix_refusals),
        TEST(test_a_table_is_never_in_memory_or_among_interrupt_controllers),
        TEST(test_a_device_that_forgot_is_told_again),
        TEST(test_a_message_moves_with_its_vector_and_mask),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
