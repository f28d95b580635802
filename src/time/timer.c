// SPDX-License-Identifier: Apache-2.0
// Timers: a heap a CPU, and the alarm that follows its first member.
#include "time/timer.h"

#include "abi/errno.h"
#include "arch/clock.h"
#include "base/cpu.h"
#include "base/lock.h"
#include "memory/allocator.h"
#include "time/time.h"
#include "time/vcpu_time.h"

/* struct cpu's `timers`. Legend: [q] guarded by `lock`. */
struct timer_queue {
    spinlock_t lock;
    struct heap heap;      /* [q] */
    struct timer *running; /* [q] whose function is being called */
    uint64_t alarm_ns;     /* [c] what the alarm was set to last; only this CPU touches it */
    bool draining;         /* [c] run_timers() sets the alarm when it is done */
};

static struct timer_queue *queue_of(unsigned int cpu)
{
    return cpus[cpu]->timers;
}

static struct timer_queue *lock_queue(const struct timer *t)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(t->cpu);
        struct timer_queue *q = queue_of(cpu);

        spin_lock(&q->lock);
        if (likely(t->cpu == cpu)) {
            return q;
        }
        spin_unlock(&q->lock); /* it moved to another CPU meanwhile */
    }
}

static uint64_t first_expiry(const struct timer_queue *q)
{
    return heap_empty(&q->heap) ? UINT64_MAX : heap_first(&q->heap)->key;
}

/* Set this CPU's alarm for its first timer. The queue's lock is held. */
static void set_alarm(struct timer_queue *q)
{
    uint64_t first = first_expiry(q);

    if (first != q->alarm_ns) {
        q->alarm_ns = first;
        arch_set_alarm(first == UINT64_MAX ? UINT64_MAX : time_to_tsc(first));
    }
}

/* The first timer of `cpu` is another one now. An alarm can be set only by its own CPU. */
static void first_changed(struct timer_queue *q, unsigned int cpu)
{
    if (q != this_cpu()->timers) {
        cpu_raise(cpu, WORK_TIMER);
    } else if (!q->draining) {
        set_alarm(q);
    }
}

static void take_off(struct timer_queue *q, struct timer *t)
{
    if (t->queued) {
        heap_remove(&q->heap, &t->node);
        t->queued = false;
    }
}

void timer_init(struct timer *t, void (*fn)(void *data), void *data, unsigned int cpu)
{
    *t = (struct timer){.fn = fn, .data = data, .cpu = cpu};
}

/* Take the timer off or give it another time, and let the alarm follow. The lock is held. */
static void requeue(struct timer_queue *q, struct timer *t, uint64_t expires_ns)
{
    uint64_t before = first_expiry(q);

    if (!t->queued && expires_ns > INT64_MAX) {
        return;
    }
    take_off(q, t);
    if (!t->dead && expires_ns <= INT64_MAX) {
        heap_insert(&q->heap, &t->node, expires_ns);
        t->queued = true;
    }
    if (first_expiry(q) != before) {
        first_changed(q, t->cpu);
    }
}

/* A timer of a CPU that has gone offline runs on another one. */
#define REFUGE 0

void timer_set(struct timer *t, uint64_t expires_ns)
{
    struct timer_queue *q;

    if (unlikely(!cpu_is_online(READ_ONCE(t->cpu)))) {
        timer_migrate(t, REFUGE);
    }
    q = lock_queue(t);
    requeue(q, t, expires_ns);
    spin_unlock(&q->lock);
}

void timer_stop(struct timer *t)
{
    timer_set(t, UINT64_MAX);
}

void timer_kill(struct timer *t)
{
    struct timer_queue *q;

    if (!t->fn) {
        return;
    }
    q = lock_queue(t);
    t->dead = true;
    requeue(q, t, UINT64_MAX);
    spin_unlock(&q->lock);
    while (READ_ONCE(q->running) == t && q != this_cpu()->timers) {
        cpu_relax();
    }
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    struct timer_queue *q;
    uint64_t expires = UINT64_MAX;

    if (READ_ONCE(t->cpu) == cpu) {
        return;
    }
    q = lock_queue(t);
    if (t->queued) {
        expires = t->node.key;
        requeue(q, t, UINT64_MAX);
    }
    WRITE_ONCE(t->cpu, cpu);
    spin_unlock(&q->lock);
    if (expires != UINT64_MAX) {
        timer_set(t, expires);
    }
}

void timers_move_all(unsigned int from, unsigned int to)
{
    struct timer_queue *q = queue_of(from);

    for (;;) {
        struct heap_node *first;

        spin_lock(&q->lock);
        first = heap_first(&q->heap);
        spin_unlock(&q->lock);
        if (!first) {
            return;
        }
        timer_migrate(container_of(first, struct timer, node), to);
    }
}

bool timer_is_set(const struct timer *t)
{
    return READ_ONCE(t->queued);
}

uint64_t timer_expires(const struct timer *t)
{
    return timer_is_set(t) ? READ_ONCE(t->node.key) : UINT64_MAX;
}

/* The first timer that is due, marked as running; NULL when none is. The queue's lock is held. */
static struct timer *take_due(struct timer_queue *q, uint64_t now)
{
    struct timer *t = NULL;

    if (first_expiry(q) <= now && !heap_empty(&q->heap)) {
        t = container_of(heap_first(&q->heap), struct timer, node);
        take_off(q, t);
    }
    WRITE_ONCE(q->running, t);
    return t;
}

/* The CPU's clock took another course: what the guest computes with follows. */
static void follow_clock(void)
{
    struct vcpu *v = current_vcpu();

    if (cpu_clock_follow() && v && v->time) {
        vcpu_time_refresh(v, time_now_ns());
    }
}

/* WORK_TIMER: run what is due, then set the alarm for what comes next. */
static void run_timers(void)
{
    struct timer_queue *q = this_cpu()->timers;
    struct timer *t;

    if (!q) {
        return;
    }
    if (unlikely(time_is_corrected())) {
        follow_clock();
    }
    spin_lock(&q->lock);
    q->draining = true;
    while ((t = take_due(q, time_now_ns())) != NULL) {
        spin_unlock(&q->lock);
        t->fn(t->data);
        spin_lock(&q->lock);
    }
    q->draining = false;
    q->alarm_ns = UINT64_MAX; /* it may have gone off, and early: see lapic_set_alarm() */
    set_alarm(q);
    spin_unlock(&q->lock);
}

void timers_init(void)
{
    cpu_register_work(WORK_TIMER, run_timers);
}

int timers_init_cpu(unsigned int cpu)
{
    struct timer_queue *q = heap_new(struct timer_queue);

    if (!q) {
        return -ENOMEM;
    }
    spin_init(&q->lock, RANK_TIMER);
    q->alarm_ns = UINT64_MAX;
    cpus[cpu]->timers = q;
    return 0;
}
