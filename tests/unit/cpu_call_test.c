// SPDX-License-Identifier: Apache-2.0
// Calls on other CPUs, all of which are one thread. Several: tests/concurrent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cpu_call.h"
#include "lib/string.h"
#include "machine.h"

enum { CPUS = 3 };

static unsigned int calls[MAX_CPUS];

static int start(void **state)
{
    host_machine_create(16, CPUS);
    memset(calls, 0, sizeof(calls));
    return 0;
}

static int stop(void **state)
{
    host_machine_destroy();
    return 0;
}

static void count(void *argument)
{
    calls[this_cpu()->id] += *(unsigned int *)argument;
}

static unsigned int one = 1;

static void each_cpu_of_the_set_runs_it_and_no_other(void **state)
{
    cpu_call(1 << 2 | 1, count, &one);
    assert_int_equal(calls[0], 1);
    assert_int_equal(calls[1], 0);
    assert_int_equal(calls[2], 1);
    assert_int_equal(this_cpu()->id, 0);
}

static void the_caller_may_be_any_cpu_and_need_not_be_in_the_set(void **state)
{
    host_become_cpu(2);
    cpu_call(1 << 1, count, &one);
    assert_int_equal(calls[1], 1);
    assert_int_equal(calls[2], 0);
    assert_int_equal(this_cpu()->id, 2);
}

static void cpus_that_have_not_started_are_none(void **state)
{
    cpu_call(~0ULL, count, &one);
    for (unsigned int id = 0; id < MAX_CPUS; id++) {
        assert_int_equal(calls[id], id < CPUS);
    }
    cpu_call(0, count, &one);
    cpu_call(1ULL << CPUS, count, &one);
    assert_int_equal(calls[0], 1);
}

static void one_that_is_offline_answers(void **state)
{
    cpu_set_online(1, false);
    cpu_call(1 << 1, count, &one);
    assert_int_equal(calls[1], 1);
}

static void who_does_not_wait_can_call_again(void **state)
{
    for (unsigned int i = 0; i < 10; i++) {
        cpu_call_nowait(cpus_started(), count, &one);
    }
    cpu_call(cpus_started(), count, &one);
    for (unsigned int id = 0; id < CPUS; id++) {
        assert_int_equal(calls[id], 11);
    }
}

static void nothing_happens_on_a_cpu_that_is_not_called(void **state)
{
    cpu_serve_call();
    assert_int_equal(calls[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_cpu_of_the_set_runs_it_and_no_other, start, stop),
        cmocka_unit_test_setup_teardown(the_caller_may_be_any_cpu_and_need_not_be_in_the_set, start,
                                        stop),
        cmocka_unit_test_setup_teardown(cpus_that_have_not_started_are_none, start, stop),
        cmocka_unit_test_setup_teardown(one_that_is_offline_answers, start, stop),
        cmocka_unit_test_setup_teardown(who_does_not_wait_can_call_again, start, stop),
        cmocka_unit_test_setup_teardown(nothing_happens_on_a_cpu_that_is_not_called, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
