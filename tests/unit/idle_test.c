// SPDX-License-Identifier: Apache-2.0
// How CPUs idle, and the timer that wakes those whose own has stopped.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "machine.h"
#include "arch/clock.h"
#include "arch/cpuid.h"
#include "arch/io.h"
#include "base/param.h"
#include "boot/idle.h"
#include "boot/machine.h"
#include "platform/broadcast.h"
#include "platform/hpet.h"
#include "platform/mmio.h"

#define TICKS_A_TSC_TICK 10 /* one of the HPET's in so many */

/* Two comparators, of which the second can send messages. */
static struct chip {
    uint32_t config[2], comparator[2], data[2], address[2];
    uint32_t start; /* of the counter */
    unsigned armed; /* times */
} chip;

static uint8_t page[0x400];

static uint32_t count(void)
{
    return chip.start + (uint32_t)(host_tsc / TICKS_A_TSC_TICK);
}

static uint64_t chip_read(void *context, uint64_t offset, unsigned width)
{
    host_tsc += 5;
    switch (offset) {
    case 0x000:
        return 0x8086a101 & ~(1U << 13);
    case 0x004:
        return 10000000; /* 100 MHz */
    case 0x0f0:
        return count();
    case 0x100:
    case 0x120:
        return chip.config[(offset - 0x100) / 0x20];
    default:
        return 0;
    }
}

static void chip_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    unsigned i = (unsigned)(offset - 0x100) / 0x20;

    if (offset < 0x100) {
        return;
    }
    switch (offset % 0x20) {
    case 0x00:
        chip.config[i] = (uint32_t)value;
        break;
    case 0x08:
        chip.comparator[i] = (uint32_t)value;
        chip.armed++;
        break;
    case 0x10:
        chip.data[i] = (uint32_t)value;
        break;
    case 0x14:
        chip.address[i] = (uint32_t)value;
        break;
    default:
        fail();
    }
}

static void *map_page(uint64_t paddr, size_t length)
{
    return page;
}

static void describe_cpu(uint32_t monitor, uint32_t states, uint32_t arat, uint32_t invariant)
{
    host_cpuid_forget();
    host_cpuid_set(0, 0, (struct cpuid_regs){.eax = 0xd});
    host_cpuid_set(1, 0, (struct cpuid_regs){.ecx = monitor << 3});
    host_cpuid_set(5, 0, (struct cpuid_regs){.edx = states});
    host_cpuid_set(6, 0, (struct cpuid_regs){.eax = arat << 2});
    host_cpuid_set(0x80000000, 0, (struct cpuid_regs){.eax = 0x80000008});
    host_cpuid_set(0x80000007, 0, (struct cpuid_regs){.edx = invariant << 8});
}

static int start(void **state)
{
    static const struct host_device fake = {chip_read, chip_write, NULL};

    host_machine_create(64, 3);
    host_forget_devices();
    platform_map_mmio = map_page;
    host_claim_mmio(page, sizeof(page), &fake);
    chip = (struct chip){.config = {0, 1U << 15}, .start = UINT32_MAX - 5000};
    host_tsc = 1000;
    host_tsc_hz = machine.tsc_hz = 1000000000;
    assert_int_equal(hpet_init(0xfed00000), 0);
    describe_cpu(1, 0x00001120, 0, 1);
    assert_int_equal(param_set("max_cstate", "1"), 0);
    assert_int_equal(param_set("no-hpetbroadcast", NULL), 0);
    assert_int_equal(param_set("arat", "1"), 0);
    assert_int_equal(param_set("mwait-idle", "0"), 0);
    return 0;
}

static int stop(void **state)
{
    host_machine_destroy();
    host_forget_devices();
    host_cpuid_forget();
    return 0;
}

static struct idle_state settled(void)
{
    (void)!idle_settle();
    return host_idle_state;
}

/* ---- the choice ------------------------------------------------------------------------------ */

static void it_is_hlt_unless_more_is_asked_for(void **state)
{
    assert_false(settled().by_mwait);
    assert_false(settled().timer_stops);
    assert_int_equal(param_set("max_cstate", "7"), 0); /* but no MWAIT */
    assert_false(settled().by_mwait);
}

static void who_asks_gets_c1_by_mwait(void **state)
{
    assert_int_equal(param_set("mwait-idle", NULL), 0);
    assert_true(settled().by_mwait);
    assert_int_equal(settled().hint, 0);
    assert_false(settled().timer_stops);
    describe_cpu(0, 0x1120, 0, 1);
    assert_false(settled().by_mwait);
    assert_int_equal(param_set("mwait-idle", "often"), -EINVAL);
}

static void a_deeper_state_is_the_deepest_allowed_that_there_is(void **state)
{
    assert_int_equal(param_set("mwait-idle", "1"), 0);
    assert_int_equal(param_set("max_cstate", "2"), 0);
    assert_int_equal(settled().hint, 0x10);
    assert_int_equal(param_set("max_cstate", "0xffffffffffff"), 0);
    assert_int_equal(settled().hint, 0x20); /* leaf 5 has C3, no deeper one */
    describe_cpu(1, 0x20, 0, 1);
    assert_int_equal(settled().hint, 0);
}

