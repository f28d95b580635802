// SPDX-License-Identifier: Apache-2.0
// The scheduler's mechanism on a machine in a process: wakes, sleeps, switches, several CPUs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "domain/pause.h"
#include "memory/allocator.h"
#include "sched_machine.h"
#include "time/vcpu_time.h"

#define MS NS_PER_MS

extern struct vcpu *host_last_vcpu;

static struct domain *make(unsigned int vcpus)
{
    int error;
    struct domain *d = domain_create(DOMID_INVALID, vcpus, false, &error);

    assert_non_null(d);
    for (unsigned int i = 0; i < vcpus; i++) {
        assert_non_null(vcpu_create(d, i));
    }
    return d;
}

/* Who waits for a vCPU to leave a CPU waits for ever here: all CPUs are one thread. */
static void unmake(struct domain *d)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        vcpu_pause_nosync(d->vcpus[i]);
    }
    for (unsigned int i = 0; i < cpu_count; i++) {
        host_become_cpu(i);
        cpu_do_work();
    }
    host_become_cpu(0);
    while (domain_kill(d) == HYPERCALL_RESTART) {
    }
    domain_put(d);
}

static int start_cpus(unsigned int count)
{
    sched_machine_start(4096, count);
    return 0;
}

static int start(void **state)
{
    return start_cpus(1);
}

static int start_two(void **state)
{
    return start_cpus(2);
}

static int stop(void **state)
{
    host_machine_destroy();
    return 0;
}

/*
 * Let every CPU do its work at time `ns`, until none has any. Timers that are due by then run,
 * though the alarm, which is rounded, may ring a tick later.
 */
static void at(uint64_t ns)
{
    host_tsc = ns;
    for (unsigned int i = 0; i < cpu_count; i++) {
        host_become_cpu(i);
        cpu_raise_self(WORK_TIMER);
    }
    sched_machine_settle();
}

static void run_until(uint64_t from, uint64_t until)
{
    for (uint64_t ns = from; ns <= until; ns += MS / 4) {
        at(ns);
    }
}

static uint64_t ran(struct vcpu *v)
{
    return sched_runstate(v).time[RUNSTATE_running];
}

static void a_cpu_without_vcpus_idles(void **state)
{
    at(1000);
    assert_true(vcpu_is_idle(current_vcpu()));
    assert_int_equal(sched_idle_time_ns(0), 1000);
}

static void a_vcpu_runs_once_it_is_up(void **state)
{
    struct domain *d = make(1);
    struct vcpu *v = d->vcpus[0];

    at(100);
    assert_true(vcpu_is_idle(current_vcpu()));
    vcpu_clear_pause(v, VCPU_DOWN);
    at(200);
    assert_ptr_equal(current_vcpu(), v);
    assert_ptr_equal(host_last_vcpu, v);
    assert_ptr_equal(v->cpu, this_cpu());
    assert_true(sched_is_running(v));
    assert_int_equal(v->info->time.version % 2, 0);
    assert_int_not_equal(v->info->time.version, 0);
    unmake(d);
}

static void runstates_add_up_to_system_time(void **state)
{
    struct domain *d = make(1);
    struct vcpu *v = d->vcpus[0];
    struct vcpu_runstate_info info;

    at(100); /* offline since creation at 0 */
    vcpu_clear_pause(v, VCPU_DOWN);
    at(130); /* runnable until the CPU looks */
    at(200);
    vcpu_set_pause(v, VCPU_BLOCKED);
    at(200);
    assert_true(vcpu_is_idle(current_vcpu()));
    at(500);
    info = sched_runstate(v);
    assert_int_equal(info.state, RUNSTATE_blocked);
    assert_int_equal(info.time[RUNSTATE_offline], 100);
    assert_int_equal(info.time[RUNSTATE_runnable], 30);
    assert_int_equal(info.time[RUNSTATE_running], 70);
    assert_int_equal(info.time[RUNSTATE_blocked], 300);
    assert_int_equal(sched_domain_cpu_time_ns(d), 70);
    vcpu_clear_pause(v, VCPU_BLOCKED);
    at(600);
    assert_ptr_equal(current_vcpu(), v);
    unmake(d);
}

