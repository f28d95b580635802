// SPDX-License-Identifier: Apache-2.0
// The scheduler on several CPUs at once, each played by a thread: vCPUs run, sleep, wake, yield and
// poll, are moved, paused and shut down, while CPUs stop and start. No two CPUs run one vCPU, one
// that is paused runs nowhere, and at the end all time is accounted for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "domain/pause.h"
#include "memory/allocator.h"
#include "sched_machine.h"

enum { CPUS = 4, DOMAINS = 8, VCPUS = 3, TURNS = 10000 };

static struct domain *domains[DOMAINS];
/* CPUs that run this vCPU just now; and who is sure that none does. */
static int runs[DOMAINS][VCPUS];
static int must_not_run[DOMAINS][VCPUS];
static uint64_t times_run; /* [a] */
static unsigned int players_left;

struct player {
    unsigned int cpu, seed;
};

static unsigned int roll(struct player *p, unsigned int bound)
{
    return (unsigned int)rand_r(&p->seed) % bound;
}

static void must(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "sched_concurrent: %s\n", what);
        abort();
    }
}
#define MUST(condition) must((condition), #condition)

static unsigned int index_of(const struct domain *d)
{
    unsigned int i = 0;

    while (domains[i] != d) {
        i++;
    }
    return i;
}

/* ---- what guests do -------------------------------------------------------------------------- */

static void look_that_nobody_else_runs_it(const struct vcpu *v)
{
    unsigned int d = index_of(v->domain);

    MUST(__atomic_add_fetch(&runs[d][v->id], 1, __ATOMIC_SEQ_CST) == 1);
    MUST(__atomic_load_n(&must_not_run[d][v->id], __ATOMIC_SEQ_CST) == 0);
    for (volatile int i = 0; i < 30; i++) {
    }
    MUST(__atomic_load_n(&must_not_run[d][v->id], __ATOMIC_SEQ_CST) == 0);
    __atomic_sub_fetch(&runs[d][v->id], 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&times_run, 1, __ATOMIC_RELAXED);
}

static void play_guest(struct player *p, struct vcpu *v)
{
    look_that_nobody_else_runs_it(v);
    switch (roll(p, 10)) {
    case 0:
    case 1:
    case 2:
        vcpu_set_pause(v, VCPU_BLOCKED);
        break;
    case 3:
        sched_yield_current();
        break;
    case 4:
        vcpu_set_pause(v, VCPU_POLLING);
        timer_set(&v->sched->poll_timer, time_now_ns() + 20000);
        break;
    default:
        break;
    }
}

/* ---- what others do to them ------------------------------------------------------------------ */

/* The player's own vCPU may be paused by another who waits for it: then it gives up, as a hypercall
 * that is to be issued again. */
static void pause_one(struct player *p, struct vcpu *v)
{
    unsigned int d = index_of(v->domain);

    if (v == current_vcpu() || vcpu_pause(v) != 0) {
        return;
    }
    __atomic_add_fetch(&must_not_run[d][v->id], 1, __ATOMIC_SEQ_CST);
    MUST(__atomic_load_n(&runs[d][v->id], __ATOMIC_SEQ_CST) == 0);
    sched_yield();
    __atomic_sub_fetch(&must_not_run[d][v->id], 1, __ATOMIC_SEQ_CST);
    vcpu_unpause(v);
}

static void pause_all(struct player *p, struct domain *d)
{
    unsigned int i = index_of(d);

    if (d == current_vcpu()->domain || domain_pause_by_controller(d) != 0) {
        return;
    }
    for (unsigned int id = 0; id < VCPUS; id++) {
        MUST(__atomic_load_n(&runs[i][id], __ATOMIC_SEQ_CST) == 0);
    }
    MUST(domain_unpause_by_controller(d) == 0);
}

static void stop_or_start_a_cpu(struct player *p)
{
    unsigned int cpu = 1 + roll(p, CPUS - 1);

    if (roll(p, 2) == 0) {
        (void)!sched_cpu_stop(cpu);
    } else {
        sched_cpu_start(cpu);
    }
}

