// SPDX-License-Identifier: Apache-2.0
// The scheduler: which vCPU runs on which CPU, and the switch from one to the next.
//
// A vCPU is runnable while no bit of its `pause` is set; domain/vcpu.h's hooks tell the scheduler
// of changes. Each CPU has a run queue and a lock for it. A vCPU belongs to one CPU's queue, its
// home, whether it runs or sleeps; its home changes only under that queue's lock.
//
// Legend: [h] lock of the home's queue (RANK_SCHED), [a] atomic, [v] as in domain/vcpu.h.
#pragma once

#include "base/cpu.h"
#include "domain/domain.h"
#include "sched/policy.h"
#include "sched/runstate.h"
#include "time/timer.h"

struct domain_sched;

struct vcpu_sched {
    struct sched_unit unit;      /* [h] */
    struct vcpu *vcpu;           /* constant */
    struct domain_sched *domain; /* constant */
    struct runstate runstate;    /* [h] */
    uint32_t home;               /* [h] CPU */
    bool on_cpu;                 /* [a] its state is in a processor */
    bool yields;                 /* [v] SCHEDOP_yield since the last look */
    uint64_t hard_affinity;      /* [h] CPUs where it may run, a bit each */
    uint64_t soft_affinity;      /* [h] and where it likes to */
    uint64_t saved_affinity;     /* [h] hard affinity to go back to, while overridden */
    bool overridden;             /* [h] SCHEDOP_pin_override */
    struct timer poll_timer;     /* SCHEDOP_poll's time-out */
};

/* ---- start of day, in this order ------------------------------------------------------------ */

/* Registers work, hooks and the part of a domain. Before the first domain. */
void sched_init(void);

/*
 * Gives a CPU its run queue and its idle vCPU, which becomes its `current`. After
 * timers_init_cpu(). -ENOMEM.
 */
must_check int sched_init_cpu(unsigned int cpu);

/*
 * Whether a CPU takes vCPUs, that is, whether it is online (base/cpu.h). The vCPUs of one that
 * takes no more leave it soon, wherever their affinities would have them; then it is quiet: it runs
 * its idle vCPU, and nobody waits there. (Timers that were set there stay: timers_move_all().) Any
 * CPU. -EBUSY: the last one.
 */
void sched_cpu_start(unsigned int cpu); /* it runs */
must_check int sched_cpu_stop(unsigned int cpu);
bool sched_cpu_is_quiet(unsigned int cpu);

/* ---- who runs ------------------------------------------------------------------------------- */

/* One of the CPUs' idle vCPUs: never in guest mode, in no domain that anyone can name. */
bool vcpu_is_idle(const struct vcpu *v);

/* SCHEDOP_yield by the current vCPU: takes effect on the way back to the guest. */
void sched_yield_current(void);

/* Whether the vCPU is on a CPU just now. */
bool sched_is_running(const struct vcpu *v);
/* The CPU it runs on or ran on last. */
unsigned int sched_cpu_of(const struct vcpu *v);

/* Takes RANK_SCHED. */
struct vcpu_runstate_info sched_runstate(struct vcpu *v);

/* CPU time of all the domain's vCPUs. */
uint64_t sched_domain_cpu_time_ns(struct domain *d);
/* How long a CPU has been idle since it started. */
uint64_t sched_idle_time_ns(unsigned int cpu);

/* ---- parameters ----------------------------------------------------------------------------- */

/*
 * Affinities are bitmaps of CPUs. -EINVAL: `hard` names no CPU that runs; -EBUSY: an override is in
 * effect. Takes RANK_SCHED; the vCPU moves soon, if it has to.
 */
must_check int sched_set_hard_affinity(struct vcpu *v, uint64_t hard);
must_check int sched_set_soft_affinity(struct vcpu *v, uint64_t soft);
uint64_t sched_hard_affinity(struct vcpu *v);
uint64_t sched_soft_affinity(struct vcpu *v);

/*
 * SCHEDOP_pin_override on the current vCPU. -EINVAL: no such CPU that runs; -EBUSY: overridden
 * already. A negative CPU undoes it; -EINVAL where there is nothing to undo.
 */
must_check int sched_pin_override(struct vcpu *v, int32_t cpu);
/* XEN_VCPUAFFINITY_FORCE: as above, for a vCPU that does not ask itself. */
void sched_end_override(struct vcpu *v);

/* Weight 1 to POLICY_WEIGHT_MAX, cap in percent of one CPU (0: none). -EINVAL. */
must_check int sched_set_params(struct domain *d, uint32_t weight, uint32_t cap);
void sched_get_params(struct domain *d, uint32_t *weight, uint32_t *cap);

/* How long a vCPU runs at least before a better one may preempt it; 0: no limit. */
void sched_set_rate_limit_us(uint32_t us);
uint32_t sched_rate_limit_us(void);

/* ---- watchdogs ------------------------------------------------------------------------------ */

/*
 * SCHEDOP_watchdog. `id` 0 starts one and returns its id (-ENOSPC: all in use); another id sets its
 * time-out again, or ends it with 0 seconds. -EINVAL: no such watchdog. When one expires the domain
 * shuts down with SHUTDOWN_watchdog.
 */
must_check long sched_watchdog(struct domain *d, uint32_t id, uint32_t timeout_seconds);

/* ---- looking at it -------------------------------------------------------------------------- */

/* Log every queue, for a debug key. */
void sched_dump(void);
