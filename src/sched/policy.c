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

void policy_init_queue(struct run_queue *queue, uint64_t *front)
{
    *queue = (struct run_queue){.front = front};
    list_init(&queue->waiting);
    list_init(&queue->parked);
}

/* By how much the unit's virtual time grows with `ns` of CPU time. */
static uint64_t virtual_of(const struct sched_unit *unit, uint64_t ns)
{
    const struct sched_group *group = unit->group;

    return ns * POLICY_WEIGHT_DEFAULT * MAX(READ_ONCE(group->active), 1U) /
           READ_ONCE(group->weight);
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

/* The bound on drift, where light and heavy units meet that of the light. */
static uint64_t drift_of(const struct run_queue *queue)
{
    uint64_t runs = virtual_of(queue->running, POLICY_DRIFT_NS), waits;

    if (heap_empty(&queue->heap)) {
        return runs;
    }
    waits = virtual_of(container_of(heap_first(&queue->heap), struct sched_unit, node),
                       POLICY_DRIFT_NS);
    return MAX(runs, waits);
}

static bool is_adrift(const struct run_queue *queue, int64_t lead)
{
    int64_t most = (int64_t)drift_of(queue);

    return lead < -most || lead > most;
}

/*
 * The queue's virtual time takes part in that of all CPUs. Where units wait it pushes the front;
 * one that is too far behind joins it, as does one too far ahead where nobody waits: there it only
 * says how little the CPU is asked for.
 */
static void follow_front(struct run_queue *queue)
{
    uint64_t here = queue->floor + queue->offset;
    uint64_t front = __atomic_load_n(queue->front, __ATOMIC_RELAXED);
    int64_t lead = (int64_t)(here - front);

    if (lead > 0 && !heap_empty(&queue->heap)) {
        __atomic_store_n(queue->front, here, __ATOMIC_RELAXED);
    } else if (lead != 0 && is_adrift(queue, lead)) {
        WRITE_ONCE(queue->offset, queue->offset - (uint64_t)lead);
    }
}

/* The least virtual time there; it may be below the floor, as bonuses are. */
static uint64_t least_of(const struct run_queue *queue)
{
    const struct heap_node *first = heap_first(&queue->heap);

    if (!queue->running) {
        return first ? first->key : queue->floor;
    }
    return first && earlier(first->key, queue->running->virtual_time)
               ? first->key
               : queue->running->virtual_time;
}

static void raise_floor(struct run_queue *queue)
{
    WRITE_ONCE(queue->floor, later_of(queue->floor, least_of(queue)));
    follow_front(queue);
}

/*
 * When the unit's turn is. One that is behind by more than any that wakes may be comes from another
 * CPU, where it was left behind: it goes before the busy, but those who woke go first.
 */
static uint64_t turn_of(const struct run_queue *queue, const struct sched_unit *unit)
{
    if (earlier(unit->virtual_time, queue->floor - POLICY_BONUS)) {
        return queue->floor - POLICY_BONUS / 2;
    }
    return unit->virtual_time;
}

static void insert_waiting(struct run_queue *queue, struct sched_unit *unit)
{
    if (queue->load == 0) {
        WRITE_ONCE(queue->floor, later_of(queue->floor, unit->virtual_time));
    }
    WRITE_ONCE(unit->state, UNIT_WAITING);
    heap_insert(&queue->heap, &unit->node, turn_of(queue, unit));
    list_add_tail(&queue->waiting, &unit->link);
    WRITE_ONCE(queue->load, queue->load + 1);
}

static void park(struct run_queue *queue, struct sched_unit *unit)
{
    WRITE_ONCE(unit->state, UNIT_PARKED);
    list_add_tail(&queue->parked, &unit->link);
}

static void stop_waiting(struct run_queue *queue, struct sched_unit *unit)
{
    heap_remove(&queue->heap, &unit->node);
    list_remove(&unit->link);
    WRITE_ONCE(queue->load, queue->load - 1);
}

/*
 * Neither credit nor debt goes beyond bounds; they may, where the unit slept, came from elsewhere,
 * or has another weight than before. They are bounded against the floor, not against others that
 * have a credit: so credits do not add up. In an empty queue nobody is kept waiting for debts.
 */
static void bound(const struct run_queue *queue, struct sched_unit *unit, uint64_t credit,
                  uint64_t debt_ns)
{
    unit->virtual_time = later_of(unit->virtual_time, queue->floor - credit);
    if (queue->load != 0 && earlier(queue->floor, unit->virtual_time)) {
        uint64_t latest = queue->floor + virtual_of(unit, debt_ns);

        unit->virtual_time = earlier(latest, unit->virtual_time) ? latest : unit->virtual_time;
    }
}

/* What a unit that did not sleep may be behind by. */
static uint64_t lag_of(const struct sched_unit *unit)
{
    return MAX(virtual_of(unit, POLICY_DRIFT_NS), POLICY_BONUS);
}

void policy_enqueue(struct run_queue *queue, struct sched_unit *unit, uint64_t now, bool woken)
{
    if (woken) {
        bound(queue, unit, POLICY_BONUS, POLICY_DRIFT_NS);
    } else {
        bound(queue, unit, lag_of(unit), POLICY_DEBT_NS);
    }
    if (spent(unit->group, now)) {
        park(queue, unit);
    } else {
        insert_waiting(queue, unit);
    }
}

void policy_dequeue(struct run_queue *queue, struct sched_unit *unit)
{
    if (unit->state == UNIT_WAITING) {
        stop_waiting(queue, unit);
    } else {
        list_remove(&unit->link);
    }
    WRITE_ONCE(unit->state, UNIT_ASLEEP);
}

void policy_rescale(const struct run_queue *queue, struct sched_unit *unit, uint32_t old_weight)
{
    int64_t lead = (int64_t)(unit->virtual_time - queue->floor);

    /* What sleeps may be hours behind; it is bounded when it wakes, the product has to be now. */
    lead = MAX(MIN(lead, 1L << 44), -(1L << 44));
    lead = lead / (int64_t)READ_ONCE(unit->group->weight) * (int64_t)old_weight;
    unit->virtual_time = queue->floor + (uint64_t)lead;
}

struct sched_unit *policy_any(const struct run_queue *queue)
{
    const struct list *list = list_empty(&queue->waiting) ? &queue->parked : &queue->waiting;

    return list_empty(list) ? NULL : list_first(list, struct sched_unit, link);
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
            bound(queue, unit, lag_of(unit), POLICY_DEBT_NS);
            insert_waiting(queue, unit);
        }
    }
}

