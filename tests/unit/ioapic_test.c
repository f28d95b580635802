// SPDX-License-Identifier: Apache-2.0
// I/O APICs and the 8259 pair against stand-ins: entries as programmed, missing chips, raw access.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/i8259.h"
#include "platform/ioapic.h"
#include "platform/mmio.h"

enum { PINS = 24 };

static struct chip {
    uint32_t index;
    uint32_t version;
    uint64_t entry[PINS];
    bool changed_while_live; // an unmasked entry lost or got more than its mask
    uint8_t registers[0x20];
} chips[2];

static uint64_t chip_read(void *context, uint64_t offset, unsigned width)
{
    struct chip *chip = context;

    assert_int_equal(width, 32);
    if (offset == 0) {
        return chip->index;
    }
    assert_int_equal(offset, 0x10);
    switch (chip->index) {
    case 0:
        return 0x05000000;
    case 1:
        return chip->version;
    case 2:
        return 0x0a000000;
    default:
        assert_in_range(chip->index, 0x10, 0x10 + 2 * PINS - 1);
        return chip->entry[(chip->index - 0x10) / 2] >> (chip->index % 2 * 32) & 0xffffffff;
    }
}

static void write_entry(struct chip *chip, uint64_t value)
{
    uint64_t *entry = &chip->entry[(chip->index - 0x10) / 2];
    unsigned shift = chip->index % 2 * 32;
    uint64_t changed = (*entry ^ value << shift) & 0xffffffffULL << shift;

    if ((*entry & 1 << 16) == 0 && (changed & ~(1ULL << 16)) != 0) {
        chip->changed_while_live = true;
    }
    *entry ^= changed & ~(1ULL << 14); // remote IRR can't be written ...
    if ((*entry & 1 << 15) == 0) {
        *entry &= ~(1ULL << 14); // ... but is a level entry's only
    }
}

static void chip_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    struct chip *chip = context;

    assert_int_equal(width, 32);
    if (offset == 0) {
        chip->index = (uint32_t)value;
    } else {
        assert_int_equal(offset, 0x10);
        assert_in_range(chip->index, 0x10, 0x10 + 2 * PINS - 1);
        write_entry(chip, value);
    }
}

static void *map_chip(uint64_t paddr, size_t length)
{
    assert_true(length <= 0x20);
    switch (paddr) {
    case 0xfec00000:
        return chips[0].registers;
    case 0xfec01000:
        return chips[1].registers;
    default:
        return NULL;
    }
}

static struct madt madt;

static int plug_in(void **state)
{
    host_forget_devices();
    platform_map_mmio = map_chip;
    madt = (struct madt){.ioapic_count = 2, .ioapic = {{0, 0xfec00000, 0}, {1, 0xfec01000, PINS}}};
    for (unsigned i = 0; i < 2; i++) {
        struct host_device fake = {chip_read, chip_write, &chips[i]};
        chips[i] = (struct chip){.version = (PINS - 1) << 16 | 0x20};
        for (unsigned pin = 0; pin < PINS; pin++) {
            chips[i].entry[pin] = 0x10000;
        }
        host_claim_mmio(chips[i].registers, 0x20, &fake);
    }
    assert_int_equal(ioapic_init(&madt), 2);
    return 0;
}

static void init_masks_what_firmware_left(void **state)
{
    chips[0].entry[2] = 0x0300000000000738; // live, ExtINT
    ioapic_init(&madt);
    assert_int_equal(chips[0].entry[2], 0x10000);
    assert_false(chips[0].changed_while_live);
}

/* Masking it would lose an edge that comes meanwhile. */
static void a_live_pin_moves_to_another_cpu_without_being_masked(void **state)
{
    const struct ioapic_route route = {.vector = 0x41, .apic_id = 1};
    struct ioapic_route now;

    assert_int_equal(ioapic_set_route(3, &route), 0);
    assert_int_equal(ioapic_set_destination(3, 2), 0);
    assert_int_equal(ioapic_get_route(3, &now), 0);
    assert_int_equal(now.apic_id, 2);
    assert_int_equal(now.vector, 0x41);
    assert_false(now.masked);
    assert_int_equal(ioapic_set_destination(3, 255), -EINVAL);
    assert_int_equal(ioapic_set_destination(999, 2), -ENOENT);
}

static void broken_chips_are_left_out(void **state)
{
    chips[0].version = UINT32_MAX;
    assert_int_equal(ioapic_init(&madt), 1);
    assert_false(ioapic_has_gsi(0));
    assert_true(ioapic_has_gsi(PINS));
    madt.ioapic[1].paddr = 0xfec05000; // cannot be mapped
    assert_int_equal(ioapic_init(&madt), 0);
    assert_int_equal(ioapic_gsi_count(), 0);
}