static void two_busy_domains_share_one_cpu(void **state)
{
    struct domain *a = make(1), *b = make(1);

    assert_int_equal(sched_set_params(b, 768, 0), 0);
    vcpu_clear_pause(a->vcpus[0], VCPU_DOWN);
    vcpu_clear_pause(b->vcpus[0], VCPU_DOWN);
    run_until(0, 4000 * MS);
    assert_in_range(ran(a->vcpus[0]), 980 * MS, 1020 * MS);
    assert_in_range(ran(b->vcpus[0]), 2980 * MS, 3020 * MS);
    unmake(a);
    unmake(b);
}

static void a_cap_limits_a_domain(void **state)
{
    struct domain *a = make(1);

    assert_int_equal(sched_set_params(a, 0, 0), -EINVAL);
    assert_int_equal(sched_set_params(a, 65536, 0), -EINVAL);
    assert_int_equal(sched_set_params(a, 256, 40), 0);
    vcpu_clear_pause(a->vcpus[0], VCPU_DOWN);
    run_until(0, 2000 * MS);
    assert_in_range(ran(a->vcpus[0]), 780 * MS, 820 * MS);
    unmake(a);
}

static void a_pause_takes_the_vcpu_off_the_cpu(void **state)
{
    struct domain *a = make(1), *b = make(1);

    vcpu_clear_pause(a->vcpus[0], VCPU_DOWN);
    at(10);
    vcpu_clear_pause(b->vcpus[0], VCPU_DOWN);
    at(20);
    assert_int_equal(vcpu_pause(b->vcpus[0]), 0); /* waits, does not run */
    vcpu_pause_nosync(a->vcpus[0]);
    at(30);
    assert_true(vcpu_is_idle(current_vcpu()));
    vcpu_unpause(b->vcpus[0]);
    at(40);
    assert_ptr_equal(current_vcpu(), b->vcpus[0]);
    vcpu_unpause(a->vcpus[0]);
    unmake(a);
    unmake(b);
}

static void block_and_wake_before_the_cpu_looks_costs_nothing(void **state)
{
    struct domain *d = make(1);
    struct vcpu *v = d->vcpus[0];

    vcpu_clear_pause(v, VCPU_DOWN);
    at(10);
    vcpu_set_pause(v, VCPU_BLOCKED);
    vcpu_clear_pause(v, VCPU_BLOCKED);
    at(20);
    assert_ptr_equal(current_vcpu(), v);
    assert_int_equal(sched_runstate(v).time[RUNSTATE_blocked], 0);
    unmake(d);
}

/* Runs for so long, from `ns` on, and sleeps then. */
static void run_a_while(struct vcpu *v, uint64_t ns, uint64_t for_ns)
{
    host_tsc = ns;
    vcpu_clear_pause(v, VCPU_DOWN | VCPU_BLOCKED);
    at(ns);
    assert_ptr_equal(current_vcpu(), v);
    vcpu_set_pause(v, VCPU_BLOCKED);
    at(ns + for_ns);
}

static void wake_at(struct vcpu *v, uint64_t ns)
{
    host_tsc = ns;
    vcpu_clear_pause(v, VCPU_BLOCKED);
}