/* The unit that waits most deservedly, taken off the heap; NULL when none waits. */
static struct sched_unit *take_first(struct run_queue *queue, uint64_t now)
{
    while (!heap_empty(&queue->heap)) {
        struct sched_unit *unit = container_of(heap_first(&queue->heap), struct sched_unit, node);

        stop_waiting(queue, unit);
        if (!spent(unit->group, now)) {
            return unit;
        }
        park(queue, unit);
    }
    return NULL;
}

/* One that gives way is taken only if no other waits. */
static struct sched_unit *take_next(struct run_queue *queue, uint64_t now)
{
    struct sched_unit *first = take_first(queue, now), *second;

    if (!first || first != queue->gives_way) {
        return first;
    }
    second = take_first(queue, now);
    if (second) {
        insert_waiting(queue, first);
    }
    return second ? second : first;
}

struct sched_unit *policy_pick(struct run_queue *queue, uint64_t now)
{
    struct sched_unit *unit;

    unpark(queue, now);
    unit = take_next(queue, now);
    queue->gives_way = NULL;
    if (unit) {
        WRITE_ONCE(unit->state, UNIT_RUNNING);
        unit->started_ns = unit->charged_ns = now;
        queue->running = unit;
        WRITE_ONCE(queue->load, queue->load + 1);
        raise_floor(queue);
    }
    return unit;
}

bool policy_keeps(const struct run_queue *queue, uint64_t now)
{
    const struct sched_unit *unit = queue->running;

    return now - unit->started_ns < READ_ONCE(queue->rate_limit_ns) && !spent(unit->group, now);
}

