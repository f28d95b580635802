// SPDX-License-Identifier: Apache-2.0
// The local APIC against a stand-in, in both modes: start, interrupts between CPUs, alarms.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/clock.h"
#include "arch/io.h"
#include "arch/msr.h"
#include "platform/lapic.h"
#include "platform/mmio.h"

#define TSC_HZ 2000000000ULL

// Registers by offset / 16; in xAPIC mode at an address, in x2APIC mode MSRs.
static struct chip {
    uint32_t reg[0x40];
    uint64_t icr; // as last sent, with the destination in the upper half
    unsigned sends;
    unsigned eois;
    bool busy_for_ever;
    uint32_t error_to_latch;
    uint64_t timer_hz;       // the count-down's rate, against host_tsc at TSC_HZ
    uint64_t timer_start;    // in TSC ticks
    bool absent_lvt_touched; // beyond what the version register says
} chip;

static uint8_t page[0x1000];
static const struct lapic_vectors vectors = {.spurious = 0xff, .error = 0xfe, .timer = 0xfd};

static uint32_t count_left(void)
{
    uint64_t ticks =
        (uint64_t)((unsigned __int128)(host_tsc - chip.timer_start) * chip.timer_hz / TSC_HZ);

    return ticks < chip.reg[0x38] ? chip.reg[0x38] - (uint32_t)ticks : 0;
}

static uint32_t reg_read(unsigned index)
{
    host_tsc += 400;
    if (index == 0x39) {
        return count_left();
    }
    if (index == 0x30 && chip.busy_for_ever) {
        return chip.reg[index] | 1 << 12;
    }
    return chip.reg[index];
}

static void end_highest_in_service(void)
{
    chip.eois++;
    for (unsigned i = 8; i-- > 0;) {
        if (chip.reg[0x10 + i] != 0) {
            chip.reg[0x10 + i] &= ~(1U << (31 - __builtin_clz(chip.reg[0x10 + i])));
            return;
        }
    }
}

static void reg_write(unsigned index, uint32_t value)
{
    host_tsc += 400;
    chip.reg[index] = value;
    switch (index) {
    case 0x0b:
        end_highest_in_service();
        break;
    case 0x28:
        chip.reg[index] = chip.error_to_latch;
        chip.error_to_latch = 0;
        break;
    case 0x2f:
        chip.absent_lvt_touched |= (chip.reg[3] >> 16) < 6;
        break;
    case 0x38:
        chip.timer_start = host_tsc;
        break;
    default:
        break;
    }
}

static uint64_t page_read(void *context, uint64_t offset, unsigned width)
{
    assert_int_equal(width, 32);
    assert_int_equal(offset % 16, 0);
    return reg_read((unsigned)offset / 16);
}

static void page_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    assert_int_equal(width, 32);
    reg_write((unsigned)offset / 16, (uint32_t)value);
    if (offset == 0x300) {
        chip.icr = (uint64_t)(chip.reg[0x31] >> 24) << 32 | value;
        chip.sends++;
    }
}

static int x2apic_read(void *context, uint32_t msr, uint64_t *value)
{
    assert_int_not_equal(msr, 0x831);
    *value = reg_read(msr - 0x800);
    return 0;
}

static int x2apic_write(void *context, uint32_t msr, uint64_t value)
{
    if (msr == 0x830) {
        chip.icr = value;
        chip.sends++;
        return 0;
    }
    assert_int_equal(value >> 32, 0);
    reg_write(msr - 0x800, (uint32_t)value);
    return 0;
}

static void *map_page(uint64_t paddr, size_t length)
{
    return paddr == 0xfee00000 ? page : NULL;
}

static void plug_in(uint64_t base_msr)
{
    static const struct host_device fake = {page_read, page_write, NULL};

    host_forget_devices();
    platform_map_mmio = map_page;
    chip = (struct chip){.reg = {[2] = 5U << 24, [3] = 5 << 16 | 0x14}, .timer_hz = 1000000000};
    host_tsc = 1000000;
    host_msr_set(0x1b, base_msr);
    host_msr_set(0x6e0, 77);
    host_claim_mmio(page, sizeof(page), &fake);
}