static void who_wakes_waits_until_the_running_one_had_its_least_time(void **state)
{
    struct domain *a = make(1), *b = make(1), *light = make(1);

    assert_int_equal(sched_set_params(light, 1, 0), 0);
    run_a_while(a->vcpus[0], 0, MS);
    run_a_while(b->vcpus[0], MS, MS);
    run_a_while(light->vcpus[0], 2 * MS, MS);
    wake_at(a->vcpus[0], 100 * MS);
    at(100 * MS);
    wake_at(b->vcpus[0], 100 * MS + MS / 2);
    assert_int_equal(this_cpu()->pending & 1U << WORK_SCHEDULE, 0);
    /* One that deserves nothing for a long time puts off nobody's turn. */
    wake_at(light->vcpus[0], 100 * MS + 3 * MS / 4);
    at(101 * MS - 1);
    assert_ptr_equal(current_vcpu(), a->vcpus[0]);
    at(101 * MS);
    assert_ptr_equal(current_vcpu(), b->vcpus[0]);
    unmake(a);
    unmake(b);
    unmake(light);
}

static void switches_leave_the_alarm_alone(void **state)
{
    struct domain *a = make(1), *b = make(1);
    uint64_t alarm;

    run_a_while(a->vcpus[0], 0, MS / 8);
    alarm = host_alarms[0];
    for (uint64_t ns = MS; ns < 100 * MS; ns += MS) {
        run_a_while((ns / MS % 2 != 0 ? a : b)->vcpus[0], ns, MS / 8);
        assert_true(host_alarms[0] == alarm);
    }
    unmake(a);
    unmake(b);
}

static void yield_gives_way(void **state)
{
    struct domain *a = make(1), *b = make(1);
    struct vcpu *first;

    vcpu_clear_pause(a->vcpus[0], VCPU_DOWN);
    vcpu_clear_pause(b->vcpus[0], VCPU_DOWN);
    at(10);
    first = current_vcpu();
    at(20);
    sched_yield_current();
    at(20);
    assert_ptr_not_equal(current_vcpu(), first);
    assert_false(vcpu_is_idle(current_vcpu()));
    unmake(a);
    unmake(b);
}

static void the_guest_sees_its_runstate(void **state)
{
    struct domain *d = make(1);
    struct vcpu *v = d->vcpus[0];
    struct vcpu_runstate_info *copy = (void *)host_guest_memory(4096);

    vcpu_clear_pause(v, VCPU_DOWN);
    at(100);
    assert_int_equal(runstate_register_area(&v->sched->runstate, host_guest_address(copy)), 0);
    runstate_publish(v, &v->sched->runstate.info);
    assert_int_equal(copy->state, RUNSTATE_running);
    assert_int_equal(copy->state_entry_time, 100);
    d->vm_assist = 1UL << VMASST_TYPE_runstate_update_flag;
    vcpu_set_pause(v, VCPU_BLOCKED);
    at(200);
    assert_int_equal(copy->state, RUNSTATE_blocked);
    assert_int_equal(copy->state_entry_time, 200);
    assert_int_equal(copy->time[RUNSTATE_running], 100);
    at(300);
    vcpu_clear_pause(v, VCPU_BLOCKED);
    at(300);
    assert_int_equal(copy->state, RUNSTATE_running);
    assert_int_equal(copy->state_entry_time, 300);
    assert_int_equal(copy->time[RUNSTATE_blocked], 100);
    assert_int_equal(runstate_register_area(&v->sched->runstate, gva(~0ULL)), -EFAULT);
    assert_int_equal(runstate_register_area(&v->sched->runstate, gva(0)), 0);
    unmake(d);
}

static void time_words_stay_fresh_on_a_cpu_that_is_never_given_up(void **state)
{
    struct domain *d = make(1);

    vcpu_clear_pause(d->vcpus[0], VCPU_DOWN);
    run_until(0, 5000 * MS);
    assert_true(d->vcpus[0]->info->time.system_time >= 3500 * MS);
    unmake(d);
}

