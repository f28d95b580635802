// SPDX-License-Identifier: Apache-2.0
// Proportional share by virtual time, and caps.
#include "sched/policy.h"

/* Virtual times wrap around: `a` is earlier than `b`. */
static bool earlier(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return earlier(a, b) ? b : a;
}

void policy_init_group(struct sched_group *group)
{
    *group = (struct sched_group){.weight = POLICY_WEIGHT_DEFAULT};
}

void policy_init_unit(struct sched_unit *unit, struct sched_group *group)
{
    *unit = (struct sched_unit){.group = group};
    list_init(&unit->link);
}

void policy_init_queue(struct run_queue *queue)
{
    *queue = (struct run_queue){0};
    list_init(&queue->waiting);
    list_init(&queue->parked);
}

/* ---- caps ----------------------------------------------------------------------------------- */

static uint64_t quota_ns(uint32_t cap)
{
    return POLICY_PERIOD_NS * cap / 100;
}

/* Begin a new period if it is time. Of CPUs that see it at once, one does it. */
static void refill(struct sched_group *group, uint64_t now)
{
    uint64_t end = READ_ONCE(group->period_end);
    int64_t quota = (int64_t)quota_ns(READ_ONCE(group->cap));
    uint64_t periods, next;
    int64_t left;

    if (now < end) {
        return;
    }
    periods = (now - end) / POLICY_PERIOD_NS + 1;
    next = end + periods * POLICY_PERIOD_NS;
    if (!__atomic_compare_exchange_n(&group->period_end, &end, next, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        return;
    }
    /* A debt is carried over, so a cap holds in the long run; savings are not. */
    periods = MIN(periods, 1000UL);
    left = __atomic_add_fetch(&group->budget_ns, (int64_t)periods * quota, __ATOMIC_ACQ_REL);
    if (left > quota) {
        __atomic_store_n(&group->budget_ns, quota, __ATOMIC_RELEASE);
    }
}

/* Whether the domain may not run until its next period. */
static bool spent(struct sched_group *group, uint64_t now)
{
    if (READ_ONCE(group->cap) == 0) {
        return false;
    }
    refill(group, now);
    return READ_ONCE(group->budget_ns) <= 0;
}

/* ---- the queue ------------------------------------------------------------------------------ */

static void raise_floor(struct run_queue *queue)
{
    uint64_t least;

    if (queue->running) {
        least = queue->running->virtual_time;
        if (!heap_empty(&queue->heap) && earlier(heap_first(&queue->heap)->key, least)) {
            least = heap_first(&queue->heap)->key;
        }
    } else if (!heap_empty(&queue->heap)) {
        least = heap_first(&queue->heap)->key;
    } else {
        return;
    }
    WRITE_ONCE(queue->floor, later_of(queue->floor, least));
}

static void insert_waiting(struct run_queue *queue, struct sched_unit *unit)
{
    WRITE_ONCE(unit->state, UNIT_WAITING);
    heap_insert(&queue->heap, &unit->node, unit->virtual_time);
    list_add_tail(&queue->waiting, &unit->link);
    WRITE_ONCE(queue->load, queue->load + 1);
}

static void park(struct run_queue *queue, struct sched_unit *unit)
{
    WRITE_ONCE(unit->state, UNIT_PARKED);
    list_add_tail(&queue->parked, &unit->link);
}

static void stop_waiting(struct run_queue *queue, struct sched_unit *unit, uint64_t now)
{
    heap_remove(&queue->heap, &unit->node);
    list_remove(&unit->link);
    WRITE_ONCE(queue->load, queue->load - 1);
    unit->recent_wait_ns += now - unit->queued_ns;
}

void policy_enqueue(struct run_queue *queue, struct sched_unit *unit, uint64_t now, bool woken)
{
    if (woken) {
        unit->virtual_time = later_of(unit->virtual_time, queue->floor - POLICY_BONUS_NS);
    }
    unit->queued_ns = now;
    if (spent(unit->group, now)) {
        park(queue, unit);
    } else {
        insert_waiting(queue, unit);
    }
}

void policy_dequeue(struct run_queue *queue, struct sched_unit *unit, uint64_t now)
{
    if (unit->state == UNIT_WAITING) {
        stop_waiting(queue, unit, now);
    } else {
        list_remove(&unit->link);
    }
    WRITE_ONCE(unit->state, UNIT_ASLEEP);
}

void policy_charge(struct run_queue *queue, uint64_t now)
{
    struct sched_unit *unit = queue->running;
    uint64_t ran, weight, parts;

    if (!unit || now <= unit->charged_ns) {
        return;
    }
    ran = now - unit->charged_ns;
    unit->charged_ns = now;
    weight = READ_ONCE(unit->group->weight);
    parts = ran * POLICY_WEIGHT_DEFAULT * MAX(READ_ONCE(unit->group->active), 1U);
    parts += unit->remainder;
    unit->virtual_time += parts / weight;
    unit->remainder = parts % weight;
    if (READ_ONCE(unit->group->cap) != 0) {
        refill(unit->group, now);
        __atomic_sub_fetch(&unit->group->budget_ns, (int64_t)ran, __ATOMIC_ACQ_REL);
    }
    raise_floor(queue);
}

void policy_stop(struct run_queue *queue)
{
    WRITE_ONCE(queue->running->state, UNIT_ASLEEP);
    queue->running = NULL;
    WRITE_ONCE(queue->load, queue->load - 1);
}

/* Units whose domain has a budget again may wait for the CPU with the others. */
static void unpark(struct run_queue *queue, uint64_t now)
{
    struct list *item, *following;

    list_for_each_safe(item, following, &queue->parked)
    {
        struct sched_unit *unit = container_of(item, struct sched_unit, link);
        if (!spent(unit->group, now)) {
            list_remove(&unit->link);
            unit->queued_ns = now;
            insert_waiting(queue, unit);
        }
    }
}

struct sched_unit *policy_pick(struct run_queue *queue, uint64_t now)
{
    unpark(queue, now);
    while (!heap_empty(&queue->heap)) {
        struct sched_unit *unit = container_of(heap_first(&queue->heap), struct sched_unit, node);
        stop_waiting(queue, unit, now);
        if (spent(unit->group, now)) {
            park(queue, unit);
            continue;
        }
        WRITE_ONCE(unit->state, UNIT_RUNNING);
        unit->started_ns = unit->charged_ns = now;
        queue->running = unit;
        WRITE_ONCE(queue->load, queue->load + 1);
        raise_floor(queue);
        return unit;
    }
    return NULL;
}

bool policy_keeps(const struct run_queue *queue, uint64_t now)
{
    const struct sched_unit *unit = queue->running;

    return now - unit->started_ns < queue->rate_limit_ns && !spent(unit->group, now);
}

bool policy_preempts(const struct run_queue *queue, const struct sched_unit *unit)
{
    if (unit->state != UNIT_WAITING) {
        return false;
    }
    return !queue->running ||
           earlier(unit->virtual_time + POLICY_MARGIN_NS, queue->running->virtual_time);
}

/* The earliest end of a period for which a parked unit waits. */
static uint64_t next_period(const struct run_queue *queue)
{
    uint64_t next = UINT64_MAX;
    struct list *item;

    list_for_each(item, &queue->parked)
    {
        const struct sched_unit *unit = container_of(item, struct sched_unit, link);
        next = MIN(next, READ_ONCE(unit->group->period_end));
    }
    return next;
}

/* How long the running unit may use the CPU, counted from when it got it. */
static uint64_t slice_ns(const struct run_queue *queue)
{
    return heap_empty(&queue->heap) ? POLICY_ALONE_NS : MAX(POLICY_SLICE_NS, queue->rate_limit_ns);
}

/* How long its domain's budget lasts if all its units run; never nothing, debts are carried over.
 */
static uint64_t budget_left_ns(const struct sched_group *group)
{
    int64_t left = READ_ONCE(group->budget_ns) / (int64_t)MAX(READ_ONCE(group->active), 1U);

    return left < (int64_t)POLICY_MARGIN_NS ? POLICY_MARGIN_NS : (uint64_t)left;
}

uint64_t policy_next_look(const struct run_queue *queue, uint64_t now)
{
    const struct sched_unit *unit = queue->running;
    uint64_t next = next_period(queue);

    if (unit) {
        next = MIN(next, unit->started_ns + slice_ns(queue));
        if (READ_ONCE(unit->group->cap) != 0) {
            next = MIN(next, now + budget_left_ns(unit->group));
        }
    }
    return MAX(next, now);
}

uint64_t policy_kept_until(const struct run_queue *queue)
{
    return queue->running->started_ns + queue->rate_limit_ns;
}

void policy_yield(struct run_queue *queue)
{
    struct sched_unit *unit = queue->running;

    if (!heap_empty(&queue->heap)) {
        unit->virtual_time = later_of(unit->virtual_time, heap_first(&queue->heap)->key + 1);
    }
}

void policy_translate(struct sched_unit *unit, const struct run_queue *from,
                      const struct run_queue *to)
{
    unit->virtual_time += READ_ONCE(to->floor) - READ_ONCE(from->floor);
}

struct sched_unit *policy_to_move(struct run_queue *queue, uint64_t now,
                                  bool (*allowed)(const struct sched_unit *unit, void *data),
                                  void *data)
{
    struct sched_unit *best = NULL;
    uint64_t best_wait = UINT64_MAX;
    struct list *item;

    list_for_each(item, &queue->waiting)
    {
        struct sched_unit *unit = container_of(item, struct sched_unit, link);
        uint64_t wait = unit->recent_wait_ns + (now - unit->queued_ns);
        unit->recent_wait_ns /= 2;
        if (wait < best_wait && allowed(unit, data)) {
            best = unit;
            best_wait = wait;
        }
    }
    return best;
}
