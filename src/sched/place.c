// SPDX-License-Identifier: Apache-2.0
// Where vCPUs run: the CPU for one that wakes, and work for a CPU that has none.
//
// Other queues are looked at without their locks; what is seen may be old by the time it counts. A
// wrong guess costs a moment's delay, never a vCPU.
#include "sched/internal.h"
#include "time/time.h"

/* How often a busy CPU compares itself with the others. */
#define BALANCE_NS (10 * NS_PER_MS)

static uint32_t load_of(unsigned int cpu)
{
    return READ_ONCE(cpu_sched(cpu)->queue.load);
}

/* The CPU of the set with the least to do; the set is not empty. `first` wins among equals. */
static unsigned int least_loaded(uint64_t set, unsigned int first)
{
    unsigned int best = (unsigned int)__builtin_ctzll(set);

    if ((set >> first & 1) != 0) {
        best = first;
    }
    for (; set != 0; set &= set - 1) {
        unsigned int cpu = (unsigned int)__builtin_ctzll(set);
        if (load_of(cpu) < load_of(best)) {
            best = cpu;
        }
    }
    return best;
}

static uint64_t idle_cpus(void)
{
    return __atomic_load_n(&sched_idle_cpus, __ATOMIC_SEQ_CST);
}

/* An idle CPU that it does not like is better than waiting for one that it does. */
unsigned int sched_place(const struct vcpu_sched *s)
{
    uint64_t allowed, liked;
    unsigned int best;

    if (cpu_count == 1) {
        return 0;
    }
    allowed = sched_allowed(s);
    liked = allowed & READ_ONCE(s->soft_affinity);
    best = least_loaded(liked != 0 ? liked : allowed, sched_home(s));
    if (load_of(best) == 0 || (allowed & idle_cpus()) == 0) {
        return best;
    }
    return least_loaded(allowed, best);
}

int sched_idle_helper(const struct cpu_sched *c)
{
    uint64_t idle = cpu_count > 1 ? idle_cpus() : 0;
    struct list *item;

    if (idle == 0) {
        return -1;
    }
    list_for_each(item, &c->queue.waiting)
    {
        const struct sched_unit *unit = container_of(item, struct sched_unit, link);
        uint64_t may = sched_allowed(container_of(unit, struct vcpu_sched, unit)) & idle;
        if (may != 0) {
            return __builtin_ctzll(may);
        }
    }
    return -1;
}

void sched_say_idle(unsigned int cpu, bool idle)
{
    struct cpu_sched *c = cpu_sched(cpu);

    if (cpu_count == 1 || c->says_idle == idle) {
        return;
    }
    c->says_idle = idle;
    if (idle) {
        __atomic_fetch_or(&sched_idle_cpus, 1ULL << cpu, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_and(&sched_idle_cpus, ~(1ULL << cpu), __ATOMIC_SEQ_CST);
    }
}

struct move {
    unsigned int to;
    bool must_like; /* a move for balance only, not to give an idle CPU work */
};

static bool may_move(const struct sched_unit *unit, void *data)
{
    const struct vcpu_sched *s = container_of(unit, struct vcpu_sched, unit);
    const struct move *move = data;
    uint64_t set = sched_allowed(s);

    if (move->must_like && (s->soft_affinity & set) != 0) {
        set &= s->soft_affinity;
    }
    return (set >> move->to & 1) != 0;
}

/* Take a vCPU that waits at `from`. */
static struct vcpu_sched *take(unsigned int from, struct move move)
{
    struct cpu_sched *c = cpu_sched(from);
    const struct run_queue *to = &cpu_sched(move.to)->queue;
    struct sched_unit *unit;
    struct vcpu_sched *s = NULL;

    spin_lock(&c->lock);
    unit = policy_to_move(&c->queue, to, may_move, &move);
    if (unit) {
        s = container_of(unit, struct vcpu_sched, unit);
        policy_dequeue(&c->queue, unit);
        policy_translate(unit, &c->queue, to, false);
        __atomic_sub_fetch(&unit->group->active, 1, __ATOMIC_RELAXED);
        sched_move_home(s, move.to);
    }
    spin_unlock(&c->lock);
    return s;
}

/* The CPU of the set with most to do, if one has more than it can run; -1. */
static int most_loaded(uint64_t set)
{
    uint32_t most = 1;
    int best = -1;

    for (; set != 0; set &= set - 1) {
        int cpu = __builtin_ctzll(set);
        if (load_of((unsigned int)cpu) > most) {
            most = load_of((unsigned int)cpu);
            best = cpu;
        }
    }
    return best;
}

static struct vcpu_sched *take_for_idle(unsigned int cpu)
{
    uint64_t others = cpus_online() & ~(1ULL << cpu);
    struct vcpu_sched *s = NULL;
    int from;

    while (!s && (from = most_loaded(others)) >= 0) {
        s = take((unsigned int)from, (struct move){.to = cpu});
        others &= ~(1ULL << from);
    }
    return s;
}

/* Each search begins elsewhere, so that no CPU is always the last to be helped. */
static struct vcpu_sched *take_for_balance(unsigned int cpu)
{
    struct cpu_sched *c = cpu_sched(cpu);
    struct vcpu_sched *s = NULL;

    c->balance_from = (c->balance_from + 1) % cpu_count;
    for (unsigned int i = 0; i < cpu_count && !s; i++) {
        unsigned int from = (c->balance_from + i) % cpu_count;
        if (from != cpu && policy_may_lag(&cpu_sched(from)->queue, &c->queue)) {
            s = take(from, (struct move){.to = cpu, .must_like = true});
        }
    }
    return s;
}

struct vcpu_sched *sched_steal(unsigned int cpu, bool idle)
{
    if ((cpus_online() >> cpu & 1) == 0) {
        return NULL;
    }
    return idle ? take_for_idle(cpu) : take_for_balance(cpu);
}

uint64_t sched_next_balance(unsigned int cpu)
{
    return cpu_count == 1 ? UINT64_MAX : READ_ONCE(cpu_sched(cpu)->next_balance_ns);
}

bool sched_balance_due(unsigned int cpu)
{
    struct cpu_sched *c = cpu_sched(cpu);
    uint64_t now;

    if (cpu_count == 1 || load_of(cpu) == 0) {
        return false;
    }
    now = time_now_ns();
    if (now < c->next_balance_ns) {
        return false;
    }
    WRITE_ONCE(c->next_balance_ns, now + BALANCE_NS);
    return true;
}
