// SPDX-License-Identifier: Apache-2.0
// System time, the words that let guests compute it, the wall clock, and vCPUs' timers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "machine.h"
#include "arch/clock.h"
#include "lib/string.h"
#include "time/time.h"
#include "time/vcpu_time.h"
#include "time/wall_clock.h"

#define DAY_SECONDS 86400ULL

static struct domain domain;
static struct shared_info shared;
static struct vcpu vcpu;
static struct vcpu_time vcpu_time;
static struct vcpu_info info;

static int start(void **state)
{
    static bool once;

    host_machine_create(64, 1);
    assert_int_equal(timers_init_cpu(0), 0);
    host_tsc = 5000;
    host_tsc_hz = 2893299231ULL; /* an odd rate, as calibration gives */
    if (!once) {
        time_init();
        once = true;
    }
    memset(&shared, 0, sizeof(shared));
    memset(&info, 0, sizeof(info));
    vcpu = (struct vcpu){.domain = &domain, .info = &info, .time = &vcpu_time};
    domain = (struct domain){.shared = &shared};
    spin_init(&domain.lock, RANK_DOMAIN);
    vcpu_time = (struct vcpu_time){0};
    this_cpu()->current = &vcpu;
    return 0;
}

static int stop(void **state)
{
    host_machine_destroy();
    return 0;
}

static void system_time_starts_at_zero(void **state)
{
    host_tsc = 5000;
    assert_int_equal(time_now_ns(), 0);
    host_tsc = 4990; /* another CPU's counter, a little behind */
    assert_int_equal(time_now_ns(), 0);
}

static void a_day_is_right_to_a_nanosecond(void **state)
{
    for (uint64_t days = 1; days <= 1000; days *= 10) {
        uint64_t ns = time_line_at(time_common_line(), 5000 + days * DAY_SECONDS * host_tsc_hz);
        assert_in_range(ns, days * DAY_SECONDS * NS_PER_SECOND - 1,
                        days * DAY_SECONDS * NS_PER_SECOND);
    }
}

static void an_alarm_is_never_early(void **state)
{
    for (uint64_t ns = 1; ns < 1ULL << 62; ns = ns * 3 + 1) {
        uint64_t tsc = time_to_tsc(ns);
        assert_true(time_line_at(time_common_line(), tsc) >= ns);
        assert_true(time_line_at(time_common_line(), tsc) <= ns + 3);
    }
    assert_true(time_to_tsc(UINT64_MAX) == UINT64_MAX);
}

static void scales_convert_any_rate(void **state)
{
    static const uint64_t rates[] = {1,          32768,         1193182,       999999999,
                                     1000000000, 1000000001ULL, 2400000000ULL, 4700123456ULL};

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct time_scale to_ns = time_scale_make(rates[i], NS_PER_SECOND);
        uint64_t hour = time_scale_apply(&to_ns, rates[i] * 3600);
        assert_in_range(hour, 3600 * NS_PER_SECOND - 1, 3600 * NS_PER_SECOND);
    }
}

