// SPDX-License-Identifier: Apache-2.0
// Two CPUs that come in between each other: each is a thread, of which only one runs at a time, and
// the windows (arch/race.h) at which they change over are chosen. So a race is tried in every way
// that changes over a few times, and in the same ways each time.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/arch/host/machine.h"
#include "arch/race.h"

/* What a CPU does. No cmocka assertions in the second one: only the test's own thread has them. */
typedef void (*turn_t)(void);

#define MOST_CHANGES 4

/* How many windows are passed before each change; and how many changes there were, last time. */
struct schedule {
    unsigned int
        depth; /* changes at most; who has to wait for the other changes over beside that */
    unsigned long windows[MOST_CHANGES];
    unsigned int changes;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned int running; /* CPU */
    bool ended[2];
    unsigned long passed, waits;
    struct schedule *schedule;
    turn_t second;
} interleaving = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void await_turn(unsigned int cpu)
{
    pthread_mutex_lock(&interleaving.lock);
    while (interleaving.running != cpu) {
        pthread_cond_wait(&interleaving.changed, &interleaving.lock);
    }
    pthread_mutex_unlock(&interleaving.lock);
}

static inline void give_turn(unsigned int to)
{
    pthread_mutex_lock(&interleaving.lock);
    interleaving.running = to;
    pthread_cond_signal(&interleaving.changed);
    pthread_mutex_unlock(&interleaving.lock);
}

static inline bool time_to_change(void)
{
    struct schedule *s = interleaving.schedule;

    if (s->changes == s->depth || interleaving.passed++ < s->windows[s->changes]) {
        return false;
    }
    s->changes++;
    interleaving.passed = 0;
    return true;
}

static inline void change_over(bool waits)
{
    unsigned int self = this_cpu()->id, other = 1 - self;

    if (waits && ++interleaving.waits > 1000000) {
        abort(); /* for ever */
    }
    if (!interleaving.ended[other] && (waits || time_to_change())) {
        give_turn(other);
        await_turn(self);
    }
}

static inline void *second_cpu(void *unused)
{
    host_become_cpu(1);
    await_turn(1);
    interleaving.second();
    interleaving.ended[1] = true;
    give_turn(0);
    return NULL;
}

/* CPU 0 begins with `first`, CPU 1 does `second`. */
static inline void interleave(turn_t first, turn_t second, struct schedule *schedule)
{
    pthread_t thread;

    schedule->changes = 0;
    interleaving.running = 0;
    interleaving.ended[0] = interleaving.ended[1] = false;
    interleaving.passed = interleaving.waits = 0;
    interleaving.schedule = schedule;
    interleaving.second = second;
    if (pthread_create(&thread, NULL, second_cpu, NULL) != 0) {
        abort();
    }
    host_race_window = change_over;
    first();
    interleaving.ended[0] = true;
    if (!interleaving.ended[1]) {
        give_turn(1);
        await_turn(0);
    }
    host_race_window = NULL;
    pthread_join(thread, NULL);
}

/* The next one after what the last one came to; false when there is none. */
static inline bool next_schedule(struct schedule *s)
{
    if (s->changes == 0) {
        return false;
    }
    s->windows[s->changes - 1]++;
    for (unsigned int i = s->changes; i < MOST_CHANGES; i++) {
        s->windows[i] = 0;
    }
    return true;
}
