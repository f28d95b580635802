// SPDX-License-Identifier: Apache-2.0
// The end of a machine, and its screen: reset and sleep registers as written, the BIOS's text mode.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/mmio.h"
#include "platform/reset.h"
#include "platform/sleep.h"
#include "platform/vga.h"

// Everything that was written, in order.
static struct {
    uint64_t where, value;
    unsigned width;
} written[32];
static unsigned writes;

static void record(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    assert_true(writes < 32);
    written[writes].where = (uintptr_t)context + offset;
    written[writes].width = width;
    written[writes++].value = value;
}

static uint64_t read_zero(void *context, uint64_t offset, unsigned width)
{
    return 0;
}

static void assert_written(unsigned index, uint64_t where, unsigned width, uint64_t value)
{
    assert_true(index < writes);
    assert_int_equal(written[index].where, where);
    assert_int_equal(written[index].width, width);
    assert_int_equal(written[index].value, value);
}

static uint8_t page[16];
static uint8_t bda[0x100];

static void *map_page(uint64_t paddr, size_t length)
{
    return paddr >= 0xfed40000 && paddr - 0xfed40000 < sizeof(page) ? page + (paddr - 0xfed40000)
                                                                    : NULL;
}

static const void *map_bda(uint64_t paddr, size_t length)
{
    return paddr == 0x400 && length <= sizeof(bda) ? bda : NULL;
}

static int plug_in(void **state)
{
    const struct host_device ports = {read_zero, record, NULL};
    const struct host_device memory = {NULL, record, (void *)0xfed40000};

    host_forget_devices();
    writes = 0;
    platform_map_mmio = map_page;
    acpi_map = map_bda;
    host_claim_ports(0, 0x10000, &ports);
    host_claim_mmio(page, sizeof(page), &memory);
    return 0;
}

// ---- reset --------------------------------------------------------------------------------------

static void reset_without_a_table_uses_the_pc_ways(void **state)
{
    platform_reset();
    assert_int_equal(writes, 4);
    assert_written(0, 0x64, 8, 0xfe);
    assert_written(1, 0xcf9, 8, 0x02);
    assert_written(2, 0xcf9, 8, 0x06);
    assert_written(3, 0xcf9, 8, 0x0e);
}

static void reset_follows_the_table_first(void **state)
{
    struct fadt fadt = {.can_reset = true, .reset = {ACPI_SPACE_IO, 8, 0xcf9}, .reset_value = 0x0f};

    platform_reset_init(&fadt);
    platform_reset();
    assert_int_equal(writes, 4); // no keyboard controller
    assert_written(0, 0xcf9, 8, 0x0f);
    assert_written(1, 0xcf9, 8, 0x02);
}

static void reset_register_may_be_memory_or_pci(void **state)
{
    struct fadt fadt = {.can_reset = true, .has_8042 = true, .reset_value = 0x5a};

    fadt.reset = (struct acpi_register){ACPI_SPACE_MEMORY, 8, 0xfed40004};
    platform_reset_init(&fadt);
    platform_reset();
    assert_written(0, 0xfed40004, 8, 0x5a);
    assert_written(1, 0x64, 8, 0xfe);

    writes = 0;
    fadt.reset = (struct acpi_register){ACPI_SPACE_PCI_CONFIG, 8, 0x001f000000d2};
    platform_reset_init(&fadt);
    platform_reset();
    assert_written(0, 0xcf8, 32, 0x8000f8d0);
    assert_written(1, 0xcfe, 8, 0x5a);
}

static void unusable_reset_register_is_passed_over(void **state)
{
    static const struct acpi_register bad[] = {
        {ACPI_SPACE_MEMORY, 8, 0x1000}, {ACPI_SPACE_IO, 8, 0x10000}, {0x7f, 8, 0x10}};
    struct fadt fadt = {.can_reset = true, .has_8042 = true};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        writes = 0;
        fadt.reset = bad[i];
        platform_reset_init(&fadt);
        platform_reset();
        assert_written(0, 0x64, 8, 0xfe);
    }
}

// ---- sleep --------------------------------------------------------------------------------------

static void off_by_pm1_writes_type_before_enable(void **state)
{
    struct fadt fadt = {.pm1a_control = {ACPI_SPACE_IO, 16, 0x604},
                        .pm1b_control = {ACPI_SPACE_MEMORY, 16, 0xfed40008}};

    assert_int_equal(platform_enter_sleep(&fadt, 5, 0x3401, 0x2801, false), 0);
    assert_int_equal(writes, 4);
    assert_written(0, 0x604, 16, 0x1401);
    assert_written(1, 0xfed40008, 16, 0x0801);
    assert_written(2, 0x604, 16, 0x3401);
    assert_written(3, 0xfed40008, 16, 0x2801);
}

static void off_with_one_register_leaves_the_other(void **state)
{
    struct fadt fadt = {.pm1a_control = {ACPI_SPACE_IO, 16, 0x604}};

    assert_int_equal(platform_enter_sleep(&fadt, 5, 0x2001, 0x2001, false), 0);
    assert_int_equal(writes, 2);
    assert_written(1, 0x604, 16, 0x2001);
}

