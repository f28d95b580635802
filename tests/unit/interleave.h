// SPDX-License-Identifier: Apache-2.0
// Two CPUs, one of which comes in between: each is a thread, of which only one runs at a time, and
// the places where they change over are chosen. So a race is tried at every one of its windows
// (arch/race.h), and the same way each time.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../../src/arch/host/machine.h"
#include "arch/race.h"

/* What a CPU does. No cmocka assertions in the second one: only the test's own thread has them. */
typedef void (*turn_t)(void);

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned int running; /* CPU */
    bool ended[2];
    unsigned long windows, change_at, waits;
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

/* The first CPU gives way at one window; both do where they have to wait for the other. */
static inline void change_over(bool waits)
{
    unsigned int self = this_cpu()->id, other = 1 - self;

    if (waits ? ++interleaving.waits > 1000000
              : self != 0 || interleaving.windows++ != interleaving.change_at) {
        if (waits) {
            abort(); /* for ever */
        }
        return;
    }
    if (!interleaving.ended[other]) {
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

/*
 * CPU 0 does `first`; at its window number `at` CPU 1 does `second`, until that has ended or has to
 * wait. False where there are not so many windows: then `second` came after `first`.
 */
static inline bool interleave(turn_t first, turn_t second, unsigned long at)
{
    pthread_t thread;

    interleaving.running = 0;
    interleaving.ended[0] = interleaving.ended[1] = false;
    interleaving.windows = interleaving.waits = 0;
    interleaving.change_at = at;
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
    return interleaving.windows > at;
}
