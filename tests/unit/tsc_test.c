// SPDX-License-Identifier: Apache-2.0
// The time-stamp counter's rate, measured on a machine whose every access takes an unknown while
// and which is taken away from us now and then.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/clock.h"
#include "arch/io.h"
#include "platform/mmio.h"
#include "platform/pit.h"
#include "platform/pmtimer.h"
#include "platform/tsc.h"

static struct world {
    uint64_t tsc_hz;
    uint64_t counter_hz;
    uint64_t counter_mask;
    uint64_t counter_start;
    uint64_t fastest_access, access_spread; // in TSC ticks
    unsigned stolen_every;                  // one access in so many loses the CPU ...
    uint64_t stolen_ticks;                  // ... for up to so long; 0: never
    uint64_t stops_at_tsc;                  // the counter does; 0: never
    uint32_t random;
    unsigned reads;
} world;

static uint64_t next_random(uint64_t below)
{
    world.random = world.random * 1664525 + 1013904223;
    return below == 0 ? 0 : (uint64_t)world.random % below;
}

static void pass_time(void)
{
    host_tsc += world.fastest_access / 2 + next_random(world.access_spread + 1);
    if (world.stolen_every != 0 && next_random(world.stolen_every) == 0) {
        host_tsc += next_random(world.stolen_ticks);
    }
}

static uint64_t read_counter(void)
{
    world.reads++;
    pass_time();
    uint64_t tsc =
        world.stops_at_tsc != 0 && host_tsc > world.stops_at_tsc ? world.stops_at_tsc : host_tsc;
    uint64_t value =
        (uint64_t)((unsigned __int128)tsc * world.counter_hz / world.tsc_hz) + world.counter_start;
    pass_time();
    return value & world.counter_mask;
}

static struct clock_reference reference(void)
{
    return (struct clock_reference){
        .name = "test",
        .read = read_counter,
        .hz = world.counter_hz,
        .wrap_mask = world.counter_mask,
    };
}

static int calm_world(void **state)
{
    host_tsc = 123456789;
    world = (struct world){
        .tsc_hz = 2904003000,
        .counter_hz = 3579545,
        .counter_mask = 0xffffff,
        .fastest_access = 2000,
        .access_spread = 1000,
        .random = 1,
    };
    return 0;
}

static void assert_within_ppm(uint64_t hz, uint64_t ppm)
{
    assert_in_range(hz, world.tsc_hz - world.tsc_hz * ppm / 1000000,
                    world.tsc_hz + world.tsc_hz * ppm / 1000000);
}

static void cpuid_gives_the_exact_rate(void **state)
{
    assert_int_equal(tsc_hz_from_cpuid(2, 176, 24000000), 2112000000);
    assert_int_equal(tsc_hz_from_cpuid(0, 176, 24000000), 0);
    assert_int_equal(tsc_hz_from_cpuid(2, 0, 24000000), 0);
    assert_int_equal(tsc_hz_from_cpuid(2, 176, 0), 0);
}

static void slow_counter_gives_20_ppm_within_50_ms(void **state)
{
    struct clock_reference counter = reference();
    uint64_t start = host_tsc;
    struct tsc_rate rate = tsc_measure(&counter);

    assert_within_ppm(rate.hz, 20);
    assert_in_range(rate.error_ppm, 1, 30); // a bound; the error itself is far less
    assert_in_range(host_tsc - start, 0, world.tsc_hz / 20);
}

static void fast_counter_takes_less_time(void **state)
{
    world.counter_hz = 100000000;
    world.counter_mask = UINT32_MAX;
    world.fastest_access = 400;
    world.access_spread = 100;
    struct clock_reference counter = reference();
    uint64_t start = host_tsc;
    struct tsc_rate rate = tsc_measure(&counter);

    assert_within_ppm(rate.hz, 11);
    assert_in_range(host_tsc - start, 0, world.tsc_hz / 50);
}

static void counter_that_wraps_is_no_harm(void **state)
{
    world.counter_start = 0xffffff - 40000 - 123456789ULL * 3579545 / 2904003000 % 0x1000000;
    struct clock_reference counter = reference();

    assert_within_ppm(tsc_measure(&counter).hz, 20);
}

static void lost_cpu_spoils_nothing(void **state)
{
    for (unsigned round = 0; round < 200; round++) {
        calm_world(state);
        world.random = round;
        world.stolen_every = 40;
        world.stolen_ticks = world.tsc_hz / 100; // up to 10 ms
        struct clock_reference counter = reference();
        struct tsc_rate rate = tsc_measure(&counter);
        assert_within_ppm(rate.hz, 20);
        assert_in_range(rate.error_ppm, 1, 30); // a bound; the error itself is far less
    }
}

// As under QEMU's icount: a tick an instruction, 1 GHz.
static void instruction_counting_machine(void **state)
{
    world.tsc_hz = 1000000000;
    world.fastest_access = 30;
    world.access_spread = 0;
    struct clock_reference counter = reference();

    assert_within_ppm(tsc_measure(&counter).hz, 20);
}

// A one-shot counter, as the PIT's: it tells no time beyond 55 ms after its restart.
static unsigned restarts;

