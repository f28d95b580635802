// SPDX-License-Identifier: Apache-2.0
// Which vCPU deserves a CPU: proportional share by virtual time. Pure code, no locks, no clock.
//
// A unit's virtual time grows by the CPU time it gets, divided by its weight; the waiting unit
// whose virtual time is smallest is the one that has had least of its share, and runs next. So two
// busy units' CPU times come out in the ratio of their weights, whatever the length of a slice. A
// unit that wakes may be behind the others by at most a bonus: it gets a CPU at once, and cannot
// save up a long absence. (Stride scheduling, Waldspurger and Weihl 1995; the bonus is BVT's.)
//
// A domain's weight is shared by its vCPUs that want to run: a domain does not get more by having
// more vCPUs. A domain with a cap gets a budget of CPU time each period and waits without it.
#pragma once

#include "lib/list.h"
#include "time/heap.h"

#define POLICY_WEIGHT_DEFAULT 256
#define POLICY_WEIGHT_MAX     65535
#define POLICY_SLICE_NS       10000000ULL  /* how long one runs while others wait */
#define POLICY_ALONE_NS       500000000ULL /* how long one runs while nobody does */
#define POLICY_BONUS_NS       10000000ULL  /* how far a waking unit may be behind */
#define POLICY_MARGIN_NS      250000ULL    /* how much more it must deserve to preempt */
#define POLICY_PERIOD_NS      10000000ULL  /* of caps */

/* A domain. Legend: [a] atomic, any CPU. */
struct sched_group {
    uint32_t weight;     /* [a] 1 to POLICY_WEIGHT_MAX */
    uint32_t cap;        /* [a] percent of a CPU, 0: none */
    uint32_t active;     /* [a] units that want to run */
    int64_t budget_ns;   /* [a] CPU time left in the period, with a cap */
    uint64_t period_end; /* [a] */
};

enum unit_state {
    UNIT_ASLEEP,  /* does not want to run */
    UNIT_WAITING, /* in the heap */
    UNIT_PARKED,  /* wants to run, its domain's budget is spent */
    UNIT_RUNNING,
};

/* A vCPU. All guarded by the lock of the queue it belongs to; `state` is looked at without. */
struct sched_unit {
    struct heap_node node; /* key: virtual time */
    struct list link;      /* on the queue's `waiting` or `parked` */
    struct sched_group *group;
    enum unit_state state;
    uint64_t virtual_time;
    uint64_t remainder;      /* of the division by the weight */
    uint64_t started_ns;     /* when it got the CPU */
    uint64_t charged_ns;     /* up to when it was charged */
    uint64_t queued_ns;      /* when it began to wait */
    uint64_t recent_wait_ns; /* how long it waited lately; halved at each look (balancing) */
};

/* What wants to run on one CPU. `load` and `floor` are also looked at without the lock. */
struct run_queue {
    struct heap heap;
    struct list waiting; /* the heap's members */
    struct list parked;
    struct sched_unit *running; /* NULL: the CPU is idle */
    uint32_t load;              /* waiting and running units */
    uint64_t floor;             /* virtual time that all members have reached, never falls */
    uint64_t rate_limit_ns;     /* how long one runs at least before another may preempt it */
};

void policy_init_group(struct sched_group *group);
void policy_init_unit(struct sched_unit *unit, struct sched_group *group);
void policy_init_queue(struct run_queue *queue);

/* The unit wants to run here: `woken` from sleep, or because its slice ended. State: not RUNNING
 * here, not WAITING. It goes to WAITING, or to PARKED where its domain's budget is spent. */
void policy_enqueue(struct run_queue *queue, struct sched_unit *unit, uint64_t now, bool woken);

/* The unit leaves the queue, where it is WAITING or PARKED; it becomes ASLEEP. */
void policy_dequeue(struct run_queue *queue, struct sched_unit *unit, uint64_t now);

/* Charge the running unit for its time since the last charge. */
void policy_charge(struct run_queue *queue, uint64_t now);

/* The running unit, charged, stops running: ASLEEP. */
void policy_stop(struct run_queue *queue);

/* The unit to run next, marked as running; NULL when none wants to. Nothing is running. */
must_check struct sched_unit *policy_pick(struct run_queue *queue, uint64_t now);

/* Whether the running unit, charged, keeps the CPU for now though others may deserve it more. */
bool policy_keeps(const struct run_queue *queue, uint64_t now);

/* Whether `unit`, which began to wait, should get the CPU of the running one (charged) at once. */
bool policy_preempts(const struct run_queue *queue, const struct sched_unit *unit);

/* When the queue should be looked at again: a slice or a budget ends, a budget begins. */
uint64_t policy_next_look(const struct run_queue *queue, uint64_t now);

/* When policy_keeps() will no longer be true for the reason that it is too early to preempt. */
uint64_t policy_kept_until(const struct run_queue *queue);

/* The running unit, charged, lets the one that waits most deservedly go first. */
void policy_yield(struct run_queue *queue);

/* Carry the unit (ASLEEP) over to another CPU: it stays as far ahead or behind as it is. */
void policy_translate(struct sched_unit *unit, const struct run_queue *from,
                      const struct run_queue *to);

/*
 * Of the units that wait in the queue, those for which `allowed` says so, the one to move to a CPU
 * that has less to do: that which waited least lately, as it leaves more to those that waited
 * more. NULL for none.
 */
struct sched_unit *policy_to_move(struct run_queue *queue, uint64_t now,
                                  bool (*allowed)(const struct sched_unit *unit, void *data),
                                  void *data);