static int xapic(void **state)
{
    plug_in(0xfee00900);
    assert_int_equal(lapic_init(0xfee00000, false), 0);
    return 0;
}

static int x2apic(void **state)
{
    static const struct host_msrs fake = {x2apic_read, x2apic_write, NULL};

    plug_in(0xfee00900);
    chip.reg[2] = 0x12345;
    host_claim_msrs(0x800, 0x100, &fake);
    assert_int_equal(lapic_init(0xfee00000, true), 0);
    return 0;
}

static void missing_or_unreachable_apic_is_an_error(void **state)
{
    plug_in(0xfee00900);
    assert_int_equal(lapic_init(0x12340000, false), -ENOMEM);
    host_forget_devices();
    assert_int_equal(lapic_init(0xfee00000, false), -ENODEV);
}

static void firmwares_x2apic_mode_is_kept(void **state)
{
    plug_in(0xfee00d00);
    assert_int_equal(lapic_init(0xfee00000, false), 0);
    assert_true(lapic_in_x2apic_mode());
}

static void start_programs_every_source(void **state)
{
    chip.reg[0x35] = 0x700;
    chip.reg[0x11] = 0x80000001; // two vectors left in service
    chip.reg[0x08] = 0xff;
    chip.error_to_latch = 0x40;
    lapic_start_cpu(&vectors);
    assert_int_equal(chip.reg[0x0f], 0x1ff);
    assert_int_equal(chip.reg[0x08], 0);
    assert_int_equal(chip.reg[0x32], 0x100fd);
    assert_int_equal(chip.reg[0x33], 0x10000);
    assert_int_equal(chip.reg[0x34], 0x10000);
    assert_int_equal(chip.reg[0x35], 0x10000);
    assert_int_equal(chip.reg[0x36], 0x10000);
    assert_int_equal(chip.reg[0x37], 0xfe);
    assert_int_equal(chip.eois, 2);
    assert_false(chip.absent_lvt_touched);
    assert_int_equal(lapic_read_errors(), 0); // the old ones are gone
}

static void start_switches_the_mode_on(void **state)
{
    host_msr_set(0x1b, 0xfee00100);
    lapic_start_cpu(&vectors);
    assert_int_equal(host_msr_get(0x1b), lapic_in_x2apic_mode() ? 0xfee00d00 : 0xfee00900);
}

static void stop_disables_it(void **state)
{
    lapic_start_cpu(&vectors);
    lapic_stop_cpu();
    assert_int_equal(chip.reg[0x0f], 0xff);
    assert_int_equal(chip.reg[0x37], 0x10000);
}

static void pins_deliver_what_they_are_wired_for(void **state)
{
    lapic_enable_nmi_pin(1, (struct irq_line){false, false});
    assert_int_equal(chip.reg[0x36], 0x400);
    lapic_enable_nmi_pin(0, (struct irq_line){true, true});
    assert_int_equal(chip.reg[0x35], 0x2400);
    lapic_enable_extint();
    assert_int_equal(chip.reg[0x35], 0x700);
}

static void id_is_read_by_mode(void **state)
{
    assert_int_equal(lapic_id(), lapic_in_x2apic_mode() ? 0x12345 : 5);
    assert_int_equal(lapic_version(), 0x14);
}

static void vectors_are_found_in_their_registers(void **state)
{
    assert_false(lapic_has_request());
    chip.reg[0x20 + 7] = 1U << 31;
    chip.reg[0x10 + 3] = 1U << 5;
    assert_true(lapic_is_requested(0xff));
    assert_false(lapic_is_requested(0xfe));
    assert_true(lapic_is_in_service(0x65));
    assert_false(lapic_is_in_service(0x64));
    assert_true(lapic_has_request());
}

