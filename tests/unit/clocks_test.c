// SPDX-License-Identifier: Apache-2.0
// Which counter time is measured by, as options say and the machine has it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "machine.h"
#include "arch/clock.h"
#include "arch/io.h"
#include "base/param.h"
#include "boot/clocks.h"
#include "boot/machine.h"
#include "lib/string.h"
#include "platform/pmtimer.h"
#include "time/clock_source.h"
#include "time/time.h"
#include "time/timer.h"

#define TIMER_PORT 0x608

static uint64_t read_pm_timer(void *context, uint64_t offset, unsigned width)
{
    host_tsc += 1000;
    return host_tsc * PMTIMER_HZ / host_tsc_hz;
}

static uint64_t read_pit(void *context, uint64_t offset, unsigned width)
{
    host_tsc += 1000;
    return 0;
}

static void write_pit(void *context, uint64_t offset, unsigned width, uint64_t value)
{
}

static int start(void **state)
{
    static const struct host_device pm_timer = {read_pm_timer, NULL, NULL};
    static const struct host_device pit = {read_pit, write_pit, NULL};
    static bool once;

    host_machine_create(64, 1);
    assert_int_equal(timers_init_cpu(0), 0);
    host_tsc_hz = NS_PER_SECOND;
    if (!once) {
        time_init();
        once = true;
    }
    time_corrected = false;
    time_set_stable(false);
    host_forget_devices();
    host_claim_ports(TIMER_PORT, 4, &pm_timer);
    host_claim_ports(0x40, 4, &pit);
    host_claim_ports(0x61, 1, &pit);
    machine.has_fadt = true;
    machine.fadt.pm_timer = (struct acpi_register){ACPI_SPACE_IO, 32, TIMER_PORT};
    clocks_find();
    assert_int_equal(param_set("clocksource", ""), 0);
    assert_int_equal(param_set("tsc", "stable:socket"), 0);
    return 0;
}

static int stop(void **state)
{
    host_machine_destroy();
    host_forget_devices();
    return 0;
}

static void expect_correction_by(const char *name)
{
    assert_true(time_is_corrected());
    assert_false(time_is_stable());
    assert_string_equal(clock_source_in_use()->name, name);
}

static void counters_that_agree_are_relied_on_and_watched(void **state)
{
    clocks_settle(true, false);
    assert_true(time_is_stable());
    assert_false(time_is_corrected());
    assert_string_equal(clock_source_in_use()->name, "ACPI PM timer");
}

static void counters_that_differ_are_corrected_by_the_best_there_is(void **state)
{
    clocks_settle(false, false);
    expect_correction_by("ACPI PM timer");
}

static void without_any_other_it_is_the_interval_timer(void **state)
{
    machine.fadt.pm_timer.address = 0;
    clocks_find();
    clocks_settle(false, false);
    expect_correction_by("PIT");
}

static void the_option_names_a_counter(void **state)
{
    assert_int_equal(param_set("clocksource", "pit"), 0);
    clocks_settle(true, false);
    expect_correction_by("PIT");
}

static void one_that_is_not_there_is_passed_over(void **state)
{
    assert_int_equal(param_set("clocksource", "hpet"), 0);
    clocks_settle(true, false);
    assert_true(time_is_stable());
}

static void counters_that_differ_are_not_relied_on_though_named(void **state)
{
    assert_int_equal(param_set("clocksource", "tsc"), 0);
    clocks_settle(false, false);
    expect_correction_by("ACPI PM timer");
}

static void counters_that_stop_in_idle_cpus_are_corrected(void **state)
{
    clocks_settle(true, true);
    expect_correction_by("ACPI PM timer");
}

static void the_user_may_know_that_counters_are_bad(void **state)
{
    assert_int_equal(param_set("tsc", "unstable"), 0);
    clocks_settle(true, false);
    expect_correction_by("ACPI PM timer");
}

static void other_words_are_refused(void **state)
{
    assert_int_equal(param_set("clocksource", "sundial"), -EINVAL);
    assert_int_equal(param_set("clocksource", NULL), -EINVAL);
    assert_int_equal(param_set("tsc", "fine"), -EINVAL);
    assert_int_equal(param_set("hpet", "maybe"), -EINVAL);
    assert_int_equal(param_set("hpet", "0"), 0);
    assert_int_equal(param_set("hpet", NULL), 0);
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(counters_that_agree_are_relied_on_and_watched),
        EACH(counters_that_differ_are_corrected_by_the_best_there_is),
        EACH(without_any_other_it_is_the_interval_timer),
        EACH(the_option_names_a_counter),
        EACH(one_that_is_not_there_is_passed_over),
        EACH(counters_that_differ_are_not_relied_on_though_named),
        EACH(counters_that_stop_in_idle_cpus_are_corrected),
        EACH(the_user_may_know_that_counters_are_bad),
        EACH(other_words_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
