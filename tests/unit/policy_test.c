// SPDX-License-Identifier: Apache-2.0
// The scheduling policy, simulated: who gets how much of a CPU over seconds of simulated time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sched/policy.h"

#define MS      1000000ULL
#define SECOND  (1000 * MS)
#define FOREVER UINT64_MAX

/* A vCPU that runs for `burst` and then sleeps for `pause`, or never sleeps (FOREVER). */
struct actor {
    struct sched_unit unit;
    uint64_t burst, pause;
    uint64_t left;    /* of this burst */
    uint64_t wake_at; /* asleep until then */
    uint64_t got;     /* CPU time */
    uint64_t woken_at, worst_latency;
};

enum { MOST = 12 };

static struct run_queue queue;
static uint64_t front;
static struct sched_group groups[MOST];
static struct actor actors[MOST];
static unsigned int actor_count;

static int start(void **state)
{
    front = 0;
    policy_init_queue(&queue, &front);
    queue.rate_limit_ns = MS;
    for (unsigned int i = 0; i < MOST; i++) {
        policy_init_group(&groups[i]);
    }
    actor_count = 0;
    return 0;
}

static struct actor *add(struct sched_group *group, uint64_t burst, uint64_t pause)
{
    struct actor *a = &actors[actor_count++];

    *a = (struct actor){.burst = burst, .pause = pause, .left = burst};
    policy_init_unit(&a->unit, group);
    return a;
}

static struct actor *actor_of(struct sched_unit *unit)
{
    return unit ? container_of(unit, struct actor, unit) : NULL;
}

static void wake(struct actor *a, uint64_t now, bool *look)
{
    a->woken_at = now;
    a->unit.group->active++;
    policy_charge(&queue, now);
    policy_enqueue(&queue, &a->unit, now, true);
    *look = *look || policy_preempts(&queue, &a->unit);
}

/* Runs the queue as the mechanism would: looks when the policy asks to, and at wakes that matter.
 */
static void simulate(uint64_t from, uint64_t until)
{
    uint64_t now = from, look_at = from;

    while (now < until) {
        struct actor *running = actor_of(queue.running);
        uint64_t next = MIN(until, look_at);
        bool look = false;

        if (running && running->left != FOREVER) {
            next = MIN(next, now + running->left);
        }
        for (unsigned int i = 0; i < actor_count; i++) {
            if (actors[i].unit.state == UNIT_ASLEEP) {
                next = MIN(next, MAX(actors[i].wake_at, now));
            }
        }
        if (running) {
            running->got += next - now;
            running->left -= running->left == FOREVER ? 0 : next - now;
        }
        now = next;
        policy_charge(&queue, now);
        for (unsigned int i = 0; i < actor_count; i++) {
            if (actors[i].unit.state == UNIT_ASLEEP && actors[i].wake_at <= now) {
                wake(&actors[i], now, &look);
            }
        }
        if (running && running->left == 0) {
            policy_stop(&queue);
            running->unit.group->active--;
            running->left = running->burst;
            running->wake_at = now + running->pause;
            running = NULL;
            look = true;
        }
        if (look || now >= look_at || !queue.running) {
            if (queue.running && policy_keeps(&queue, now)) {
                look_at = policy_kept_until(&queue);
                continue;
            }
            if (queue.running) {
                struct sched_unit *unit = queue.running;
                policy_stop(&queue);
                policy_enqueue(&queue, unit, now, false);
            }
            struct actor *chosen = actor_of(policy_pick(&queue, now));
            if (chosen && chosen->woken_at != 0) {
                chosen->worst_latency = MAX(chosen->worst_latency, now - chosen->woken_at);
                chosen->woken_at = 0;
            }
        }
        look_at = policy_next_look(&queue, now);
    }
}

static void assert_share(const struct actor *a, uint64_t of, unsigned int percent)
{
    assert_in_range(a->got, of * percent / 100 - of / 100, of * percent / 100 + of / 100);
}

static void equal_busy_domains_get_equal_shares(void **state)
{
    for (int i = 0; i < 4; i++) {
        add(&groups[i], FOREVER, 0);
    }
    simulate(0, 10 * SECOND);
    for (int i = 0; i < 4; i++) {
        assert_share(&actors[i], 10 * SECOND, 25);
    }
}

static void shares_follow_weights(void **state)
{
    for (int i = 0; i < 3; i++) {
        groups[i].weight = 256U << i;
        add(&groups[i], FOREVER, 0);
    }
    simulate(0, 10 * SECOND);
    assert_share(&actors[0], 10 * SECOND, 14);
    assert_share(&actors[1], 10 * SECOND, 28);
    assert_share(&actors[2], 10 * SECOND, 57);
}

