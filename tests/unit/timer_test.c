// SPDX-License-Identifier: Apache-2.0
// Timers, their heap, and the timers of vCPUs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "machine.h"
#include "arch/clock.h"
#include "lib/string.h"
#include "time/time.h"
#include "time/timer.h"
#include "time/vcpu_time.h"
#include "time/vcpu_timer.h"

enum { MANY = 500 };

static struct timer timers[MANY];
static unsigned int calls;
static uint64_t last_expiry;

static struct vcpu vcpu;
static struct vcpu_time vcpu_time;
static unsigned int fired;

static void count_fired(struct vcpu *v)
{
    assert_ptr_equal(v, &vcpu);
    fired++;
}

static int start(void **state)
{
    static bool once;

    host_machine_create(64, 2);
    host_tsc = 0;
    host_tsc_hz = NS_PER_SECOND; /* a tick is a nanosecond */
    if (!once) {
        time_init();
        once = true;
    }
    assert_int_equal(timers_init_cpu(0), 0);
    assert_int_equal(timers_init_cpu(1), 0);
    vcpu = (struct vcpu){.time = &vcpu_time};
    this_cpu()->current = &vcpu;
    time_timer_fired = count_fired;
    vcpu_timers_init(&vcpu);
    calls = fired = 0;
    last_expiry = 0;
    return 0;
}

static int stop(void **state)
{
    host_machine_destroy();
    return 0;
}

static void note(void *data)
{
    struct timer *t = data;

    assert_true(t->node.key >= last_expiry);
    last_expiry = t->node.key;
    calls++;
}

static void at(uint64_t ns)
{
    host_tsc = ns;
    cpu_raise_self(WORK_TIMER);
    cpu_do_work();
}

static void heap_gives_keys_in_order(void **state)
{
    static struct heap_node nodes[MANY];
    struct heap heap = {0};
    uint64_t last = 0;
    int left = 0;

    srand(1);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < MANY; i++) {
            heap_insert(&heap, &nodes[i], (uint64_t)rand() % 1000);
        }
        left = MANY;
        for (int i = 0; i < MANY; i += 3, left--) {
            heap_remove(&heap, &nodes[i]);
        }
        for (last = 0; !heap_empty(&heap); left--) {
            struct heap_node *first = heap_first(&heap);
            assert_true(first->key >= last);
            last = first->key;
            heap_remove(&heap, first);
        }
        assert_int_equal(left, 0);
    }
}

static void timers_run_in_order_and_not_before_their_time(void **state)
{
    for (unsigned int i = 0; i < MANY; i++) {
        timer_init(&timers[i], note, &timers[i], 0);
        timer_set(&timers[i], 1000 + (i * 7919) % MANY);
    }
    at(999);
    assert_int_equal(calls, 0);
    at(1000 + MANY / 2 - 1);
    assert_int_equal(calls, MANY / 2);
    at(1000 + MANY);
    assert_int_equal(calls, MANY);
}

static void the_alarm_follows_the_first_timer(void **state)
{
    timer_init(&timers[0], note, &timers[0], 0);
    timer_init(&timers[1], note, &timers[1], 0);
    timer_set(&timers[0], 5000);
    assert_true(host_alarm == time_to_tsc(5000));
    timer_set(&timers[1], 3000);
    assert_true(host_alarm == time_to_tsc(3000));
    timer_stop(&timers[1]);
    assert_true(host_alarm == time_to_tsc(5000));
    timer_set(&timers[0], 9000);
    assert_true(host_alarm == time_to_tsc(9000));
    timer_stop(&timers[0]);
    assert_true(host_alarm == UINT64_MAX);
    assert_false(timer_is_set(&timers[0]));
}

/* The local timer counts 32 bits at a rate of its own: far moments take several alarms. */
static void an_alarm_that_came_early_is_set_again(void **state)
{
    timer_init(&timers[0], note, &timers[0], 0);
    timer_set(&timers[0], 5000);
    host_alarm = UINT64_MAX;
    at(4000);
    assert_int_equal(calls, 0);
    assert_true(host_alarm == time_to_tsc(5000));
    at(time_to_tsc(5000));
    assert_int_equal(calls, 1);
}

static void another_cpus_timer_wakes_that_cpu(void **state)
{
    timer_init(&timers[0], note, &timers[0], 1);
    timer_set(&timers[0], 100);
    assert_int_equal(host_calls.kicks[1], 1);
    assert_int_equal(cpus[1]->pending, 1U << WORK_TIMER);
    at(200);
    assert_int_equal(calls, 0);
    host_become_cpu(1);
    at(200);
    assert_int_equal(calls, 1);
}