static void a_timer_that_stops_there_is_stood_in_for(void **state)
{
    assert_int_equal(param_set("mwait-idle", "1"), 0);
    assert_int_equal(param_set("max_cstate", "3"), 0);
    assert_true(settled().timer_stops);
    assert_int_equal(chip.data[1], 0xfb);
    assert_int_equal(chip.address[1], 0xfee00000);
    assert_int_equal(chip.config[1] >> 14 & 1, 1);
    describe_cpu(1, 0x1120, 1, 1);
    assert_false(settled().timer_stops);
    assert_int_equal(param_set("arat", "0"), 0);
    assert_true(settled().timer_stops);
}

static void without_a_timer_to_stand_in_states_stay_shallow(void **state)
{
    assert_int_equal(param_set("mwait-idle", "1"), 0);
    assert_int_equal(param_set("max_cstate", "3"), 0);
    chip.config[1] = 0; /* no messages, and no pins */
    assert_int_equal(settled().hint, 0);
    assert_false(settled().timer_stops);
}

static void counters_that_stop_in_deep_states_are_told_of(void **state)
{
    assert_int_equal(param_set("mwait-idle", "1"), 0);
    describe_cpu(1, 0x1120, 0, 0);
    assert_false(idle_settle());
    assert_int_equal(param_set("max_cstate", "3"), 0);
    assert_true(idle_settle());
    describe_cpu(1, 0x1120, 0, 1);
    assert_false(idle_settle());
}

static void the_broadcast_can_be_forced(void **state)
{
    assert_int_equal(param_set("hpetbroadcast", NULL), 0);
    assert_true(settled().timer_stops);
    assert_false(settled().by_mwait);
}

/* ---- the broadcast timer --------------------------------------------------------------------- */

static void begin_broadcast(void)
{
    assert_int_equal(param_set("hpetbroadcast", NULL), 0);
    assert_true(settled().timer_stops);
    chip.armed = 0;
    for (unsigned int cpu = 0; cpu < 3; cpu++) {
        broadcast_wake(cpu);
    }
    broadcast_interrupt(); /* what another test has left */
}

static bool is_woken(unsigned int cpu)
{
    return __atomic_exchange_n(&cpus[cpu]->pending, 0, __ATOMIC_SEQ_CST) == 1U << WORK_TIMER;
}

/* The comparator's moment comes. */
static void expire(void)
{
    uint32_t left = chip.comparator[1] - count();

    assert_in_range(left, 0, INT32_MAX);
    host_tsc += (uint64_t)left * TICKS_A_TSC_TICK;
    broadcast_interrupt();
}

static void sleepers_are_woken_in_turn_and_not_early(void **state)
{
    uint64_t base;

    begin_broadcast();
    base = host_tsc;
    broadcast_sleep(1, base + 300000);
    broadcast_sleep(2, base + 100000);
    broadcast_sleep(0, base + 200000);
    expire();
    assert_in_range(host_tsc, base + 100000, base + 101000);
    assert_true(is_woken(2));
    assert_false(is_woken(0) || is_woken(1));
    expire();
    assert_in_range(host_tsc, base + 200000, base + 201000);
    assert_true(is_woken(0));
    expire();
    assert_in_range(host_tsc, base + 300000, base + 301000);
    assert_true(is_woken(1));
    assert_false(is_woken(2) || is_woken(0));
}

static void who_is_awake_is_left_alone(void **state)
{
    begin_broadcast();
    broadcast_sleep(1, host_tsc + 100000);
    broadcast_sleep(2, host_tsc + 500000);
    broadcast_wake(1);
    expire();
    assert_false(is_woken(1) || is_woken(2));
    expire();
    assert_true(is_woken(2));
}

static void a_moment_that_is_past_wakes_at_once(void **state)
{
    begin_broadcast();
    broadcast_sleep(1, host_tsc - 1);
    assert_true(is_woken(1));
    broadcast_sleep(1, host_tsc + 1); /* gone by before it is set */
    assert_true(is_woken(1));
}

static void never_needs_no_timer(void **state)
{
    begin_broadcast();
    broadcast_sleep(1, UINT64_MAX);
    assert_int_equal(chip.armed, 0);
}

static void far_moments_come_early(void **state)
{
    begin_broadcast();
    broadcast_sleep(1, host_tsc + (1ULL << 50));
    assert_in_range(chip.comparator[1] - count(), 1, 1U << 30);
    expire();
    assert_true(is_woken(1));
}

static void an_interrupt_that_got_lost_is_made_up_for_by_the_next_sleeper(void **state)
{
    begin_broadcast();
    broadcast_sleep(1, host_tsc + 100000);
    host_tsc += 1000000;
    broadcast_sleep(2, host_tsc + 100000);
    assert_true(is_woken(1));
    expire();
    assert_true(is_woken(2));
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(it_is_hlt_unless_more_is_asked_for),
        EACH(who_asks_gets_c1_by_mwait),
        EACH(a_deeper_state_is_the_deepest_allowed_that_there_is),
        EACH(a_timer_that_stops_there_is_stood_in_for),
        EACH(without_a_timer_to_stand_in_states_stay_shallow),
        EACH(counters_that_stop_in_deep_states_are_told_of),
        EACH(the_broadcast_can_be_forced),
        EACH(sleepers_are_woken_in_turn_and_not_early),
        EACH(who_is_awake_is_left_alone),
        EACH(a_moment_that_is_past_wakes_at_once),
        EACH(never_needs_no_timer),
        EACH(far_moments_come_early),
        EACH(an_interrupt_that_got_lost_is_made_up_for_by_the_next_sleeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
