// SPDX-License-Identifier: Apache-2.0
// The HPET against a stand-in: sanity, counter, comparators.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/hpet.h"
#include "platform/mmio.h"

static struct chip {
    uint32_t capabilities, period_fs, configuration;
    uint64_t counter, ticks_a_read;
    uint32_t timer[3], routes, comparator[3];
} chip;

static uint8_t page[0x400];

static uint64_t count(void)
{
    if ((chip.configuration & 1) != 0) {
        chip.counter += chip.ticks_a_read;
    }
    return chip.counter;
}

static uint64_t chip_read(void *context, uint64_t offset, unsigned width)
{
    assert_int_equal(width, 32);
    switch (offset) {
    case 0x000:
        return chip.capabilities;
    case 0x004:
        return chip.period_fs;
    case 0x010:
        return chip.configuration;
    case 0x0f0:
        return count();
    case 0x0f4:
        return count() >> 32;
    default:
        assert_in_range(offset, 0x100, 0x15f);
        assert_in_range(offset % 0x20, 0, 7);
        return offset % 0x20 == 0 ? chip.timer[(offset - 0x100) / 0x20] : chip.routes;
    }
}

static void chip_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    assert_int_equal(width, 32);
    if (offset == 0x010) {
        chip.configuration = (uint32_t)value;
        return;
    }
    assert_in_range(offset, 0x100, 0x15f);
    unsigned timer = (unsigned)(offset - 0x100) / 0x20;
    if (offset % 0x20 == 0) {
        chip.timer[timer] = (uint32_t)value;
    } else {
        assert_int_equal(offset % 0x20, 8);
        chip.comparator[timer] = (uint32_t)value;
    }
}

static void *map_page(uint64_t paddr, size_t length)
{
    return paddr == 0xfed00000 && length <= sizeof(page) ? page : NULL;
}

static int plug_in(void **state)
{
    static const struct host_device fake = {chip_read, chip_write, NULL};

    host_forget_devices();
    platform_map_mmio = map_page;
    chip = (struct chip){
        .capabilities = 0x8086a201, // 64 bits, legacy-capable, 3 comparators
        .period_fs = 10000000,
        .configuration = 2,
        .ticks_a_read = 50,
        .timer = {0x10c, 0x10c, 0x10c},
        .routes = 0x00f00000,
    };
    host_claim_mmio(page, sizeof(page), &fake);
    return 0;
}

static void its_registers_are_known_by_address(void **state)
{
    assert_int_equal(hpet_init(0xfed00000), 0);
    assert_true(hpet_covers(0xfed00000, 0x1000));
    assert_false(hpet_covers(0xfed01000, 0x1000));
    assert_false(hpet_covers(0xfecff000, 0x1000));
}

static void init_silences_it_and_lets_it_run(void **state)
{
    assert_int_equal(hpet_init(0xfed00000), 0);
    assert_int_equal(chip.configuration, 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(chip.timer[i] & 0x0c, 0);
    }
    assert_int_equal(hpet_hz(), 100000000);
    assert_true(hpet_is_64bit());
    assert_int_equal(hpet_comparators(), 3);
    assert_int_equal(hpet_reference()->hz, 100000000);
}

static void nonsense_is_no_timer(void **state)
{
    assert_int_equal(hpet_init(0x1000), -ENOMEM);
    assert_null(hpet_reference());
    chip.period_fs = 0;
    assert_int_equal(hpet_init(0xfed00000), -ENODEV);
    chip.period_fs = 100000001;
    assert_int_equal(hpet_init(0xfed00000), -ENODEV);
    chip.period_fs = 69841279;
    assert_int_equal(hpet_init(0xfed00000), 0);
    assert_int_equal(hpet_hz(), 14318180);
    chip.ticks_a_read = 0; // stands still
    assert_int_equal(hpet_init(0xfed00000), -ENODEV);
    chip.capabilities = UINT32_MAX;
    assert_int_equal(hpet_init(0xfed00000), -ENODEV);
    assert_null(hpet_reference());
    assert_int_equal(hpet_comparators(), 0);
}

static void counter_is_whole_while_its_low_half_wraps(void **state)
{
    assert_int_equal(hpet_init(0xfed00000), 0);
    chip.counter = 0xffffffff - 20;
    uint64_t value = hpet_read();
    assert_in_range(value, 0x100000000, 0x100000000 + 500);
}

static void narrow_counter_is_read_at_once(void **state)
{
    chip.capabilities &= ~(1U << 13);
    assert_int_equal(hpet_init(0xfed00000), 0);
    chip.counter = 1000;
    assert_int_equal(hpet_read(), 1050);
}

static void comparator_goes_only_where_it_can(void **state)
{
    assert_int_equal(hpet_init(0xfed00000), 0);
    assert_int_equal(hpet_comparator_routes(1), 0x00f00000);
    assert_int_equal(hpet_comparator_route(1, 22), 0);
    assert_int_equal(chip.timer[1] >> 9 & 0x1f, 22);
    assert_int_equal(hpet_comparator_route(1, 2), -EINVAL);
    assert_int_equal(hpet_comparator_route(1, 32), -EINVAL);
}

static void comparator_fires_once_ahead(void **state)
{
    assert_int_equal(hpet_init(0xfed00000), 0);
    chip.counter = 0xfffffff0;
    assert_int_equal(hpet_comparator_arm(2, 1000), 0);
    assert_int_equal(chip.comparator[2], (uint32_t)(0xfffffff0 + 50 + 1000));
    assert_int_equal(chip.timer[2] & 0x10e, 0x104);
    assert_int_equal(hpet_comparator_arm(2, 40), -ETIME);
    hpet_comparator_disarm(2);
    assert_int_equal(chip.timer[2] & 4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(init_silences_it_and_lets_it_run, plug_in),
        cmocka_unit_test_setup(its_registers_are_known_by_address, plug_in),
        cmocka_unit_test_setup(nonsense_is_no_timer, plug_in),
        cmocka_unit_test_setup(counter_is_whole_while_its_low_half_wraps, plug_in),
        cmocka_unit_test_setup(narrow_counter_is_read_at_once, plug_in),
        cmocka_unit_test_setup(comparator_goes_only_where_it_can, plug_in),
        cmocka_unit_test_setup(comparator_fires_once_ahead, plug_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
