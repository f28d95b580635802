// SPDX-License-Identifier: Apache-2.0
// The battery clock against a stand-in: codes, centuries, ticks in mid-reading, no clock.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/cmos.h"

static struct chip {
    uint8_t index;
    uint8_t memory[128];
    unsigned updating_reads;  // of status A, until it settles
    unsigned reads_till_tick; // then the seconds go from 59 to 00 and the minute on; 0: never
} chip;

static void maybe_tick(void)
{
    if (chip.reads_till_tick != 0 && --chip.reads_till_tick == 0) {
        chip.memory[0x00] = 0x00;
        chip.memory[0x02]++;
    }
}

static uint64_t chip_read(void *context, uint64_t offset, unsigned width)
{
    uint8_t value = chip.memory[chip.index];

    assert_int_equal(offset, 1);
    maybe_tick();
    if (chip.index == 0x0a && chip.updating_reads > 0) {
        chip.updating_reads--;
        value |= 0x80;
    }
    return value;
}

static void chip_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    if (offset == 0) {
        assert_in_range(value, 0, 127); // bit 7 would shut out NMIs
        chip.index = (uint8_t)value;
    } else {
        chip.memory[chip.index] = (uint8_t)value;
    }
}

static void set_date(uint8_t year, uint8_t month, uint8_t day, uint8_t hour, uint8_t minute,
                     uint8_t second)
{
    chip.memory[0x00] = second;
    chip.memory[0x02] = minute;
    chip.memory[0x04] = hour;
    chip.memory[0x07] = day;
    chip.memory[0x08] = month;
    chip.memory[0x09] = year;
}

static int plug_in(void **state)
{
    static const struct host_device fake = {chip_read, chip_write, NULL};

    host_forget_devices();
    chip = (struct chip){.memory = {[0x0a] = 0x26, [0x0b] = 0x02}};
    host_claim_ports(0x70, 2, &fake);
    set_date(0x24, 0x02, 0x29, 0x23, 0x59, 0x58);
    return 0;
}

static uint64_t clock_now(uint8_t century_index)
{
    uint64_t seconds;

    assert_int_equal(cmos_read_clock(century_index, &seconds), 0);
    return seconds;
}

static void decimal_24_hours(void **state)
{
    assert_int_equal(clock_now(0), 1709251198); // 2024-02-29 23:59:58
}

static void binary_24_hours(void **state)
{
    chip.memory[0x0b] = 0x06;
    set_date(24, 2, 29, 23, 59, 58);
    assert_int_equal(clock_now(0), 1709251198);
}

static void twelve_hours(void **state)
{
    chip.memory[0x0b] = 0x00;
    chip.memory[0x04] = 0x91; // 11 pm
    assert_int_equal(clock_now(0), 1709251198);
    chip.memory[0x04] = 0x12; // 12 am: midnight
    assert_int_equal(clock_now(0), 1709251198 - 23 * 3600);
    chip.memory[0x04] = 0x92; // 12 pm: noon
    assert_int_equal(clock_now(0), 1709251198 - 11 * 3600);
}

static void century_is_read_where_the_table_says(void **state)
{
    set_date(0x00, 0x03, 0x01, 0x00, 0x00, 0x00);
    chip.memory[0x32] = 0x21;
    assert_int_equal(clock_now(0x32), 4107542400); // 2100-03-01, no leap year
    chip.memory[0x32] = 0xff;                      // not kept
    assert_int_equal(clock_now(0x32), 951868800);  // 2000-03-01, a leap year
}

static void years_without_century_pivot_at_70(void **state)
{
    set_date(0x70, 0x01, 0x01, 0x00, 0x00, 0x00);
    assert_int_equal(clock_now(0), 0);
    set_date(0x69, 0x12, 0x31, 0x23, 0x59, 0x59);
    assert_int_equal(clock_now(0), 3155759999);
}

static void update_in_progress_is_waited_for(void **state)
{
    chip.updating_reads = 1000;
    assert_int_equal(clock_now(0), 1709251198);
    assert_int_equal(chip.updating_reads, 0);
}

static void tick_between_two_registers_is_noticed(void **state)
{
    for (unsigned reads = 1; reads < 20; reads++) {
        plug_in(state);
        set_date(0x24, 0x02, 0x29, 0x12, 0x30, 0x59);
        chip.reads_till_tick = reads;
        uint64_t now = clock_now(0);
        assert_in_range(now, 1709209859, 1709209860); // 12:30:59 or 12:31:00
    }
}

static void stuck_or_missing_clock_is_no_device(void **state)
{
    uint64_t seconds;

    chip.updating_reads = UINT32_MAX;
    assert_int_equal(cmos_read_clock(0, &seconds), -ENODEV);
    host_forget_devices();
    assert_int_equal(cmos_read_clock(0, &seconds), -ENODEV);
}

static void impossible_dates_are_refused(void **state)
{
    static const uint8_t bad[][6] = {
        {0x23, 0x02, 0x29, 0, 0, 0}, {0x24, 0x13, 0x01, 0, 0, 0},    {0x24, 0x00, 0x01, 0, 0, 0},
        {0x24, 0x04, 0x31, 0, 0, 0}, {0x24, 0x04, 0x00, 0, 0, 0},    {0x24, 0x04, 0x01, 0x24, 0, 0},
        {0x24, 0x04, 1, 0, 0x60, 0}, {0x24, 0x04, 0x01, 0, 0, 0xff},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t seconds;
        set_date(bad[i][0], bad[i][1], bad[i][2], bad[i][3], bad[i][4], bad[i][5]);
        assert_int_equal(cmos_read_clock(0, &seconds), -EINVAL);
    }
}

static void memory_is_reached_by_index(void **state)
{
    cmos_write(0x8f, 0x5a); // the top bit is not part of the index
    assert_int_equal(chip.memory[0x0f], 0x5a);
    assert_int_equal(cmos_read(0x0f), 0x5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(decimal_24_hours, plug_in),
        cmocka_unit_test_setup(binary_24_hours, plug_in),
        cmocka_unit_test_setup(twelve_hours, plug_in),
        cmocka_unit_test_setup(century_is_read_where_the_table_says, plug_in),
        cmocka_unit_test_setup(years_without_century_pivot_at_70, plug_in),
        cmocka_unit_test_setup(update_in_progress_is_waited_for, plug_in),
        cmocka_unit_test_setup(tick_between_two_registers_is_noticed, plug_in),
        cmocka_unit_test_setup(stuck_or_missing_clock_is_no_device, plug_in),
        cmocka_unit_test_setup(impossible_dates_are_refused, plug_in),
        cmocka_unit_test_setup(memory_is_reached_by_index, plug_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