static void a_poll_time_out_wakes(void **state)
{
    struct domain *d = make(1);
    struct vcpu *v = d->vcpus[0];

    vcpu_clear_pause(v, VCPU_DOWN);
    at(10);
    vcpu_set_pause(v, VCPU_POLLING);
    timer_set(&v->sched->poll_timer, 500);
    at(20);
    assert_int_equal(sched_runstate(v).state, RUNSTATE_blocked);
    at(499);
    assert_true(vcpu_is_idle(current_vcpu()));
    at(500);
    assert_ptr_equal(current_vcpu(), v);
    unmake(d);
}

static void watchdogs_bark_once(void **state)
{
    struct domain *d = make(1);

    assert_int_equal(sched_watchdog(d, 0, 0), -EINVAL);
    assert_int_equal(sched_watchdog(d, 1, 5), -EINVAL);
    assert_int_equal(sched_watchdog(d, 0, 10), 1);
    assert_int_equal(sched_watchdog(d, 0, 20), 2);
    assert_int_equal(sched_watchdog(d, 0, 20), -ENOSPC);
    assert_int_equal(sched_watchdog(d, 3, 20), -EINVAL);
    at(9 * NS_PER_SECOND);
    assert_int_equal(sched_watchdog(d, 1, 10), 0); /* poked */
    assert_int_equal(sched_watchdog(d, 2, 0), 0);  /* ended */
    at(18 * NS_PER_SECOND);
    assert_int_equal(d->shutdown_code, NOT_SHUT_DOWN);
    at(19 * NS_PER_SECOND);
    assert_int_equal(d->shutdown_code, SHUTDOWN_watchdog);
    unmake(d);
}

static void a_latched_shutdown_code_is_reported(void **state)
{
    struct domain *d = make(1);

    domain_latch_shutdown_code(d, SHUTDOWN_reboot);
    domain_shutdown(d, SHUTDOWN_crash);
    assert_int_equal(d->shutdown_code, SHUTDOWN_reboot);
    unmake(d);
}

static void waking_vcpus_take_idle_cpus(void **state)
{
    struct domain *d = make(2);

    vcpu_clear_pause(d->vcpus[0], VCPU_DOWN);
    at(10);
    vcpu_clear_pause(d->vcpus[1], VCPU_DOWN);
    at(20);
    assert_true(sched_is_running(d->vcpus[0]));
    assert_true(sched_is_running(d->vcpus[1]));
    assert_int_not_equal(sched_cpu_of(d->vcpus[0]), sched_cpu_of(d->vcpus[1]));
    unmake(d);
}

static void an_idle_cpu_takes_work_from_a_busy_one(void **state)
{
    struct domain *d = make(3);

    for (int i = 0; i < 3; i++) {
        vcpu_clear_pause(d->vcpus[i], VCPU_DOWN);
    }
    at(10);
    /* Two share a CPU; the one that has its own sleeps. */
    for (int i = 0; i < 3; i++) {
        if (sched_is_running(d->vcpus[i]) && sched_cpu_of(d->vcpus[i]) == 1) {
            vcpu_set_pause(d->vcpus[i], VCPU_BLOCKED);
            break;
        }
    }
    at(20);
    assert_false(vcpu_is_idle(cpus[0]->current));
    assert_false(vcpu_is_idle(cpus[1]->current));
    unmake(d);
}

static void three_busy_domains_share_two_cpus(void **state)
{
    struct domain *d[3];

    for (int i = 0; i < 3; i++) {
        d[i] = make(1);
        vcpu_clear_pause(d[i]->vcpus[0], VCPU_DOWN);
    }
    run_until(0, 6000 * MS);
    for (int i = 0; i < 3; i++) {
        assert_in_range(ran(d[i]->vcpus[0]), 3800 * MS, 4200 * MS);
    }
    for (int i = 0; i < 3; i++) {
        unmake(d[i]);
    }
}

