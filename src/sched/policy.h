// SPDX-License-Identifier: Apache-2.0
// Which vCPU deserves a CPU: proportional share by virtual time. Pure code, no locks, no clock.
//
// A unit's virtual time grows by the CPU time it gets, divided by its weight; the waiting unit
// whose virtual time is smallest is the one that has had least of its share, and runs next. So two
// busy units' CPU times come out in the ratio of their weights, whatever the length of a slice. A
// unit that wakes may be behind the others by at most a bonus: it gets a CPU at once, and cannot
// save up a long absence. (Stride scheduling, Waldspurger and Weihl 1995; the bonus is BVT's.)
//
// Virtual times of all CPUs can be compared, so shares come out right across CPUs too: a CPU whose
// units are ahead takes one that waits behind them elsewhere. Where that cannot help (affinities,
// a unit that deserves more than a whole CPU) the CPUs' virtual times would drift apart for ever;
// a queue that has fallen behind the foremost by more than POLICY_DRIFT_NS joins it.
//
// A domain's weight is shared by its vCPUs that want to run: a domain does not get more by having
// more vCPUs. A domain with a cap gets a budget of CPU time each period and waits without it.
//
// Differences of virtual time are stated below as the CPU time that a unit gains or loses by them.
#pragma once

#include "lib/list.h"
#include "time/heap.h"

#define POLICY_WEIGHT_DEFAULT 256
#define POLICY_WEIGHT_MAX     65535
#define POLICY_SLICE_NS       10000000ULL   /* how long one runs at most while others wait */
#define POLICY_SLICE_MIN_NS   1000000ULL    /* and at least: less would go into switching */
#define POLICY_ROUND_NS       60000000ULL   /* in between, so that all had a turn in this time */
#define POLICY_ALONE_NS       500000000ULL  /* how long one runs while nobody waits */
#define POLICY_MARGIN_NS      250000ULL     /* how much more it must deserve to preempt */
#define POLICY_LAG_NS         10000000ULL   /* behind other CPUs' units by so much, it is moved */
#define POLICY_DRIFT_NS       50000000ULL   /* how far CPUs' virtual times may differ */
#define POLICY_DEBT_NS        1000000000ULL /* what overran its slice pays back, at most */
#define POLICY_PERIOD_NS      10000000ULL   /* of caps */
/* How far a waking unit may be behind, in virtual time: the same for all, so none is before another
 * for long, and a busy one loses no more to each than while it runs for so long itself. */
#define POLICY_BONUS 10000000ULL

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
    uint64_t virtual_time; /* by its queue's clock */
    uint64_t remainder;    /* of the division by the weight */
    uint64_t started_ns;   /* when it got the CPU */
    uint64_t charged_ns;   /* up to when it was charged */
};

/* What wants to run on one CPU. Legend: [r] also read without the lock. */
struct run_queue {
    struct heap heap;
    struct list waiting; /* the heap's members */
    struct list parked;
    struct sched_unit *running;   /* NULL: the CPU is idle */
    struct sched_unit *gives_way; /* it yielded: the next pick passes it over */
    uint32_t load;                /* [r] waiting and running units */
    uint64_t floor;               /* [r] virtual time that all members have reached */
    uint64_t offset;              /* [r] from this queue's virtual time to all CPUs' */
    uint64_t *front;              /* [a] the foremost floor where units wait, by all CPUs' time */
    uint64_t rate_limit_ns;       /* [a] how long one runs at least before it is preempted */
};

void policy_init_group(struct sched_group *group);
void policy_init_unit(struct sched_unit *unit, struct sched_group *group);
/* `front` is shared by the queues whose units may move among them. */
void policy_init_queue(struct run_queue *queue, uint64_t *front);

/* The unit wants to run here: `woken` from sleep, or because its slice ended. State: not RUNNING
 * here, not WAITING. It goes to WAITING, or to PARKED where its domain's budget is spent. */
void policy_enqueue(struct run_queue *queue, struct sched_unit *unit, uint64_t now, bool woken);

/* The unit leaves the queue, where it is WAITING or PARKED; it becomes ASLEEP. */
void policy_dequeue(struct run_queue *queue, struct sched_unit *unit);

/*
 * The unit's domain had another weight before: it stays ahead or behind by as much CPU time. It is
 * this queue's, but not WAITING.
 */
void policy_rescale(const struct run_queue *queue, struct sched_unit *unit, uint32_t old_weight);

/* One that is WAITING or PARKED there, whichever; NULL for none. */
struct sched_unit *policy_any(const struct run_queue *queue);

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

/* The running unit lets the one that waits most deservedly go first, once. */
void policy_yield(struct run_queue *queue);

/* Carry the unit (ASLEEP) over to another CPU; it wakes, or did not sleep. Only `from` is locked.
 */
void policy_translate(struct sched_unit *unit, const struct run_queue *from,
                      const struct run_queue *to, bool woken);

/*
 * Of the units that wait in the queue, and for which `allowed` says so, the one to move to a CPU
 * with the queue `to`, which is not locked: that which is farthest behind. If that CPU is not idle,
 * only one that is behind all units there by POLICY_LAG_NS, and not behind its own queue: such a
 * one runs here very soon. NULL for none.
 */
struct sched_unit *policy_to_move(const struct run_queue *queue, const struct run_queue *to,
                                  bool (*allowed)(const struct sched_unit *unit, void *data),
                                  void *data);

/* Whether a look with the lock may be worth while: something waits there behind the units here. */
bool policy_may_lag(const struct run_queue *queue, const struct run_queue *to);