static void gsis_lead_to_pins(void **state)
{
    struct ioapic_route route = {.vector = 0x41, .apic_id = 3, .line = {true, true}};

    assert_int_equal(ioapic_gsi_count(), 2 * PINS);
    assert_true(ioapic_has_gsi(2 * PINS - 1));
    assert_false(ioapic_has_gsi(2 * PINS));
    assert_int_equal(ioapic_set_route(PINS + 5, &route), 0);
    assert_int_equal(chips[1].entry[5], 0x030000000000a041);
    assert_int_equal(ioapic_set_route(2 * PINS, &route), -ENOENT);
    assert_int_equal(ioapic_get_route(UINT32_MAX, &route), -ENOENT);
}

static void routes_are_programmed_and_read_back(void **state)
{
    static const struct ioapic_route routes[] = {
        {0x30, 0, {false, false}, true},
        {0xef, 254, {true, true}, false},
        {0x77, 9, {false, true}, false},
        {0x78, 10, {true, false}, true},
    };

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        struct ioapic_route back;
        assert_int_equal(ioapic_set_route(4, &routes[i]), 0);
        assert_int_equal(ioapic_get_route(4, &back), 0);
        assert_int_equal(back.vector, routes[i].vector);
        assert_int_equal(back.apic_id, routes[i].apic_id);
        assert_int_equal(back.line.level, routes[i].line.level);
        assert_int_equal(back.line.active_low, routes[i].line.active_low);
        assert_int_equal(back.masked, routes[i].masked);
    }
    assert_false(chips[0].changed_while_live);
}

static void a_pin_can_raise_nmis(void **state)
{
    assert_int_equal(ioapic_set_nmi(4, 9, (struct irq_line){.level = true, .active_low = true}), 0);
    assert_int_equal(chips[0].entry[4], 9ULL << 56 | 0x2400);
    assert_false(chips[0].changed_while_live);
    assert_int_equal(ioapic_set_nmi(4, 255, (struct irq_line){0}), -EINVAL);
    assert_int_equal(ioapic_set_nmi(999, 0, (struct irq_line){0}), -ENOENT);
}

static void impossible_routes_are_refused(void **state)
{
    struct ioapic_route exception = {.vector = 14, .apic_id = 0};
    struct ioapic_route broadcast = {.vector = 0x40, .apic_id = 255};

    assert_int_equal(ioapic_set_route(4, &exception), -EINVAL);
    assert_int_equal(ioapic_set_route(4, &broadcast), -EINVAL);
    assert_int_equal(chips[0].entry[4], 0x10000);
}

static void mask_changes_one_bit(void **state)
{
    struct ioapic_route route = {.vector = 0x41, .apic_id = 3, .line = {true, true}};

    assert_int_equal(ioapic_set_route(7, &route), 0);
    ioapic_mask(7);
    assert_int_equal(chips[0].entry[7], 0x030000000001a041);
    ioapic_unmask(7);
    assert_int_equal(chips[0].entry[7], 0x030000000000a041);
    ioapic_mask(1000);
    ioapic_unmask(1000);
}

static void lost_eoi_can_be_forced(void **state)
{
    chips[0].entry[9] = 0x000000000000c041; // level, remote IRR
    assert_true(ioapic_in_service(9));
    ioapic_force_eoi(9);
    assert_false(ioapic_in_service(9));
    assert_int_equal(chips[0].entry[9], 0x18041);
    ioapic_force_eoi(1000);
    assert_false(ioapic_in_service(1000));
}

static void raw_access_stays_inside_the_chip(void **state)
{
    uint32_t value, gsi;

    assert_int_equal(ioapic_raw_read(0xfec01000, 1, &value), 0);
    assert_int_equal(value, (PINS - 1) << 16 | 0x20);
    assert_int_equal(ioapic_raw_write(0xfec01000, 0x10 + 2 * 6 + 1, 0x04000000), 0);
    assert_int_equal(chips[1].entry[6], 0x0400000000010000);
    assert_int_equal(ioapic_raw_gsi(0xfec01000, 0x10 + 2 * 6 + 1, &gsi), 0);
    assert_int_equal(gsi, PINS + 6);

    assert_int_equal(ioapic_raw_read(0xfec01000, 3, &value), -EINVAL);
    assert_int_equal(ioapic_raw_read(0xfec01000, 0x10 + 2 * PINS, &value), -EINVAL);
    assert_int_equal(ioapic_raw_write(0xfec01000, 0xff, 0), -EINVAL);
    assert_int_equal(ioapic_raw_gsi(0xfec01000, 2, &gsi), -EINVAL);
    assert_int_equal(ioapic_raw_read(0xfee00000, 0, &value), -ENODEV);
    assert_int_equal(ioapic_raw_write(0xfec01004, 0, 0), -ENODEV);
    assert_int_equal(ioapic_raw_gsi(0, 0x10, &gsi), -ENODEV);
}

static void registers_are_recognised_in_any_range(void **state)
{
    assert_true(ioapic_covers(0xfec00000, 1));
    assert_true(ioapic_covers(0xfec01fff, 1));
    assert_true(ioapic_covers(0xfebff000, 0x1001));
    assert_true(ioapic_covers(0, UINT64_MAX));
    assert_true(ioapic_covers(0x1000, UINT64_MAX));
    assert_false(ioapic_covers(0xfebff000, 0x1000));
    assert_false(ioapic_covers(0xfec02000, UINT64_MAX));
    assert_false(ioapic_covers(0xfec00000, 0));
}