static void ipis_carry_destination_and_vector(void **state)
{
    uint32_t to = lapic_in_x2apic_mode() ? 0x10007 : 7;

    lapic_send_ipi(to, 0xf3);
    assert_int_equal(chip.icr, (uint64_t)to << 32 | 0x40f3);
    lapic_send_nmi(to);
    assert_int_equal(chip.icr, (uint64_t)to << 32 | 0x4400);
    lapic_send_ipi_others(0xf4);
    assert_int_equal(chip.icr, 0xc40f4);
    lapic_send_nmi_others();
    assert_int_equal(chip.icr, 0xc4400);
    lapic_send_ipi_self(0xf5);
    assert_int_equal(chip.icr, 0x440f5);
    assert_int_equal(chip.sends, 5);
}

static void cpus_are_started_by_init_and_startup(void **state)
{
    assert_int_equal(lapic_send_init(3), 0);
    assert_int_equal(chip.icr, 3ULL << 32 | 0xc500);
    assert_int_equal(lapic_send_startup(3, 0x9a000), 0);
    assert_int_equal(chip.icr, 3ULL << 32 | 0x469a);
}

static void failed_sends_are_reported(void **state)
{
    chip.busy_for_ever = true;
    assert_int_equal(lapic_send_init(3), -EIO);
    assert_int_equal(chip.sends, 0);
    lapic_send_ipi(3, 0xf0); // gives up, but comes back
    assert_int_equal(chip.sends, 0);
}

static void measured_timer_is_right_and_alarms_scale(void **state)
{
    lapic_start_cpu(&vectors);
    uint64_t hz = lapic_timer_init(TSC_HZ, false);
    assert_in_range(hz, 999990000, 1000010000);
    assert_int_equal(chip.reg[0x3e], 0xb);
    assert_int_equal(chip.reg[0x32], 0xfd);
    assert_int_equal(chip.reg[0x38], 0);

    lapic_set_alarm(host_tsc + 2000000);
    assert_in_range(chip.reg[0x38], 999990, 1000010);
    lapic_set_alarm(host_tsc);
    assert_int_equal(chip.reg[0x38], 1);
    lapic_set_alarm(0);
    assert_int_equal(chip.reg[0x38], 1);
    lapic_set_alarm(UINT64_MAX - 1);
    assert_int_equal(chip.reg[0x38], UINT32_MAX);
    lapic_set_alarm(UINT64_MAX);
    assert_int_equal(chip.reg[0x38], 0);
}

static void deadline_alarms_are_the_tsc_itself(void **state)
{
    lapic_start_cpu(&vectors);
    assert_int_equal(lapic_timer_init(TSC_HZ, true), 0);
    assert_int_equal(chip.reg[0x32], 0x400fd);
    assert_int_equal(host_msr_get(0x6e0), 0);
    lapic_set_alarm(123456789);
    assert_int_equal(host_msr_get(0x6e0), 123456789);
    lapic_set_alarm(UINT64_MAX);
    assert_int_equal(host_msr_get(0x6e0), 0);
    lapic_set_alarm(0); // long past, not never
    assert_int_equal(host_msr_get(0x6e0), 1);
}

#define IN_BOTH_MODES(name) \
    cmocka_unit_test_setup(name, xapic), cmocka_unit_test_setup(name, x2apic)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_or_unreachable_apic_is_an_error),
        cmocka_unit_test(firmwares_x2apic_mode_is_kept),
        IN_BOTH_MODES(start_programs_every_source),
        IN_BOTH_MODES(start_switches_the_mode_on),
        IN_BOTH_MODES(stop_disables_it),
        IN_BOTH_MODES(pins_deliver_what_they_are_wired_for),
        IN_BOTH_MODES(id_is_read_by_mode),
        IN_BOTH_MODES(vectors_are_found_in_their_registers),
        IN_BOTH_MODES(ipis_carry_destination_and_vector),
        IN_BOTH_MODES(cpus_are_started_by_init_and_startup),
        cmocka_unit_test_setup(failed_sends_are_reported, xapic),
        IN_BOTH_MODES(measured_timer_is_right_and_alarms_scale),
        IN_BOTH_MODES(deadline_alarms_are_the_tsc_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