static void hard_affinity_is_obeyed(void **state)
{
    struct domain *d = make(2);

    assert_int_equal(sched_set_hard_affinity(d->vcpus[0], 0), -EINVAL);
    assert_int_equal(sched_set_hard_affinity(d->vcpus[0], 1U << 7), -EINVAL);
    for (int i = 0; i < 2; i++) {
        vcpu_clear_pause(d->vcpus[i], VCPU_DOWN);
    }
    at(10);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sched_set_hard_affinity(d->vcpus[i], 1U << 1), 0);
    }
    run_until(MS, 2000 * MS);
    assert_true(vcpu_is_idle(cpus[0]->current));
    assert_int_equal(sched_cpu_of(d->vcpus[0]), 1);
    assert_int_equal(sched_cpu_of(d->vcpus[1]), 1);
    assert_in_range(ran(d->vcpus[0]), 950 * MS, 1050 * MS);
    assert_int_equal(sched_hard_affinity(d->vcpus[0]), 2);
    unmake(d);
}

static void soft_affinity_is_liked(void **state)
{
    struct domain *d = make(1);

    assert_int_equal(sched_set_soft_affinity(d->vcpus[0], 2), 0);
    vcpu_clear_pause(d->vcpus[0], VCPU_DOWN);
    at(10);
    assert_int_equal(sched_cpu_of(d->vcpus[0]), 1);
    assert_int_equal(sched_soft_affinity(d->vcpus[0]), 2);
    unmake(d);
}

static void a_pin_override_comes_and_goes(void **state)
{
    struct domain *d = make(1);
    struct vcpu *v = d->vcpus[0];

    vcpu_clear_pause(v, VCPU_DOWN);
    assert_int_equal(sched_pin_override(v, -1), -EINVAL);
    assert_int_equal(sched_pin_override(v, 2), -EINVAL);
    assert_int_equal(sched_pin_override(v, 1), 0);
    assert_int_equal(sched_pin_override(v, 0), -EBUSY);
    assert_int_equal(sched_set_hard_affinity(v, 1), -EBUSY);
    at(10);
    assert_int_equal(sched_cpu_of(v), 1);
    assert_true(sched_is_running(v));
    assert_int_equal(sched_pin_override(v, -1), 0);
    assert_int_equal(sched_set_hard_affinity(v, 1), 0);
    at(20);
    assert_int_equal(sched_cpu_of(v), 0);
    unmake(d);
}

/* ---- threads as CPUs ----------------------------------------------------------------------------
 */

enum { CPUS = 4, CROWD = 10 };

static struct domain *crowd[CROWD];
static int running_on[CROWD]; /* CPUs that run this vCPU just now */
static bool done;

/* A guest's few instructions: nobody else may be running the same vCPU. */
static void play_guest(struct vcpu *v, unsigned int *seed)
{
    unsigned int n = 0;

    while (crowd[n] != v->domain) {
        n++;
    }
    if (__atomic_add_fetch(&running_on[n], 1, __ATOMIC_SEQ_CST) != 1) {
        abort();
    }
    for (volatile int i = 0; i < 50; i++) {
    }
    __atomic_sub_fetch(&running_on[n], 1, __ATOMIC_SEQ_CST);
    switch (rand_r(seed) % 8) {
    case 0:
    case 1:
        vcpu_set_pause(v, VCPU_BLOCKED);
        break;
    case 2:
        sched_yield_current();
        break;
    case 3:
        vcpu_set_pause(v, VCPU_POLLING);
        timer_set(&v->sched->poll_timer, time_now_ns() + 20000);
        break;
    }
}

static void disturb(struct vcpu *v, unsigned int *seed)
{
    switch (rand_r(seed) % 64) {
    case 0:
        assert_int_equal(sched_set_hard_affinity(v, 1 + rand_r(seed) % 15), 0);
        break;
    case 1:
        assert_int_equal(sched_set_params(v->domain, 1 + rand_r(seed) % 999, rand_r(seed) % 2 * 30),
                         0);
        break;
    case 2:
        (void)sched_runstate(v);
        break;
    default:
        vcpu_clear_pause(v, VCPU_BLOCKED);
    }
}