// ---- 8259 ---------------------------------------------------------------------------------------

static struct pic {
    uint8_t data[4], command;
    unsigned written;
    uint8_t isr, last_eoi;
} pics[2];

static uint64_t pic_read(void *context, uint64_t offset, unsigned width)
{
    struct pic *pic = context;

    return offset == 0 && pic->command == 0x0b ? pic->isr : 0;
}

// After ICW1 three words of set-up follow; a data write after them is the mask, kept in data[3].
static void pic_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    struct pic *pic = context;

    if (offset == 1) {
        pic->data[pic->written] = (uint8_t)value;
        pic->written += pic->written < 3;
    } else if (value == 0x11) {
        pic->written = 0;
    } else if ((value & 0xf8) == 0x60) {
        pic->last_eoi = (uint8_t)value;
    } else {
        pic->command = (uint8_t)value;
    }
}

static int plug_in_pics(void **state)
{
    host_forget_devices();
    for (unsigned i = 0; i < 2; i++) {
        struct host_device fake = {pic_read, pic_write, &pics[i]};
        pics[i] = (struct pic){.written = 3};
        host_claim_ports(i == 0 ? 0x20 : 0xa0, 2, &fake);
    }
    i8259_init(0x20);
    return 0;
}

static void pair_is_moved_and_masked(void **state)
{
    static const uint8_t lower[] = {0x20, 0x04, 0x01, 0xff}, upper[] = {0x28, 0x02, 0x01, 0xff};

    assert_memory_equal(pics[0].data, lower, 4);
    assert_memory_equal(pics[1].data, upper, 4);
}

static void cascade_opens_with_the_upper_chip(void **state)
{
    i8259_unmask(4);
    assert_int_equal(pics[0].data[3], 0xef);
    assert_int_equal(pics[1].data[3], 0xff);
    i8259_unmask(12);
    assert_int_equal(pics[0].data[3], 0xeb);
    assert_int_equal(pics[1].data[3], 0xef);
    i8259_mask(12);
    assert_int_equal(pics[0].data[3], 0xef);
    assert_int_equal(i8259_mask_all(), 0xffef);
    assert_int_equal(pics[0].data[3], 0xff);
}

static void eoi_goes_to_both_for_the_upper(void **state)
{
    i8259_eoi(12);
    assert_int_equal(pics[1].last_eoi, 0x64);
    assert_int_equal(pics[0].last_eoi, 0x62);
    i8259_eoi(4);
    assert_int_equal(pics[0].last_eoi, 0x64);
}

static void spurious_interrupts_are_told_by_the_service_bit(void **state)
{
    pics[0].isr = 0x80;
    assert_false(i8259_was_spurious(7));
    pics[0].isr = 0;
    assert_true(i8259_was_spurious(7));
    assert_int_equal(pics[0].last_eoi, 0);
    assert_true(i8259_was_spurious(15));
    assert_int_equal(pics[0].last_eoi, 0x62);
    pics[1].isr = 0x80;
    assert_false(i8259_was_spurious(15));
}

static uint64_t read_elcr(void *context, uint64_t offset, unsigned width)
{
    return ((uint8_t *)context)[offset];
}

static void level_register_is_believed_only_if_sane(void **state)
{
    uint8_t elcr[2] = {0x20, 0x0c};
    struct host_device fake = {read_elcr, NULL, elcr};

    assert_int_equal(i8259_level_irqs(), 0); // no such registers
    host_claim_ports(0x4d0, 2, &fake);
    assert_int_equal(i8259_level_irqs(), 0x0c20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(init_masks_what_firmware_left, plug_in),
        cmocka_unit_test_setup(a_live_pin_moves_to_another_cpu_without_being_masked, plug_in),
        cmocka_unit_test_setup(broken_chips_are_left_out, plug_in),
        cmocka_unit_test_setup(gsis_lead_to_pins, plug_in),
        cmocka_unit_test_setup(routes_are_programmed_and_read_back, plug_in),
        cmocka_unit_test_setup(a_pin_can_raise_nmis, plug_in),
        cmocka_unit_test_setup(impossible_routes_are_refused, plug_in),
        cmocka_unit_test_setup(mask_changes_one_bit, plug_in),
        cmocka_unit_test_setup(lost_eoi_can_be_forced, plug_in),
        cmocka_unit_test_setup(raw_access_stays_inside_the_chip, plug_in),
        cmocka_unit_test_setup(registers_are_recognised_in_any_range, plug_in),
        cmocka_unit_test_setup(pair_is_moved_and_masked, plug_in_pics),
        cmocka_unit_test_setup(cascade_opens_with_the_upper_chip, plug_in_pics),
        cmocka_unit_test_setup(eoi_goes_to_both_for_the_upper, plug_in_pics),
        cmocka_unit_test_setup(spurious_interrupts_are_told_by_the_service_bit, plug_in_pics),
        cmocka_unit_test_setup(level_register_is_believed_only_if_sane, plug_in_pics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