bool policy_preempts(const struct run_queue *queue, const struct sched_unit *unit)
{
    if (unit->state != UNIT_WAITING) {
        return false;
    }
    return !queue->running || earlier(unit->virtual_time + virtual_of(unit, POLICY_MARGIN_NS),
                                      queue->running->virtual_time);
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

/*
 * How long the running unit may use the CPU, counted from when it got it. While one waits that is
 * behind the queue, as those are that woke, turns are the shortest: it waits no longer than that
 * for each that is before it.
 */
static uint64_t slice_ns(const struct run_queue *queue)
{
    const struct heap_node *first = heap_first(&queue->heap);
    uint64_t slice = POLICY_SLICE_MIN_NS;

    if (!first) {
        return POLICY_ALONE_NS;
    }
    if (!earlier(first->key, queue->floor)) {
        slice = MAX(MIN(POLICY_ROUND_NS / MAX(queue->load, 1U), POLICY_SLICE_NS), slice);
    }
    return MAX(slice, READ_ONCE(queue->rate_limit_ns));
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
    return queue->running->started_ns + READ_ONCE(queue->rate_limit_ns);
}

void policy_yield(struct run_queue *queue)
{
    queue->gives_way = queue->running;
}

/* ---- between CPUs --------------------------------------------------------------------------- */

/* How far `to`'s floor is ahead (negative: behind) of `from`'s, by all CPUs' time. */
static int64_t ahead(const struct run_queue *to, const struct run_queue *from)
{
    return (int64_t)(READ_ONCE(to->floor) + READ_ONCE(to->offset) - READ_ONCE(from->floor) -
                     READ_ONCE(from->offset));
}

/*
 * A queue where nobody waited for long has a virtual time of its own, which says nothing to the
 * unit: it stays as far ahead or behind as it is. One that wakes may do so too if that is better
 * for it, as it has not had what the others have had since it fell asleep.
 */
void policy_translate(struct sched_unit *unit, const struct run_queue *from,
                      const struct run_queue *to, bool woken)
{
    int64_t drift = ahead(to, from), most = (int64_t)virtual_of(unit, POLICY_DRIFT_NS);
    uint64_t lead = unit->virtual_time - READ_ONCE(from->floor);

    if (drift > most || drift < -most || (woken && drift < 0)) {
        drift = 0;
    }
    unit->virtual_time = READ_ONCE(to->floor) + lead - (uint64_t)drift;
}

/* Which units policy_to_move() may choose. */
struct choice {
    bool hurried; /* those too that are behind the queue */
    bool (*allowed)(const struct sched_unit *unit, void *data);
    void *data;
};

static bool suits(const struct run_queue *queue, const struct sched_unit *unit,
                  const struct choice *choice)
{
    return (choice->hurried || !earlier(unit->virtual_time, queue->floor)) &&
           choice->allowed(unit, choice->data);
}

/* The one whose turn is first, if it suits, as mostly it does; or the one that is farthest behind.
 */
static struct sched_unit *choose(const struct run_queue *queue, const struct choice *choice)
{
    struct sched_unit *best;
    struct list *item;

    if (heap_empty(&queue->heap)) {
        return NULL;
    }
    best = container_of(heap_first(&queue->heap), struct sched_unit, node);
    if (suits(queue, best, choice)) {
        return best;
    }
    best = NULL;
    list_for_each(item, &queue->waiting)
    {
        struct sched_unit *unit = container_of(item, struct sched_unit, link);
        if ((!best || earlier(unit->virtual_time, best->virtual_time)) &&
            suits(queue, unit, choice)) {
            best = unit;
        }
    }
    return best;
}

struct sched_unit *policy_to_move(const struct run_queue *queue, const struct run_queue *to,
                                  bool (*allowed)(const struct sched_unit *unit, void *data),
                                  void *data)
{
    struct choice choice = {READ_ONCE(to->load) == 0, allowed, data};
    struct sched_unit *unit = choose(queue, &choice);
    int64_t lag;

    if (!unit || choice.hurried) {
        return unit;
    }
    lag = ahead(to, queue) - (int64_t)(unit->virtual_time - queue->floor);
    return lag > (int64_t)virtual_of(unit, POLICY_LAG_NS) ? unit : NULL;
}

bool policy_may_lag(const struct run_queue *queue, const struct run_queue *to)
{
    return READ_ONCE(queue->load) > 1 && ahead(to, queue) > 0;
}
