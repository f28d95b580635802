// SPDX-License-Identifier: Apache-2.0
// Inside the scheduler: a CPU's queue, a domain's record, and how its files call each other.
#pragma once

#include "base/lock.h"
#include "sched/sched.h"

/* struct cpu's `sched`. Legend: [h] `lock`, [c] only this CPU. */
struct cpu_sched {
    spinlock_t lock;
    struct run_queue queue;    /* [h] */
    struct vcpu *idle;         /* constant */
    uint64_t look_ns;          /* [h] when to look at the queue: a slice or budget ends or begins */
    struct timer look;         /* goes off by then, mostly sooner */
    uint64_t armed_ns;         /* [h] what `look` is set to, or sooner; UINT64_MAX: not set */
    uint64_t next_balance_ns;  /* [c], others may read it */
    bool says_idle;            /* [c] what it said last */
    unsigned int balance_from; /* [c] where the next search for work begins */
};

#define WATCHDOGS 2 /* a domain */

struct watchdog {
    struct timer timer;
    struct domain *domain;
    bool in_use; /* guarded by the domain's lock */
};

struct domain_sched {
    struct list link; /* on the list of all, guarded by its lock */
    struct domain *domain;
    struct sched_group group;
    struct watchdog watchdog[WATCHDOGS];
};

static inline struct cpu_sched *cpu_sched(unsigned int cpu)
{
    return cpus[cpu]->sched;
}

/* The domain's record; it has one from its creation to its end. */
struct domain_sched *domain_sched(struct domain *d);

/* Lock the queue that the vCPU belongs to. */
struct cpu_sched *sched_lock_home(struct vcpu_sched *s);

/*
 * Who finds the vCPU at its new home also finds all that was done to it at the old one, though the
 * two have different locks. To move it, the old home is locked.
 */
static inline unsigned int sched_home(const struct vcpu_sched *s)
{
    return __atomic_load_n(&s->home, __ATOMIC_ACQUIRE);
}
static inline void sched_move_home(struct vcpu_sched *s, unsigned int cpu)
{
    __atomic_store_n(&s->home, cpu, __ATOMIC_RELEASE);
}

/* CPUs where the vCPU may run: its hard affinity, or any where that names none that runs. */
uint64_t sched_allowed(const struct vcpu_sched *s);

/* Where the vCPU may be has changed under it: move it if it is somewhere else. Takes RANK_SCHED. */
void sched_review_place(struct vcpu *v);
/* cpu.c: CPUs that take vCPUs and have none to run just now [a]. */
extern uint64_t sched_idle_cpus;

/* place.c: the CPU where a vCPU that wakes should run. Looks at other queues without their locks.
 */
unsigned int sched_place(const struct vcpu_sched *s);

/*
 * place.c: something waits in this queue, which is locked: which idle CPU may run it? -1: none.
 * A CPU says that it is idle before it looks for work, so one of the two finds the other.
 */
int sched_idle_helper(const struct cpu_sched *c);
/* This CPU says that it has nothing to run, or something. */
void sched_say_idle(unsigned int cpu, bool idle);

/*
 * place.c: take a waiting vCPU from a CPU that has more to do, for this one, which is `idle` or
 * not. It comes back asleep, with this CPU as its home, and the caller queues it; NULL for none.
 * No lock held.
 */
struct vcpu_sched *sched_steal(unsigned int cpu, bool idle);
/* Whether it is time for a busy CPU to look at the others. Says so once for each time. */
bool sched_balance_due(unsigned int cpu);
/* When a busy CPU should do so next. */
uint64_t sched_next_balance(unsigned int cpu);

/*
 * cpu.c: WORK_SCHEDULE is to be raised on this CPU at `ns`. A timer that goes off sooner stays as
 * it is, as it mostly does from switch to switch: when it goes off it is set anew. The queue's lock
 * is held; where that is true, sched_arm_look() has to follow when it is let go of.
 */
must_check bool sched_plan_look(struct cpu_sched *c, uint64_t ns);
/* Takes RANK_TIMER. */
void sched_arm_look(struct cpu_sched *c, uint64_t ns);

/* part.c: registers the part of a domain. */
void sched_part_init(void);
void sched_vcpu_init(struct vcpu *v, struct vcpu_sched *s, struct domain_sched *domain);

/* watchdog.c. Killing them twice does no harm. */
void watchdogs_init(struct domain_sched *ds);
void watchdogs_kill(struct domain_sched *ds);

/* vcpu_woken: the vCPU may be runnable now. Any lock below RANK_TIMER held. */
void sched_wake(struct vcpu *v);
