// SPDX-License-Identifier: Apache-2.0
// Timers: call a function on some CPU once system time has reached a value.
//
// Each CPU keeps its timers in a heap and has its alarm set for the first. The function runs on the
// timer's CPU as pending work, with no lock held, and may set its own timer again.
#pragma once

#include "time/heap.h"

struct timer {
    struct heap_node node; /* [q] key: when it expires, in system time */
    void (*fn)(void *data);
    void *data;
    uint32_t cpu; /* [q] changes only under the queue's lock of the CPU it names */
    bool queued;  /* [q] */
    bool dead;    /* [q] timer_kill() was called */
};

/* Start of day: the work that runs timers. time_init() calls it. */
void timers_init(void);

/* Give a CPU its heap, before the first timer there is set. -ENOMEM. */
must_check int timers_init_cpu(unsigned int cpu);

/* The timer is not set. `fn` will run on `cpu`. */
void timer_init(struct timer *t, void (*fn)(void *data), void *data, unsigned int cpu);

/*
 * Run `fn` at system time `expires_ns`, at once when that is past, never when it is 2^63 or more;
 * in place of what was set before. Any CPU; takes RANK_TIMER. Nothing happens to a killed timer.
 */
void timer_set(struct timer *t, uint64_t expires_ns);

/* No longer set. `fn` may still be running on another CPU. Takes RANK_TIMER. */
void timer_stop(struct timer *t);

/*
 * The same for good, and `fn` runs nowhere any more (unless this is called from `fn`). No lock
 * held. For a timer that was never initialised (all zero) nothing happens.
 */
void timer_kill(struct timer *t);

/* From now on `fn` runs on `cpu`. Takes RANK_TIMER. */
void timer_migrate(struct timer *t, unsigned int cpu);

/* Move all timers of a CPU that goes away. */
void timers_move_all(unsigned int from, unsigned int to);

bool timer_is_set(const struct timer *t);
uint64_t timer_expires(const struct timer *t);
