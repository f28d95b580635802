// SPDX-License-Identifier: Apache-2.0
// A simulator of loads on the real scheduler: domains and vCPUs of the host library, CPUs that all
// are one thread, and a clock that jumps from one event to the next, so that a minute takes a
// moment. An actor is a vCPU that runs and sleeps as its load says; the simulator lets the
// scheduler do its work at each event and measures what came of it.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "domain/pause.h"
#include "memory/allocator.h"
#include "sched_machine.h"

#define MS      NS_PER_MS
#define SECOND  NS_PER_SECOND
#define FOREVER UINT64_MAX

enum { SIM_DOMAINS = 40, SIM_ACTORS = 320 };

/* CPU time that a vCPU uses before it sleeps, and how long it sleeps then. */
struct sim_step {
    uint64_t run_ns, sleep_ns;
};

struct actor;
typedef struct sim_step (*sim_load_t)(struct actor *a);

struct actor {
    struct vcpu *vcpu;
    sim_load_t load;
    struct sim_step step;              /* the present one; run_ns: what is left of it */
    const struct sim_step *trace;      /* of sim_replay(): steps that repeat */
    unsigned int trace_steps, at_step; /* of it */
    uint64_t born_ns, wake_at;
    uint64_t waits_since; /* FOREVER: it runs or sleeps */
    bool waits_woken;     /* it waits because it woke */
    bool yields;          /* SCHEDOP_yield at the end of a step, in place of sleep */
    uint64_t ran_ns;
    uint64_t worst_wait_ns, worst_latency_ns; /* waited for a CPU at all; after it woke */
    uint64_t wakes, total_latency_ns;
};

static struct actor sim_actors[SIM_ACTORS];
static unsigned int sim_count;
static struct domain *sim_domains[SIM_DOMAINS];
static unsigned int sim_domain_count;
static uint64_t sim_now;
static uint64_t sim_wasted_ns; /* CPUs were idle while somebody who might run there waited */
static uint64_t sim_busy_ns;   /* of all CPUs */
static uint64_t sim_moves;     /* of vCPUs from CPU to CPU */
static unsigned int sim_seed;

static inline uint64_t sim_random(uint64_t below)
{
    return ((uint64_t)rand_r(&sim_seed) << 24 ^ (uint64_t)rand_r(&sim_seed)) % below;
}

/* ---- the machine ---------------------------------------------------------------------------- */

static inline int sim_start(unsigned int cpus_wanted)
{
    sched_machine_start(16384, cpus_wanted);
    sim_count = sim_domain_count = 0;
    sim_now = sim_wasted_ns = sim_busy_ns = sim_moves = 0;
    sim_seed = 1;
    return 0;
}

/* Fixtures. */
static inline int one_cpu(void **state)
{
    return sim_start(1);
}

static inline int two_cpus(void **state)
{
    return sim_start(2);
}

static inline int four_cpus(void **state)
{
    return sim_start(4);
}

static inline int sim_stop(void **state)
{
    for (unsigned int i = 0; i < sim_domain_count; i++) {
        domain_pause_nosync(sim_domains[i]);
    }
    sched_machine_settle();
    for (unsigned int i = 0; i < sim_domain_count; i++) {
        while (domain_kill(sim_domains[i]) == HYPERCALL_RESTART) {
        }
        domain_put(sim_domains[i]);
    }
    host_machine_destroy();
    return 0;
}

/* ---- the load ------------------------------------------------------------------------------- */

static inline struct sim_step sim_busy(struct actor *a)
{
    return (struct sim_step){FOREVER, 0};
}

/* A recorded or made-up trace, over and over. */
static inline struct sim_step sim_replay(struct actor *a)
{
    a->at_step = (a->at_step + 1) % a->trace_steps;
    return a->trace[a->at_step];
}

static inline struct domain *sim_domain(unsigned int vcpus, uint32_t weight, uint32_t cap)
{
    int error;
    struct domain *d = domain_create(DOMID_INVALID, vcpus, false, &error);

    assert_non_null(d);
    sim_domains[sim_domain_count++] = d;
    assert_int_equal(sched_set_params(d, weight, cap), 0);
    return d;
}

/* The domain's next vCPU, which starts at once. */
static inline struct actor *sim_add(struct domain *d, sim_load_t load)
{
    struct actor *a = &sim_actors[sim_count++];
    unsigned int id = 0;

    while (d->vcpus[id]) {
        id++;
    }
    *a = (struct actor){
        .load = load, .waits_since = FOREVER, .wake_at = FOREVER, .born_ns = sim_now};
    a->vcpu = vcpu_create(d, id);
    assert_non_null(a->vcpu);
    a->vcpu->sched->home = id % cpu_count;
    return a;
}

/* It begins to wait for a CPU. */
static inline void sim_wake(struct actor *a)
{
    a->wake_at = FOREVER;
    a->waits_since = sim_now;
    a->waits_woken = true;
    a->step = a->load(a);
    /* Whoever wakes it, does so on some CPU. */
    host_become_cpu((unsigned int)sim_random(cpu_count));
    vcpu_clear_pause(a->vcpu, VCPU_DOWN | VCPU_BLOCKED);
}

static inline struct actor *sim_trace(struct domain *d, const struct sim_step *steps,
                                      unsigned int count)
{
    struct actor *a = sim_add(d, sim_replay);

    a->trace = steps;
    a->trace_steps = count;
    return a;
}

/* ---- from event to event -------------------------------------------------------------------- */

static inline struct actor *sim_actor_of(const struct vcpu *v)
{
    for (unsigned int i = 0; i < sim_count; i++) {
        if (sim_actors[i].vcpu == v) {
            return &sim_actors[i];
        }
    }
    return NULL;
}

