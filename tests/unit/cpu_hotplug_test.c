// SPDX-License-Identifier: Apache-2.0
// Processors that go offline and come back, with what ran there. Both CPUs are one thread.
#include "control_fixture.h"

#include "base/hypercall.h"
#include "control/cpu_hotplug.h"
#include "control/irq.h"

static bool no_gsi(uint32_t gsi)
{
    return false;
}

/* The records of interrupts are made once, so all tests share one machine. */
static int start_machine(void **state)
{
    static const struct irq_ops no_irqs = {.gsi_exists = no_gsi};

    host_machine_create(4096, 2);
    host_tsc = 0;
    host_tsc_hz = NS_PER_SECOND;
    start_machine_rooms();
    assert_int_equal(irq_init(&no_irqs), 0);
    assert_int_equal(timers_init_cpu(1), 0);
    assert_int_equal(sched_init_cpu(1), 0);
    return 0;
}

static int stop_machine(void **state)
{
    host_machine_destroy();
    return 0;
}

static int start(void **state)
{
    assert_int_equal(cpu_bring_online(1), 0);
    dom0 = domain0 = new_domain(0, 3, true);
    return 0;
}

static void all_cpus_work(void)
{
    for (unsigned int turn = 0; turn < 4; turn++) {
        for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
            host_become_cpu(cpu);
            cpu_do_work();
        }
    }
    host_become_cpu(0);
}

static int stop(void **state)
{
    domain_pause_nosync(dom0);
    all_cpus_work();
    domain0 = NULL;
    end_domain(dom0);
    return 0;
}

/* vCPUs that want to run, each pinned to a CPU. */
static void run_on(unsigned int vcpu, unsigned int cpu)
{
    assert_int_equal(sched_set_hard_affinity(dom0->vcpus[vcpu], 1ULL << cpu), 0);
    vcpu_clear_pause(dom0->vcpus[vcpu], VCPU_DOWN);
    all_cpus_work();
}

static struct vcpu *current_of(unsigned int cpu)
{
    return cpus[cpu]->current;
}

static void the_vcpu_of_a_cpu_that_goes_runs_elsewhere(void **state)
{
    run_on(0, 0);
    run_on(1, 1);
    assert_ptr_equal(current_of(1), dom0->vcpus[1]);
    cpu_raise_self(WORK_CONSOLE); /* so that the wait is given up at once */
    assert_int_equal(cpu_take_offline(1), HYPERCALL_RESTART);
    assert_false(cpu_is_online(1));
    all_cpus_work();
    assert_true(sched_cpu_is_quiet(1));
    assert_int_equal(sched_cpu_of(dom0->vcpus[1]), 0);
    assert_int_equal(cpu_take_offline(1), 0);
}

static void those_that_wait_for_it_go_too(void **state)
{
    run_on(0, 0);
    run_on(1, 1);
    run_on(2, 1);
    cpu_raise_self(WORK_CONSOLE);
    assert_int_equal(cpu_take_offline(1), HYPERCALL_RESTART);
    all_cpus_work();
    assert_int_equal(sched_cpu_of(dom0->vcpus[1]), 0);
    assert_int_equal(sched_cpu_of(dom0->vcpus[2]), 0);
}

static void a_vcpu_that_wakes_does_not_go_there(void **state)
{
    run_on(0, 0);
    assert_int_equal(cpu_take_offline(1), 0);
    vcpu_clear_pause(dom0->vcpus[1], VCPU_DOWN);
    all_cpus_work();
    assert_int_equal(sched_cpu_of(dom0->vcpus[1]), 0);
    assert_true(sched_cpu_is_quiet(1));
}

static void its_own_caller_restarts_the_call_elsewhere(void **state)
{
    run_on(1, 1);
    host_become_cpu(1);
    assert_int_equal(cpu_take_offline(1), HYPERCALL_RESTART);
    cpu_do_work();
    assert_true(sched_cpu_is_quiet(1));
    host_become_cpu(0);
    assert_int_equal(cpu_take_offline(1), 0);
}

static void affinity_counts_again_when_it_comes_back(void **state)
{
    run_on(0, 0);
    run_on(1, 1);
    cpu_raise_self(WORK_CONSOLE);
    assert_int_equal(cpu_take_offline(1), HYPERCALL_RESTART);
    all_cpus_work();
    assert_int_equal(cpu_bring_online(1), 0);
    assert_true(cpu_is_online(1));
    vcpu_set_pause(dom0->vcpus[1], VCPU_BLOCKED);
    all_cpus_work();
    vcpu_clear_pause(dom0->vcpus[1], VCPU_BLOCKED);
    all_cpus_work();
    assert_ptr_equal(current_of(1), dom0->vcpus[1]);
}

static unsigned int expired_on;

static void note_cpu(void *data)
{
    expired_on = this_cpu()->id;
}

static void its_timers_go_off_elsewhere(void **state)
{
    struct timer set_before, set_after;

    timer_init(&set_before, note_cpu, NULL, 1);
    timer_init(&set_after, note_cpu, NULL, 1);
    timer_set(&set_before, 1000);
    assert_int_equal(cpu_take_offline(1), 0);
    timer_set(&set_after, 2000);
    for (uint64_t at = 1000; at <= 2000; at += 1000) {
        expired_on = 99;
        host_tsc = at + 5;
        cpu_raise_self(WORK_TIMER);
        all_cpus_work();
        assert_int_equal(expired_on, 0);
    }
    timer_kill(&set_before);
    timer_kill(&set_after);
}

static void there_are_cpus_that_cannot_go(void **state)
{
    assert_int_equal(cpu_take_offline(0), -EINVAL);
    assert_int_equal(cpu_take_offline(2), -EINVAL);
    assert_int_equal(cpu_bring_online(2), -EINVAL);
    assert_true(cpu_is_online(0));
}

static void a_vcpu_cannot_be_pinned_where_nothing_runs(void **state)
{
    assert_int_equal(cpu_take_offline(1), 0);
    assert_int_equal(sched_set_hard_affinity(dom0->vcpus[0], 2), -EINVAL);
    assert_int_equal(sched_pin_override(dom0->vcpus[0], 1), -EINVAL);
    assert_int_equal(cpu_bring_online(1), 0);
    assert_int_equal(sched_set_hard_affinity(dom0->vcpus[0], 2), 0);
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(the_vcpu_of_a_cpu_that_goes_runs_elsewhere),
        EACH(those_that_wait_for_it_go_too),
        EACH(a_vcpu_that_wakes_does_not_go_there),
        EACH(its_own_caller_restarts_the_call_elsewhere),
        EACH(affinity_counts_again_when_it_comes_back),
        EACH(its_timers_go_off_elsewhere),
        EACH(there_are_cpus_that_cannot_go),
        EACH(a_vcpu_cannot_be_pinned_where_nothing_runs),
    };

    return cmocka_run_group_tests(tests, start_machine, stop_machine);
}