static void the_extremes_of_weight_work(void **state)
{
    groups[0].weight = 1;
    groups[1].weight = POLICY_WEIGHT_MAX;
    add(&groups[0], FOREVER, 0);
    add(&groups[1], FOREVER, 0);
    simulate(0, 1000 * SECOND);
    assert_in_range(actors[0].got, 1, SECOND);
    assert_true(actors[0].got + actors[1].got == 1000 * SECOND);
}

static void a_domain_gets_no_more_for_having_more_vcpus(void **state)
{
    add(&groups[0], FOREVER, 0);
    for (int i = 0; i < 4; i++) {
        add(&groups[1], FOREVER, 0);
    }
    simulate(0, 10 * SECOND);
    assert_share(&actors[0], 10 * SECOND, 50);
}

static void a_waking_vcpu_preempts_busy_ones_soon(void **state)
{
    add(&groups[0], FOREVER, 0);
    add(&groups[1], FOREVER, 0);
    struct actor *io = add(&groups[2], MS / 10, 5 * MS);
    simulate(0, 10 * SECOND);
    assert_true(io->worst_latency <= 2 * MS);
    assert_true(io->got > 10 * SECOND / 60); /* it was hardly ever late */
}

static void a_sleeper_cannot_save_up(void **state)
{
    add(&groups[0], FOREVER, 0);
    struct actor *late = add(&groups[1], FOREVER, 0);
    late->wake_at = 60 * SECOND;
    simulate(0, 70 * SECOND);
    assert_in_range(late->got, 5 * SECOND - 50 * MS, 5 * SECOND + 50 * MS);
}

static void a_new_vcpu_does_not_wait_for_old_ones_to_be_caught_up(void **state)
{
    for (int i = 0; i < 8; i++) {
        add(&groups[i], FOREVER, 0);
    }
    struct actor *fresh = add(&groups[8], FOREVER, 0);
    fresh->wake_at = 30 * SECOND;
    simulate(0, 39 * SECOND);
    assert_true(fresh->worst_latency <= 2 * MS);
    assert_in_range(fresh->got, SECOND - 50 * MS, SECOND + 50 * MS);
}

static void a_cap_holds_on_an_idle_cpu(void **state)
{
    groups[0].cap = 25;
    add(&groups[0], FOREVER, 0);
    simulate(0, 10 * SECOND);
    assert_share(&actors[0], 10 * SECOND, 25);
}

static void a_cap_holds_for_all_vcpus_of_a_domain(void **state)
{
    groups[0].cap = 50;
    groups[0].weight = POLICY_WEIGHT_MAX;
    add(&groups[0], FOREVER, 0);
    add(&groups[0], FOREVER, 0);
    add(&groups[1], FOREVER, 0);
    simulate(0, 10 * SECOND);
    assert_in_range(actors[0].got + actors[1].got, 49 * SECOND / 10, 51 * SECOND / 10);
    assert_share(&actors[2], 10 * SECOND, 50);
}

static void a_small_cap_holds_in_the_long_run(void **state)
{
    groups[0].cap = 1;
    add(&groups[0], FOREVER, 0);
    simulate(0, 100 * SECOND);
    assert_in_range(actors[0].got, 95 * SECOND / 100, 105 * SECOND / 100);
}

static void a_capped_sleeper_gets_its_cap_again(void **state)
{
    groups[0].cap = 20;
    struct actor *a = add(&groups[0], FOREVER, 0);
    a->wake_at = 50 * SECOND;
    simulate(0, 60 * SECOND);
    assert_in_range(a->got, 19 * SECOND / 10, 21 * SECOND / 10);
}

/* As control software does it, whatever the domain's vCPUs are about. */
static void change_weight(struct sched_group *group, uint32_t weight, uint64_t now)
{
    uint32_t old = group->weight;

    group->weight = weight;
    policy_charge(&queue, now);
    for (unsigned int i = 0; i < actor_count; i++) {
        struct sched_unit *unit = &actors[i].unit;
        bool waits = unit->group == group && unit->state == UNIT_WAITING;

        if (waits) {
            policy_dequeue(&queue, unit);
        }
        if (unit->group == group) {
            policy_rescale(&queue, unit, old);
        }
        if (waits) {
            policy_enqueue(&queue, unit, now, true);
        }
    }
}