/* What a guest computes, by the formula in <xen/xen.h>. */
static uint64_t guest_time(const struct vcpu_time_info *t, uint64_t tsc)
{
    uint64_t delta = tsc - t->tsc_timestamp;

    delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
    return t->system_time + (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
}

static void guests_compute_the_same_time_for_a_second(void **state)
{
    host_tsc = 5000 + 77 * host_tsc_hz;
    vcpu_time_publish(&vcpu);
    assert_int_equal(info.time.version % 2, 0);
    for (uint64_t ticks = 1; ticks < host_tsc_hz; ticks = ticks * 2 + 1) {
        uint64_t ours = time_line_at(time_common_line(), host_tsc + ticks);
        uint64_t theirs = guest_time(&info.time, host_tsc + ticks);
        assert_in_range(theirs, ours - 2, ours);
    }
}

static void words_are_refreshed_after_a_second(void **state)
{
    host_tsc = 5000 + host_tsc_hz;
    vcpu_time_refresh(&vcpu, time_now_ns());
    uint32_t version = info.time.version;
    host_tsc += host_tsc_hz / 2;
    vcpu_time_refresh(&vcpu, time_now_ns());
    assert_int_equal(info.time.version, version);
    host_tsc += host_tsc_hz;
    vcpu_time_refresh(&vcpu, time_now_ns());
    assert_int_equal(info.time.version, version + 2);
    assert_true(info.time.tsc_timestamp == host_tsc);
}

static void a_stable_counter_is_told(void **state)
{
    vcpu_time_publish(&vcpu);
    assert_int_equal(info.time.flags, 0);
    time_set_stable(true);
    vcpu_time_publish(&vcpu);
    assert_int_equal(info.time.flags, XEN_PVCLOCK_TSC_STABLE_BIT);
    time_set_stable(false);
}

static void the_second_area_is_a_copy(void **state)
{
    struct vcpu_time_info *copy = (void *)host_guest_memory(4096);

    assert_int_equal(vcpu_time_register_area(&vcpu, host_guest_address(copy)), 0);
    assert_memory_equal(copy, &info.time, sizeof(*copy));
    host_tsc += 10 * host_tsc_hz;
    vcpu_time_refresh(&vcpu, time_now_ns());
    assert_memory_equal(copy, &info.time, sizeof(*copy));
    assert_int_equal(vcpu_time_register_area(&vcpu, gva(~0ULL - 4)), -EFAULT);
    host_guest_fault_from(0); /* the guest took the page away */
    vcpu_time_publish(&vcpu);
    assert_int_equal(vcpu_time_register_area(&vcpu, gva(0)), 0);
}

static void the_wall_clock_is_the_date_at_time_zero(void **state)
{
    host_tsc = 5000;
    host_wall_clock = 1700000000;
    wall_clock_init();
    wall_clock_publish(&domain);
    assert_int_equal(shared.wc_sec, 1700000000);
    assert_int_equal(shared.wc_nsec, 0);
    assert_int_equal(shared.wc_version % 2, 0);
    host_tsc += host_tsc_hz;
    assert_in_range(wall_clock_now_ns(), 1700000001 * NS_PER_SECOND - 1,
                    1700000001 * NS_PER_SECOND);
}

static void setting_the_wall_clock_counts_from_the_given_system_time(void **state)
{
    wall_clock_set(0x1ffffffffULL, 100, 2 * NS_PER_SECOND + 300);
    wall_clock_publish(&domain);
    assert_int_equal(shared.wc_sec, 0xfffffffcU);
    assert_int_equal(shared.wc_sec_hi, 1);
    assert_int_equal(shared.wc_nsec, NS_PER_SECOND - 200);
}

static void a_domain_has_its_own_offset(void **state)
{
    wall_clock_set(1000, 5, 0);
    domain.time_offset_seconds = -10;
    wall_clock_publish(&domain);
    assert_int_equal(shared.wc_sec, 990);
    assert_int_equal(shared.wc_nsec, 5);
    domain.life = DOMAIN_DEAD;
    domain.shared = (void *)1; /* would fault */
    wall_clock_publish(&domain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(system_time_starts_at_zero, start, stop),
        cmocka_unit_test_setup_teardown(a_day_is_right_to_a_nanosecond, start, stop),
        cmocka_unit_test_setup_teardown(an_alarm_is_never_early, start, stop),
        cmocka_unit_test_setup_teardown(scales_convert_any_rate, start, stop),
        cmocka_unit_test_setup_teardown(guests_compute_the_same_time_for_a_second, start, stop),
        cmocka_unit_test_setup_teardown(words_are_refreshed_after_a_second, start, stop),
        cmocka_unit_test_setup_teardown(a_stable_counter_is_told, start, stop),
        cmocka_unit_test_setup_teardown(the_second_area_is_a_copy, start, stop),
        cmocka_unit_test_setup_teardown(the_wall_clock_is_the_date_at_time_zero, start, stop),
        cmocka_unit_test_setup_teardown(setting_the_wall_clock_counts_from_the_given_system_time,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_domain_has_its_own_offset, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
