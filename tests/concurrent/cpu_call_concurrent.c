// SPDX-License-Identifier: Apache-2.0
// Calls on other CPUs, each played by a thread: all call each other at once, with and without
// waiting, some with a lock held that the others want, while CPUs go offline and come back. Each
// CPU runs each call that names it once, on its own thread, and before a caller who waits goes on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>

#include "base/cpu_call.h"
#include "base/lock.h"
#include "lib/string.h"
#include "machine.h"

enum { CPUS = 4, TURNS = 20000 };

/* Only the thread of its CPU counts here, as TSan would tell. */
static uint64_t calls_made[CPUS];
static uint64_t calls_wanted[CPUS]; /* [a] */
static uint64_t shared;             /* guarded by the lock */
static spinlock_t lock = SPINLOCK(RANK_DEVICE);
static unsigned int callers_left = CPUS; /* [a] */

struct caller {
    unsigned int cpu, seed;
    uint64_t seen[CPUS]; /* what each of them had counted when it ran the call */
};

static void note(void *argument)
{
    struct caller *c = argument;
    unsigned int own = this_cpu()->id;

    c->seen[own] = ++calls_made[own];
}

static void only_count(void *unused)
{
    calls_made[this_cpu()->id]++;
}

static void nothing(void *unused)
{
}

static uint64_t some_cpus(struct caller *c)
{
    uint64_t wanted = (uint64_t)rand_r(&c->seed) % (1 << CPUS);

    for (unsigned int id = 0; id < CPUS; id++) {
        if ((wanted >> id & 1) != 0) {
            __atomic_fetch_add(&calls_wanted[id], 1, __ATOMIC_SEQ_CST);
        }
    }
    return wanted;
}

static void call_and_wait(struct caller *c)
{
    uint64_t wanted = some_cpus(c);

    memset(c->seen, 0, sizeof(c->seen));
    cpu_call(wanted, note, c);
    for (unsigned int id = 0; id < CPUS; id++) {
        if ((c->seen[id] != 0) != ((wanted >> id & 1) != 0)) {
            abort();
        }
    }
}

static void call_with_a_lock_held(struct caller *c)
{
    spin_lock(&lock);
    shared++;
    call_and_wait(c);
    spin_unlock(&lock);
}

static void go_away_and_come_back(const struct caller *c)
{
    if (c->cpu != 0) {
        cpu_set_online(c->cpu, false);
        cpu_relax();
        cpu_set_online(c->cpu, true);
    }
}

static void *play(void *argument)
{
    struct caller *c = argument;

    host_become_cpu(c->cpu);
    for (unsigned int turn = 0; turn < TURNS; turn++) {
        switch (rand_r(&c->seed) % 4) {
        case 0:
            cpu_call_nowait(some_cpus(c), only_count, NULL);
            break;
        case 1:
            call_with_a_lock_held(c);
            break;
        case 2:
            go_away_and_come_back(c);
            break;
        default:
            call_and_wait(c);
            break;
        }
    }
    /* One that waits is begun when all that do not are over. Then, as a CPU that idles, answer. */
    cpu_call(0xf & ~(1ULL << c->cpu), nothing, NULL);
    __atomic_fetch_sub(&callers_left, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&callers_left, __ATOMIC_SEQ_CST) != 0) {
        cpu_relax();
    }
    return NULL;
}

static void each_call_is_run_once_by_each_cpu_that_it_names(void **state)
{
    struct caller caller[CPUS] = {0};
    pthread_t thread[CPUS];

    host_machine_create(16, CPUS);
    host_cpus_are_threads = true;
    for (unsigned int i = 0; i < CPUS; i++) {
        caller[i] = (struct caller){.cpu = i, .seed = 31 * i + 5};
        assert_int_equal(pthread_create(&thread[i], NULL, play, &caller[i]), 0);
    }
    for (unsigned int i = 0; i < CPUS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
    for (unsigned int i = 0; i < CPUS; i++) {
        assert_int_equal(calls_made[i], calls_wanted[i]);
    }
    assert_true(shared > TURNS / 2);
    host_machine_destroy();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_is_run_once_by_each_cpu_that_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