/* 10 ms of a light one's CPU time are minutes of a heavy one's, which must not have them because
 * the light one waits, and keep them when it becomes light itself. */
static void a_heavy_vcpu_does_not_share_the_credit_of_a_light_one(void **state)
{
    groups[1].weight = 1;
    groups[2].weight = POLICY_WEIGHT_MAX;
    add(&groups[0], FOREVER, 0);
    for (int i = 1; i < 4; i++) {
        add(&groups[MIN(i, 2)], FOREVER, 0)->wake_at = 10 * SECOND + (i == 2);
    }
    simulate(0, 10 * SECOND + MS);
    change_weight(&groups[2], 16, 10 * SECOND + MS);
    actors[0].got = 0;
    simulate(10 * SECOND + MS, 20 * SECOND);
    assert_true(actors[0].got >= 92 * SECOND / 10); /* 256 of 273 parts, but for credits */
}

/* If each that wakes came before those that woke just before it, the busy would wait for long. */
static void credits_do_not_add_up(void **state)
{
    add(&groups[0], FOREVER, 0);
    for (int i = 1; i < MOST; i++) {
        add(&groups[i], FOREVER, 0)->wake_at = 10 * SECOND + (unsigned int)i;
    }
    simulate(0, 10 * SECOND + (MOST - 1) * (POLICY_BONUS + POLICY_SLICE_NS));
    assert_true(actors[0].got > 10 * SECOND + POLICY_SLICE_MIN_NS);
}

/* A budget that overran by much keeps it parked for long, which gives it no claim to more. */
static void what_a_cap_keeps_back_is_lost(void **state)
{
    const struct sched_unit *capped = &add(&groups[0], FOREVER, 0)->unit;

    add(&groups[1], FOREVER, 0);
    groups[0].cap = 10;
    groups[0].budget_ns = -(int64_t)SECOND;
    simulate(0, 10 * SECOND - POLICY_PERIOD_NS);
    assert_int_equal(capped->state, UNIT_PARKED);
    for (uint64_t now = 10 * SECOND - POLICY_PERIOD_NS; capped->state == UNIT_PARKED; now += MS) {
        simulate(now, now + MS);
    }
    assert_true((int64_t)(queue.floor - capped->virtual_time) <= (int64_t)POLICY_DRIFT_NS);
}

static struct sched_unit *put(unsigned int i, uint64_t now, bool woken)
{
    policy_enqueue(&queue, &actors[i].unit, now, woken);
    return &actors[i].unit;
}

/* Three that are busy, and have been for a second; the first one runs. */
static void three_busy(void)
{
    for (int i = 0; i < 3; i++) {
        add(&groups[i], FOREVER, 0);
    }
    simulate(0, SECOND);
}

static void turns_are_short_while_one_waits_that_woke(void **state)
{
    three_busy();
    assert_true(policy_next_look(&queue, SECOND) - queue.running->started_ns == POLICY_SLICE_NS);
    add(&groups[3], FOREVER, 0);
    put(3, SECOND, true);
    assert_true(policy_next_look(&queue, SECOND) - queue.running->started_ns <=
                MAX(POLICY_SLICE_MIN_NS, SECOND - queue.running->started_ns));
    queue.rate_limit_ns = 20 * MS;
    assert_true(policy_next_look(&queue, SECOND) - queue.running->started_ns == 20 * MS);
}

static void who_woke_goes_before_one_that_was_left_behind_elsewhere(void **state)
{
    struct sched_unit *moved, *woken;

    three_busy();
    policy_stop(&queue);
    for (int i = 3; i < 5; i++) {
        add(&groups[i], FOREVER, 0)->unit.virtual_time = queue.floor - SECOND;
    }
    moved = put(3, SECOND, false);
    woken = put(4, SECOND, true);
    assert_true((int64_t)(moved->virtual_time - woken->virtual_time) < 0);
    assert_ptr_equal(policy_pick(&queue, SECOND), woken);
    policy_charge(&queue, SECOND + MS);
    policy_stop(&queue);
    put(4, SECOND + MS, false);
    assert_ptr_equal(policy_pick(&queue, SECOND + MS), woken);
    policy_charge(&queue, SECOND + 8 * MS);
    policy_stop(&queue);
    put(4, SECOND + 8 * MS, false);
    assert_ptr_equal(policy_pick(&queue, SECOND + 8 * MS), moved);
    assert_true(queue.floor - moved->virtual_time == POLICY_DRIFT_NS);
}