static void off_by_sleep_control_takes_type_or_value(void **state)
{
    struct fadt fadt = {.sleep_control = {ACPI_SPACE_IO, 8, 0x600}};

    assert_int_equal(platform_enter_sleep(&fadt, 5, 5, 0, true), 0);
    assert_written(0, 0x600, 8, 0x34);
    assert_int_equal(platform_enter_sleep(&fadt, 5, 0x34, 0, true), 0);
    assert_written(1, 0x600, 8, 0x34);
}

static void sleep_refuses_what_is_not_off(void **state)
{
    struct fadt fadt = {.pm1a_control = {ACPI_SPACE_IO, 16, 0x604},
                        .sleep_control = {ACPI_SPACE_IO, 8, 0x600}};

    assert_int_equal(platform_enter_sleep(&fadt, 3, 0x2001, 0, false), -EOPNOTSUPP);
    assert_int_equal(platform_enter_sleep(&fadt, 5, 0x1401, 0, false), -EINVAL);
    assert_int_equal(platform_enter_sleep(&fadt, 5, 0x08, 0, true), -EINVAL);
    assert_int_equal(platform_enter_sleep(&fadt, 5, 0x134, 0, true), -EINVAL);
    assert_int_equal(writes, 0);
}

static void sleep_needs_a_register(void **state)
{
    struct fadt none = {0};
    struct fadt wild = {.pm1a_control = {ACPI_SPACE_IO, 16, 0xffff},
                        .sleep_control = {ACPI_SPACE_MEMORY, 8, 0x1000}};

    assert_int_equal(platform_enter_sleep(&none, 5, 0x2001, 0, false), -ENODEV);
    assert_int_equal(platform_enter_sleep(&none, 5, 5, 0, true), -ENODEV);
    assert_int_equal(platform_enter_sleep(&wild, 5, 0x2001, 0, false), -ENODEV);
    assert_int_equal(platform_enter_sleep(&wild, 5, 5, 0, true), -ENODEV);
    assert_int_equal(writes, 0);
}

// ---- screen -------------------------------------------------------------------------------------

static void text_mode_is_described_by_the_bios(void **state)
{
    struct vga_text text;

    memset(bda, 0, sizeof(bda));
    bda[0x49] = 3;
    bda[0x4a] = 80;
    bda[0x50] = 7;
    bda[0x51] = 12;
    bda[0x84] = 24;
    bda[0x85] = 16;
    assert_true(vga_probe_text(&text));
    assert_int_equal(text.columns, 80);
    assert_int_equal(text.rows, 25);
    assert_int_equal(text.cursor_x, 7);
    assert_int_equal(text.cursor_y, 12);
    assert_int_equal(text.font_height, 16);
}

static void implausible_or_missing_screens_are_none(void **state)
{
    struct vga_text text;

    bda[0x51] = 25; // below the last row
    assert_false(vga_probe_text(&text));
    bda[0x51] = 0;
    bda[0x4a] = 0;
    assert_false(vga_probe_text(&text));
    bda[0x4a] = 80;
    bda[0x49] = 0x12; // graphics
    assert_false(vga_probe_text(&text));
    bda[0x49] = 3;
    assert_true(vga_probe_text(&text));
    host_forget_devices(); // no chip
    assert_false(vga_probe_text(&text));
}

static uint64_t read_one(void *context, uint64_t offset, unsigned width)
{
    return 1;
}

static void chip_in_graphics_mode_is_believed_over_the_bios(void **state)
{
    static const struct host_device graphics = {read_one, NULL, NULL};
    struct vga_text text;

    assert_true(vga_probe_text(&text));
    host_claim_ports(0x3cf, 1, &graphics);
    assert_false(vga_probe_text(&text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reset_without_a_table_uses_the_pc_ways, plug_in),
        cmocka_unit_test_setup(reset_follows_the_table_first, plug_in),
        cmocka_unit_test_setup(reset_register_may_be_memory_or_pci, plug_in),
        cmocka_unit_test_setup(unusable_reset_register_is_passed_over, plug_in),
        cmocka_unit_test_setup(off_by_pm1_writes_type_before_enable, plug_in),
        cmocka_unit_test_setup(off_with_one_register_leaves_the_other, plug_in),
        cmocka_unit_test_setup(off_by_sleep_control_takes_type_or_value, plug_in),
        cmocka_unit_test_setup(sleep_refuses_what_is_not_off, plug_in),
        cmocka_unit_test_setup(sleep_needs_a_register, plug_in),
        cmocka_unit_test_setup(text_mode_is_described_by_the_bios, plug_in),
        cmocka_unit_test_setup(implausible_or_missing_screens_are_none, plug_in),
        cmocka_unit_test_setup(chip_in_graphics_mode_is_believed_over_the_bios, plug_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