static void *play_cpu(void *number)
{
    unsigned int seed = (unsigned int)(uintptr_t)number;

    host_become_cpu(seed);
    while (!READ_ONCE(done)) {
        __atomic_add_fetch(&host_tsc, 2000, __ATOMIC_RELAXED);
        cpu_raise_self(WORK_TIMER);
        cpu_do_work();
        if (!vcpu_is_idle(current_vcpu())) {
            play_guest(current_vcpu(), &seed);
        }
        disturb(crowd[rand_r(&seed) % CROWD]->vcpus[0], &seed);
    }
    return NULL;
}

static int start_four(void **state)
{
    return start_cpus(CPUS);
}

static void no_two_cpus_run_one_vcpu(void **state)
{
    pthread_t threads[CPUS];

    done = false;
    for (unsigned int i = 0; i < CROWD; i++) {
        crowd[i] = make(1);
        vcpu_clear_pause(crowd[i]->vcpus[0], VCPU_DOWN);
    }
    for (uintptr_t i = 0; i < CPUS; i++) {
        pthread_create(&threads[i], NULL, play_cpu, (void *)i);
    }
    usleep(300000);
    WRITE_ONCE(done, true);
    for (unsigned int i = 0; i < CPUS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned int i = 0; i < CROWD; i++) {
        struct vcpu_runstate_info info = sched_runstate(crowd[i]->vcpus[0]);
        uint64_t total = 0;
        for (unsigned int s = 0; s < ARRAY_SIZE(info.time); s++) {
            total += info.time[s];
        }
        assert_in_range(total, time_now_ns() - 10000, time_now_ns());
        unmake(crowd[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cpu_without_vcpus_idles, start, stop),
        cmocka_unit_test_setup_teardown(a_vcpu_runs_once_it_is_up, start, stop),
        cmocka_unit_test_setup_teardown(runstates_add_up_to_system_time, start, stop),
        cmocka_unit_test_setup_teardown(two_busy_domains_share_one_cpu, start, stop),
        cmocka_unit_test_setup_teardown(a_cap_limits_a_domain, start, stop),
        cmocka_unit_test_setup_teardown(a_pause_takes_the_vcpu_off_the_cpu, start, stop),
        cmocka_unit_test_setup_teardown(who_wakes_waits_until_the_running_one_had_its_least_time,
                                        start, stop),
        cmocka_unit_test_setup_teardown(switches_leave_the_alarm_alone, start, stop),
        cmocka_unit_test_setup_teardown(block_and_wake_before_the_cpu_looks_costs_nothing, start,
                                        stop),
        cmocka_unit_test_setup_teardown(yield_gives_way, start, stop),
        cmocka_unit_test_setup_teardown(the_guest_sees_its_runstate, start, stop),
        cmocka_unit_test_setup_teardown(time_words_stay_fresh_on_a_cpu_that_is_never_given_up,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_poll_time_out_wakes, start, stop),
        cmocka_unit_test_setup_teardown(watchdogs_bark_once, start, stop),
        cmocka_unit_test_setup_teardown(a_latched_shutdown_code_is_reported, start, stop),
        cmocka_unit_test_setup_teardown(waking_vcpus_take_idle_cpus, start_two, stop),
        cmocka_unit_test_setup_teardown(an_idle_cpu_takes_work_from_a_busy_one, start_two, stop),
        cmocka_unit_test_setup_teardown(three_busy_domains_share_two_cpus, start_two, stop),
        cmocka_unit_test_setup_teardown(hard_affinity_is_obeyed, start_two, stop),
        cmocka_unit_test_setup_teardown(soft_affinity_is_liked, start_two, stop),
        cmocka_unit_test_setup_teardown(a_pin_override_comes_and_goes, start_two, stop),
        cmocka_unit_test_setup_teardown(no_two_cpus_run_one_vcpu, start_four, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