static bool any(const struct sched_unit *unit, void *data)
{
    return true;
}

/* It runs here within a moment; there it would be one of those that were left behind. */
static void a_busy_cpu_takes_nobody_that_just_woke(void **state)
{
    struct run_queue other;
    struct sched_unit *woken, busy;

    three_busy();
    policy_init_queue(&other, &front);
    policy_init_unit(&busy, &groups[5]);
    add(&groups[3], FOREVER, 0);
    woken = put(3, SECOND, true);
    assert_ptr_equal(policy_to_move(&queue, &other, any, NULL), woken);
    other.offset = queue.floor + queue.offset + 9 * MS;
    policy_enqueue(&other, &busy, SECOND, false);
    assert_null(policy_to_move(&queue, &other, any, NULL));
    other.offset += 20 * MS;
    assert_non_null(policy_to_move(&queue, &other, any, NULL));
    assert_ptr_not_equal(policy_to_move(&queue, &other, any, NULL), woken);
}

static void yield_lets_the_next_one_go_first(void **state)
{
    bool look = false;

    add(&groups[0], FOREVER, 0);
    add(&groups[1], FOREVER, 0);
    wake(&actors[0], 100, &look);
    wake(&actors[1], 100, &look);
    struct sched_unit *first = policy_pick(&queue, 100);
    policy_charge(&queue, 200);
    policy_yield(&queue);
    policy_stop(&queue);
    policy_enqueue(&queue, first, 200, false);
    assert_ptr_not_equal(policy_pick(&queue, 200), first);
}

static void the_rate_limit_delays_preemption(void **state)
{
    bool look = false;

    add(&groups[0], FOREVER, 0);
    add(&groups[1], FOREVER, 0);
    wake(&actors[0], 0, &look);
    assert_true(look);
    assert_non_null(policy_pick(&queue, 0));
    policy_charge(&queue, MS / 2);
    assert_true(policy_keeps(&queue, MS / 2));
    assert_true(policy_kept_until(&queue) == MS);
    assert_false(policy_keeps(&queue, MS));
    queue.rate_limit_ns = 0;
    assert_false(policy_keeps(&queue, MS / 2));
}

static void random_loads_lose_no_time(void **state)
{
    uint64_t total = 0;

    srand(7);
    add(&groups[0], FOREVER, 0);
    for (int i = 1; i < MOST; i++) {
        groups[i].weight = 1U + (unsigned int)rand() % 1000;
        add(&groups[i], 1 + (uint64_t)rand() % (20 * MS), (uint64_t)rand() % (50 * MS));
    }
    simulate(0, 20 * SECOND);
    for (int i = 0; i < MOST; i++) {
        total += actors[i].got;
    }
    assert_true(total == 20 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(equal_busy_domains_get_equal_shares, start),
        cmocka_unit_test_setup(shares_follow_weights, start),
        cmocka_unit_test_setup(the_extremes_of_weight_work, start),
        cmocka_unit_test_setup(a_domain_gets_no_more_for_having_more_vcpus, start),
        cmocka_unit_test_setup(a_waking_vcpu_preempts_busy_ones_soon, start),
        cmocka_unit_test_setup(a_sleeper_cannot_save_up, start),
        cmocka_unit_test_setup(a_new_vcpu_does_not_wait_for_old_ones_to_be_caught_up, start),
        cmocka_unit_test_setup(a_cap_holds_on_an_idle_cpu, start),
        cmocka_unit_test_setup(a_cap_holds_for_all_vcpus_of_a_domain, start),
        cmocka_unit_test_setup(a_small_cap_holds_in_the_long_run, start),
        cmocka_unit_test_setup(a_capped_sleeper_gets_its_cap_again, start),
        cmocka_unit_test_setup(a_heavy_vcpu_does_not_share_the_credit_of_a_light_one, start),
        cmocka_unit_test_setup(credits_do_not_add_up, start),
        cmocka_unit_test_setup(what_a_cap_keeps_back_is_lost, start),
        cmocka_unit_test_setup(turns_are_short_while_one_waits_that_woke, start),
        cmocka_unit_test_setup(who_woke_goes_before_one_that_was_left_behind_elsewhere, start),
        cmocka_unit_test_setup(a_busy_cpu_takes_nobody_that_just_woke, start),
        cmocka_unit_test_setup(yield_lets_the_next_one_go_first, start),
        cmocka_unit_test_setup(the_rate_limit_delays_preemption, start),
        cmocka_unit_test_setup(random_loads_lose_no_time, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