static void disturb(struct player *p)
{
    struct domain *d = domains[roll(p, DOMAINS)];
    struct vcpu *v = d->vcpus[roll(p, VCPUS)];

    switch (roll(p, 40)) {
    case 0:
        (void)!sched_set_hard_affinity(v, 1 + roll(p, 15));
        break;
    case 1:
        (void)!sched_set_soft_affinity(v, roll(p, 16));
        break;
    case 2:
        MUST(sched_set_params(d, 1 + roll(p, 999), roll(p, 2) * 30) == 0);
        break;
    case 3:
        (void)sched_runstate(v);
        (void)sched_domain_cpu_time_ns(d);
        break;
    case 4:
    case 5:
        pause_one(p, v);
        break;
    case 6:
        pause_all(p, d);
        break;
    case 7:
        stop_or_start_a_cpu(p);
        break;
    case 8:
        domain_shutdown(d, SHUTDOWN_suspend);
        domain_resume(d);
        break;
    case 9:
        (void)!sched_pin_override(v, (int32_t)roll(p, CPUS + 1) - 1);
        break;
    default:
        vcpu_clear_pause(v, VCPU_BLOCKED);
    }
}

/* ---- the machine ----------------------------------------------------------------------------- */

/* Time goes on as long as one plays: who waits for another CPU needs it to look. */
static void *play(void *data)
{
    struct player *p = data;
    unsigned int turns = 0;

    host_become_cpu(p->cpu);
    while (turns++ < TURNS || __atomic_load_n(&players_left, __ATOMIC_SEQ_CST) != 0) {
        __atomic_add_fetch(&host_tsc, 3000, __ATOMIC_RELAXED);
        cpu_raise_self(WORK_TIMER);
        cpu_do_work();
        if (turns == TURNS) {
            __atomic_sub_fetch(&players_left, 1, __ATOMIC_SEQ_CST);
        }
        if (!vcpu_is_idle(current_vcpu()) && READ_ONCE(current_vcpu()->pause) == 0) {
            play_guest(p, current_vcpu());
        }
        if (turns < TURNS) {
            disturb(p);
        }
    }
    return NULL;
}

static int start(void **state)
{
    sched_machine_start(8192, CPUS);
    return 0;
}

static void make_domains(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++) {
        int error;

        domains[i] = domain_create(DOMID_INVALID, VCPUS, false, &error);
        assert_non_null(domains[i]);
        for (unsigned int id = 0; id < VCPUS; id++) {
            assert_non_null(vcpu_create(domains[i], id));
            vcpu_clear_pause(domains[i]->vcpus[id], VCPU_DOWN);
        }
    }
}

static void check_accounts(const struct domain *d)
{
    for (unsigned int id = 0; id < VCPUS; id++) {
        struct vcpu_runstate_info info = sched_runstate(d->vcpus[id]);
        uint64_t total = 0;

        for (unsigned int s = 0; s < ARRAY_SIZE(info.time); s++) {
            total += info.time[s];
        }
        assert_int_equal(total, time_now_ns());
    }
}

static void all_cpus_work(void)
{
    for (unsigned int round = 0; round < 3; round++) {
        for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
            host_become_cpu(cpu);
            cpu_do_work();
        }
    }
    host_become_cpu(0);
}

static void end_domains(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++) {
        domain_pause_nosync(domains[i]);
    }
    all_cpus_work();
    for (unsigned int i = 0; i < DOMAINS; i++) {
        check_accounts(domains[i]);
        while (domain_kill(domains[i]) == HYPERCALL_RESTART) {
        }
        domain_put(domains[i]);
    }
}

static void no_vcpu_runs_twice_or_while_it_is_paused(void **state)
{
    struct player players[CPUS];
    pthread_t thread[CPUS];

    make_domains();
    players_left = CPUS;
    for (unsigned int i = 0; i < CPUS; i++) {
        players[i] = (struct player){i, 7 * i + 1};
        assert_int_equal(pthread_create(&thread[i], NULL, play, &players[i]), 0);
    }
    for (unsigned int i = 0; i < CPUS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
    host_become_cpu(0);
    assert_true(times_run > TURNS / 10);
    end_domains();
    host_machine_destroy();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_vcpu_runs_twice_or_while_it_is_paused, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