static inline bool sim_someone_waits_for(unsigned int cpu)
{
    for (unsigned int i = 0; i < sim_count; i++) {
        const struct vcpu_sched *s = sim_actors[i].vcpu->sched;
        if (s->unit.state == UNIT_WAITING && (sched_allowed(s) >> cpu & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* Who got a CPU, who lost it. */
static inline void sim_look(void)
{
    for (unsigned int i = 0; i < sim_count; i++) {
        struct actor *a = &sim_actors[i];
        bool runs = a->vcpu->sched->on_cpu;

        if (runs && a->waits_since != FOREVER) {
            uint64_t waited = sim_now - a->waits_since;
            a->worst_wait_ns = MAX(a->worst_wait_ns, waited);
            if (a->waits_woken) {
                a->worst_latency_ns = MAX(a->worst_latency_ns, waited);
                a->total_latency_ns += waited;
                a->wakes++;
            }
            a->waits_since = FOREVER;
        } else if (!runs && a->waits_since == FOREVER && a->wake_at == FOREVER &&
                   a->vcpu->pause == 0) {
            a->waits_since = sim_now;
            a->waits_woken = false;
        }
    }
}

static inline uint64_t sim_next_event(uint64_t until)
{
    uint64_t next = until;

    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        next = MIN(next, host_alarms[cpu]);
    }
    for (unsigned int i = 0; i < sim_count; i++) {
        const struct actor *a = &sim_actors[i];
        next = MIN(next, a->wake_at);
        if (a->vcpu->sched->on_cpu && a->step.run_ns != FOREVER) {
            next = MIN(next, sim_now + a->step.run_ns);
        }
    }
    return MAX(next, sim_now);
}

/* Time passes on the CPUs. */
static inline void sim_pass(uint64_t until)
{
    uint64_t ns = until - sim_now;

    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        struct actor *a = sim_actor_of(cpus[cpu]->current);

        if (a) {
            a->ran_ns += ns;
            a->step.run_ns -= a->step.run_ns == FOREVER ? 0 : ns;
            sim_busy_ns += ns;
        } else if ((cpus_online() >> cpu & 1) != 0 && sim_someone_waits_for(cpu)) {
            sim_wasted_ns += ns;
        }
    }
    sim_now = until;
    host_tsc = until;
}

/* Actors come to the end of their steps, and of their sleeps. */
static inline void sim_act(void)
{
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        struct actor *a = sim_actor_of(cpus[cpu]->current);

        if (!a || a->step.run_ns != 0) {
            continue;
        }
        host_become_cpu(cpu);
        if (a->yields || a->step.sleep_ns == 0) {
            a->step = a->load(a);
            sched_yield_current();
        } else {
            a->wake_at = sim_now + a->step.sleep_ns;
            vcpu_set_pause(a->vcpu, VCPU_BLOCKED);
        }
    }
    for (unsigned int i = 0; i < sim_count; i++) {
        if (sim_actors[i].wake_at <= sim_now) {
            sim_wake(&sim_actors[i]);
        }
    }
}

/* All that have not started do so now. */
static inline void sim_run(uint64_t for_ns)
{
    uint64_t until = sim_now + for_ns;

    for (unsigned int i = 0; i < sim_count; i++) {
        if ((sim_actors[i].vcpu->pause & VCPU_DOWN) != 0) {
            sim_wake(&sim_actors[i]);
        }
    }
    for (;;) {
        sched_machine_settle();
        sim_look();
        if (sim_now == until) {
            return;
        }
        sim_pass(sim_next_event(until));
        sim_act();
    }
}

/* From here on it counts: what happened before was a start. */
static inline void sim_forget(void)
{
    sim_wasted_ns = sim_busy_ns = 0;
    for (unsigned int i = 0; i < sim_count; i++) {
        struct actor *a = &sim_actors[i];
        a->ran_ns = a->worst_wait_ns = a->worst_latency_ns = a->wakes = a->total_latency_ns = 0;
    }
}

/* The scheduler's records agree with each other, and with what the actors want. */
static inline void sim_audit(void)
{
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        audit_queue(cpu);
    }
    for (unsigned int i = 0; i < sim_domain_count; i++) {
        uint64_t born = 0;
        for (unsigned int a = 0; a < sim_count; a++) {
            born = sim_actors[a].vcpu->domain == sim_domains[i] ? sim_actors[a].born_ns : born;
        }
        audit_domain_sched(sim_domains[i], born);
        audit_settled(sim_domains[i]);
    }
}

/* ---- what came of it ------------------------------------------------------------------------ */

static inline uint64_t sim_domain_ran(const struct domain *d)
{
    uint64_t total = 0;

    for (unsigned int i = 0; i < sim_count; i++) {
        total += sim_actors[i].vcpu->domain == d ? sim_actors[i].ran_ns : 0;
    }
    return total;
}

/* Within `percent` of what it should be. */
static inline void sim_assert_near(uint64_t ns, uint64_t should_be, uint64_t percent)
{
    assert_in_range(ns, should_be - should_be * percent / 100,
                    should_be + should_be * percent / 100);
}

/* The scheduler's own account of each vCPU agrees with what the simulator saw; states add up. */
static inline void sim_check_accounts(void)
{
    for (unsigned int i = 0; i < sim_count; i++) {
        struct vcpu_runstate_info info = sched_runstate(sim_actors[i].vcpu);
        uint64_t total = 0;

        for (unsigned int s = 0; s < ARRAY_SIZE(info.time); s++) {
            total += info.time[s];
        }
        assert_int_equal(total, sim_now - sim_actors[i].born_ns);
    }
}
