// SPDX-License-Identifier: Apache-2.0
// The record of what the scheduler sees, as it is logged.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "base/log.h"
#include "base/param.h"
#include "domain/pause.h"
#include "sched/record.h"
#include "sched_machine.h"

static struct domain *d;
static struct vcpu *v;

static int start(void **state)
{
    int error;

    sched_machine_start(4096, 1);
    log_clear();
    d = domain_create(DOMID_INVALID, 1, false, &error);
    v = vcpu_create(d, 0);
    return 0;
}

static int stop(void **state)
{
    assert_int_equal(param_set("sched_record", "0"), 0);
    vcpu_pause_nosync(v);
    sched_machine_settle();
    while (domain_kill(d) == HYPERCALL_RESTART) {
    }
    domain_put(d);
    host_machine_destroy();
    return 0;
}

static void at(uint64_t ns)
{
    host_tsc = ns;
    sched_machine_settle();
}

/* Runs, yields, sleeps, is moved and wakes. */
static void happen(void)
{
    vcpu_clear_pause(v, VCPU_DOWN);
    at(100);
    sched_yield_current();
    at(200);
    vcpu_set_pause(v, VCPU_BLOCKED);
    at(300);
    assert_int_equal(sched_set_hard_affinity(v, 3), 0);
    vcpu_clear_pause(v, VCPU_BLOCKED);
    at(400);
}

/* "TIME WHAT VALUE; " for each event of the log. */
static const char *logged(void)
{
    static char text[1 << 16], events[1000];
    uint64_t from = 0;
    size_t bytes = log_read(&from, text, sizeof(text) - 1);

    text[bytes] = events[0] = '\0';
    for (const char *at = strstr(text, "sched "); at; at = strstr(at + 1, "sched ")) {
        unsigned long time, value;
        unsigned int domain, vcpu;
        char what;

        assert_int_equal(
            sscanf(at, "sched %lu d%uv%u %c %lx", &time, &domain, &vcpu, &what, &value), 5);
        assert_int_equal(domain, d->id);
        assert_int_equal(vcpu, 0);
        snprintf(events + strlen(events), 30, "%lu %c %lx; ", time, what, value);
    }
    return events;
}

static void it_shows_what_happened(void **state)
{
    assert_int_equal(param_set("sched_record", "100"), 0);
    sched_record_init();
    happen();
    sched_record_print();
    assert_string_equal(logged(), "0 W 0; 100 R 0; 100 Y 0; 300 B 0; 300 A 3; 300 W 0; 400 R 0; ");
}

static void only_the_last_events_are_kept(void **state)
{
    assert_int_equal(param_set("sched_record", "3"), 0);
    sched_record_init();
    happen();
    sched_record_print();
    assert_string_equal(logged(), "300 A 3; 300 W 0; 400 R 0; ");
}

static void it_ends_when_it_is_shown(void **state)
{
    assert_int_equal(param_set("sched_record", "100"), 0);
    sched_record_init();
    sched_record_print();
    happen();
    sched_record_print();
    assert_string_equal(logged(), "");
}

static void nothing_is_recorded_unless_asked_for(void **state)
{
    sched_record_init();
    happen();
    sched_record_print();
    assert_string_equal(logged(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_shows_what_happened, start, stop),
        cmocka_unit_test_setup_teardown(only_the_last_events_are_kept, start, stop),
        cmocka_unit_test_setup_teardown(it_ends_when_it_is_shown, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_recorded_unless_asked_for, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