static void timers_migrate_with_their_expiry(void **state)
{
    timer_init(&timers[0], note, &timers[0], 0);
    timer_set(&timers[0], 100);
    timer_migrate(&timers[0], 1);
    assert_true(host_alarm == UINT64_MAX);
    at(200);
    assert_int_equal(calls, 0);
    timers_move_all(1, 0);
    at(200);
    assert_int_equal(calls, 1);
}

static void set_again(void *data)
{
    calls++;
    timer_set(data, time_now_ns() + 10);
}

static void a_timer_may_set_itself_again(void **state)
{
    timer_init(&timers[0], set_again, &timers[0], 0);
    timer_set(&timers[0], 10);
    for (uint64_t ns = 10; ns <= 100; ns += 10) {
        at(ns);
    }
    assert_int_equal(calls, 10);
    assert_true(host_alarm == time_to_tsc(110));
    timer_kill(&timers[0]);
    at(1000);
    assert_int_equal(calls, 10);
}

static void a_killed_timer_cannot_be_set(void **state)
{
    timer_init(&timers[0], note, &timers[0], 0);
    timer_kill(&timers[0]);
    timer_set(&timers[0], 1);
    at(100);
    assert_int_equal(calls, 0);
    timer_kill(&(struct timer){0});
}

static void set_timer_op_sends_once_and_zero_stops(void **state)
{
    assert_int_equal(hypercall_set_timer_op(1000), 0);
    at(999);
    assert_int_equal(fired, 0);
    at(1000);
    at(5000);
    assert_int_equal(fired, 1);
    assert_int_equal(hypercall_set_timer_op(6000), 0);
    assert_int_equal(hypercall_set_timer_op(0), 0);
    at(7000);
    assert_int_equal(fired, 1);
}

static void a_past_timeout_fires_at_once(void **state)
{
    at(5000);
    assert_int_equal(hypercall_set_timer_op(1), 0);
    assert_true(host_alarm < 5000); /* the alarm is past, so it goes off now */
    at(5000);
    assert_int_equal(fired, 1);
    assert_int_equal(hypercall_set_timer_op((uint64_t)-1), 0);
    at(5000);
    assert_int_equal(fired, 2);
}

static void single_shot_can_insist_on_the_future(void **state)
{
    at(5000);
    assert_int_equal(vcpu_time_set_single_shot(&vcpu, 4999, VCPU_SSHOTTMR_future), -ETIME);
    assert_false(timer_is_set(&vcpu_time.single_shot));
    assert_int_equal(vcpu_time_set_single_shot(&vcpu, 4999, 0), 0);
    at(5000);
    assert_int_equal(fired, 1);
    assert_int_equal(vcpu_time_set_single_shot(&vcpu, 5001, VCPU_SSHOTTMR_future), 0);
    vcpu_time_stop_single_shot(&vcpu);
    at(6000);
    assert_int_equal(fired, 1);
}

static void periodic_ticks_keep_their_phase(void **state)
{
    assert_int_equal(vcpu_time_set_periodic(&vcpu, NS_PER_MS - 1), -EINVAL);
    assert_int_equal(vcpu_time_set_periodic(&vcpu, UINT64_MAX), -EINVAL);
    assert_int_equal(vcpu_time_set_periodic(&vcpu, NS_PER_MS), 0);
    at(NS_PER_MS + 300);
    assert_int_equal(fired, 1);
    assert_true(timer_expires(&vcpu_time.periodic) == 2 * NS_PER_MS);
    at(7 * NS_PER_MS + 1); /* late: one tick, and the phase stays */
    assert_int_equal(fired, 2);
    assert_true(timer_expires(&vcpu_time.periodic) == 8 * NS_PER_MS);
    vcpu_time_stop_periodic(&vcpu);
    at(20 * NS_PER_MS);
    assert_int_equal(fired, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_gives_keys_in_order),
        cmocka_unit_test_setup_teardown(timers_run_in_order_and_not_before_their_time, start, stop),
        cmocka_unit_test_setup_teardown(the_alarm_follows_the_first_timer, start, stop),
        cmocka_unit_test_setup_teardown(an_alarm_that_came_early_is_set_again, start, stop),
        cmocka_unit_test_setup_teardown(another_cpus_timer_wakes_that_cpu, start, stop),
        cmocka_unit_test_setup_teardown(timers_migrate_with_their_expiry, start, stop),
        cmocka_unit_test_setup_teardown(a_timer_may_set_itself_again, start, stop),
        cmocka_unit_test_setup_teardown(a_killed_timer_cannot_be_set, start, stop),
        cmocka_unit_test_setup_teardown(set_timer_op_sends_once_and_zero_stops, start, stop),
        cmocka_unit_test_setup_teardown(a_past_timeout_fires_at_once, start, stop),
        cmocka_unit_test_setup_teardown(single_shot_can_insist_on_the_future, start, stop),
        cmocka_unit_test_setup_teardown(periodic_ticks_keep_their_phase, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
