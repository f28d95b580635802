// SPDX-License-Identifier: Apache-2.0
// The interval timer against a stand-in 8254.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "arch/io.h"
#include "platform/pit.h"

static struct chip {
    uint8_t port_b, command_0, command_2, writes_0[4], writes_2[2];
    unsigned written_0, written_2;
    uint8_t latch[3];
    unsigned latched;
    uint32_t left;         // channel 2
    uint32_t ticks_a_read; // how fast it runs
    uint8_t status;
} chip;

static void latch(void)
{
    if (chip.left <= chip.ticks_a_read) {
        chip.status |= 0x80;
    }
    chip.left = (chip.left - chip.ticks_a_read) & 0xffff;
    chip.latch[0] = chip.status;
    chip.latch[1] = (uint8_t)chip.left;
    chip.latch[2] = (uint8_t)(chip.left >> 8);
    chip.latched = 0;
}

static uint64_t chip_read(void *context, uint64_t offset, unsigned width)
{
    assert_int_equal(offset, 2);
    return chip.latch[chip.latched++ % 3];
}

static void command(uint8_t value)
{
    if (value == 0xc8) {
        latch();
    } else if (value == 0x80) { // the count alone
        latch();
        chip.latched = 1;
    } else if (value >> 6 == 2) {
        chip.command_2 = value;
        chip.written_2 = 0;
        assert_int_equal(chip.port_b & 1, 0); // gate shut while it is loaded
    } else {
        chip.command_0 = value;
        chip.written_0 = 0;
    }
}

static void chip_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    switch (offset) {
    case 0:
        chip.writes_0[chip.written_0++] = (uint8_t)value;
        break;
    case 2:
        chip.writes_2[chip.written_2++] = (uint8_t)value;
        chip.left = 0xffff;
        chip.status &= 0x7f;
        break;
    case 3:
        command((uint8_t)value);
        break;
    default:
        fail();
    }
}

static uint64_t port_b_read(void *context, uint64_t offset, unsigned width)
{
    return chip.port_b;
}

static void port_b_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    chip.port_b = (uint8_t)value;
}

static int plug_in(void **state)
{
    static const struct host_device fake = {chip_read, chip_write, NULL};
    static const struct host_device port_b = {port_b_read, port_b_write, NULL};

    host_forget_devices();
    chip = (struct chip){.port_b = 0x3f, .ticks_a_read = 3};
    host_claim_ports(0x40, 4, &fake);
    host_claim_ports(0x61, 1, &port_b);
    return 0;
}

static void channel_2_counts_behind_its_gate(void **state)
{
    const struct clock_reference *reference = pit_reference();

    assert_non_null(reference);
    assert_int_equal(reference->hz, PIT_HZ);
    assert_int_equal(chip.command_2, 0xb0);
    assert_int_equal(chip.writes_2[0], 0xff);
    assert_int_equal(chip.writes_2[1], 0xff);
    assert_int_equal(chip.port_b, 0x0d); // gate open, speaker off, the rest as it was
    uint64_t before = reference->read();
    assert_int_equal(reference->read() - before, 3);
    reference->restart();
    assert_int_equal(reference->read(), 3);
}

static void an_interval_that_ran_out_says_so(void **state)
{
    const struct clock_reference *reference = pit_reference();

    reference->restart();
    chip.ticks_a_read = 0xff00;
    assert_int_equal(reference->read(), 0xff00);
    assert_int_equal(reference->read(), CLOCK_EXPIRED);
    assert_int_equal(reference->read(), CLOCK_EXPIRED);
}

static void a_count_not_yet_loaded_is_no_time(void **state)
{
    const struct clock_reference *reference = pit_reference();

    chip.status = 0x40;
    assert_int_equal(reference->read(), 0);
}

static void a_clock_counts_round_and_round(void **state)
{
    const struct clock_source *clock = pit_clock();
    uint64_t before;

    assert_int_equal(clock->hz, PIT_HZ);
    assert_int_equal(clock->wrap_mask, 0xffff);
    assert_int_equal(chip.command_2, 0xb4);
    assert_int_equal(chip.writes_2[0] | chip.writes_2[1], 0);
    assert_int_equal(chip.port_b, 0x0d);
    chip.left = 2;
    clock->latch();
    before = clock->read();
    clock->latch();
    assert_int_equal((clock->read() - before) & clock->wrap_mask, 3);
}

static void missing_timer_is_no_reference(void **state)
{
    host_forget_devices();
    assert_null(pit_reference());
    plug_in(state);
    chip.ticks_a_read = 0; // answers, but stands still
    assert_null(pit_reference());
}

static void channel_0_is_programmed_low_byte_first(void **state)
{
    pit_start_one_shot(0x1234);
    assert_int_equal(chip.command_0, 0x30);
    assert_int_equal(chip.writes_0[0], 0x34);
    assert_int_equal(chip.writes_0[1], 0x12);
    pit_start_periodic(65536);
    assert_int_equal(chip.command_0, 0x34);
    assert_int_equal(chip.writes_0[0], 0);
    assert_int_equal(chip.writes_0[1], 0);
    pit_stop();
    assert_int_equal(chip.command_0, 0x30);
    assert_int_equal(chip.written_0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(channel_2_counts_behind_its_gate, plug_in),
        cmocka_unit_test_setup(an_interval_that_ran_out_says_so, plug_in),
        cmocka_unit_test_setup(a_count_not_yet_loaded_is_no_time, plug_in),
        cmocka_unit_test_setup(a_clock_counts_round_and_round, plug_in),
        cmocka_unit_test_setup(missing_timer_is_no_reference, plug_in),
        cmocka_unit_test_setup(channel_0_is_programmed_low_byte_first, plug_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