static void restart_one_shot(void)
{
    restarts++;
    world.counter_start = (uint64_t) - ((unsigned __int128)host_tsc * PIT_HZ / world.tsc_hz);
}

static uint64_t read_one_shot(void)
{
    uint64_t ticks = read_counter();

    return ticks < 0xffff ? ticks : CLOCK_EXPIRED;
}

static const struct clock_reference one_shot = {
    .name = "one shot",
    .read = read_one_shot,
    .restart = restart_one_shot,
    .hz = PIT_HZ,
    .wrap_mask = UINT64_MAX,
};

static int one_shot_world(void **state)
{
    calm_world(state);
    world.counter_hz = PIT_HZ;
    world.counter_mask = UINT64_MAX;
    restarts = 0;
    return 0;
}

static void expired_interval_is_tried_again(void **state)
{
    unsigned retried = 0;

    for (unsigned round = 0; round < 200; round++) {
        one_shot_world(state);
        world.random = round;
        world.stolen_every = 20000;
        world.stolen_ticks = world.tsc_hz / 5;
        struct tsc_rate rate = tsc_measure(&one_shot);
        if (rate.hz != 0) {
            assert_within_ppm(rate.hz, 25);
        }
        retried += restarts > 1;
    }
    assert_in_range(retried, 10, 190);
}

static void always_expired_counter_gives_no_rate(void **state)
{
    one_shot_world(state);
    world.fastest_access = world.tsc_hz / 5;
    assert_int_equal(tsc_measure(&one_shot).hz, 0);
    assert_int_equal(restarts, 3);
}

static void counter_that_stops_gives_no_rate(void **state)
{
    struct clock_reference counter = reference();

    world.stops_at_tsc = host_tsc + world.tsc_hz / 200;
    assert_int_equal(tsc_measure(&counter).hz, 0);
}

// ---- the power-management timer -----------------------------------------------------------------

static uint64_t read_port(void *context, uint64_t offset, unsigned width)
{
    assert_int_equal(offset, 0);
    assert_int_equal(width, 32);
    return read_counter() | 0xab000000; // a 24-bit timer's top byte is anything
}

static uint8_t page[4];

static void *map_page(uint64_t paddr, size_t length)
{
    return paddr == 0xfed80000 ? page : NULL;
}

static int pmtimer_world(void **state)
{
    static const struct host_device fake = {read_port, NULL, NULL};

    host_forget_devices();
    platform_map_mmio = map_page;
    host_claim_ports(0x608, 4, &fake);
    host_claim_mmio(page, 4, &fake);
    return calm_world(state);
}

static void pmtimer_at_a_port(void **state)
{
    struct fadt fadt = {.pm_timer = {ACPI_SPACE_IO, 32, 0x608}};

    assert_int_equal(pmtimer_init(&fadt), 0);
    assert_int_equal(pmtimer_reference()->wrap_mask, 0xffffff);
    assert_in_range(pmtimer_reference()->read(), 0, 0xffffff);
    assert_within_ppm(tsc_measure(pmtimer_reference()).hz, 20);
}

static void pmtimer_at_an_address(void **state)
{
    struct fadt fadt = {.pm_timer = {ACPI_SPACE_MEMORY, 32, 0xfed80000}, .pm_timer_32bit = true};

    assert_int_equal(pmtimer_init(&fadt), 0);
    assert_int_equal(pmtimer_reference()->wrap_mask, UINT32_MAX);
    assert_in_range(pmtimer_reference()->read(), 0xab000000, UINT32_MAX);
}

static void pmtimer_that_is_none(void **state)
{
    static const struct acpi_register nowhere[] = {
        {ACPI_SPACE_IO, 32, 0},     {ACPI_SPACE_IO, 32, 0x10000},
        {ACPI_SPACE_IO, 32, 0x700}, // reads as all ones
        {ACPI_SPACE_MEMORY, 32, 0}, {ACPI_SPACE_PCI_CONFIG, 32, 0x608},
    };
    struct fadt fadt = {0};

    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
        fadt.pm_timer = nowhere[i];
        assert_int_equal(pmtimer_init(&fadt), -ENODEV);
        assert_null(pmtimer_reference());
    }
    fadt.pm_timer = (struct acpi_register){ACPI_SPACE_MEMORY, 32, 0x5000};
    assert_int_equal(pmtimer_init(&fadt), -ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpuid_gives_the_exact_rate),
        cmocka_unit_test_setup(slow_counter_gives_20_ppm_within_50_ms, calm_world),
        cmocka_unit_test_setup(fast_counter_takes_less_time, calm_world),
        cmocka_unit_test_setup(counter_that_wraps_is_no_harm, calm_world),
        cmocka_unit_test_setup(lost_cpu_spoils_nothing, calm_world),
        cmocka_unit_test_setup(instruction_counting_machine, calm_world),
        cmocka_unit_test(expired_interval_is_tried_again),
        cmocka_unit_test(always_expired_counter_gives_no_rate),
        cmocka_unit_test_setup(counter_that_stops_gives_no_rate, calm_world),
        cmocka_unit_test_setup(pmtimer_at_a_port, pmtimer_world),
        cmocka_unit_test_setup(pmtimer_at_an_address, pmtimer_world),
        cmocka_unit_test_setup(pmtimer_that_is_none, pmtimer_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
