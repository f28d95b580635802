// SPDX-License-Identifier: Apache-2.0
// Where vCPUs run: the CPU for one that wakes, and work for a CPU that has none.
//
// Other queues are looked at without their locks; what is seen may be old by the time it counts. A
// wrong guess costs a moment's delay, never a vCPU.
#include "sched/internal.h"
#include "time/time.h"

/* How often a busy CPU compares itself with the others. */
#define BALANCE_NS (30 * NS_PER_MS)

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
    /* An idle CPU that it does not like is better than waiting for one that it does. */
    return load_of(best) == 0 ? best : least_loaded(allowed, best);
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
    struct sched_unit *unit;
    struct vcpu_sched *s = NULL;
    uint64_t now = time_now_ns();

    spin_lock(&c->lock);
    unit = policy_to_move(&c->queue, now, may_move, &move);
    if (unit) {
        s = container_of(unit, struct vcpu_sched, unit);
        policy_dequeue(&c->queue, unit, now);
        policy_translate(unit, &c->queue, &cpu_sched(move.to)->queue);
        __atomic_sub_fetch(&unit->group->active, 1, __ATOMIC_RELAXED);
        sched_move_home(s, move.to);
    }
    spin_unlock(&c->lock);
    return s;
}

struct vcpu_sched *sched_steal(unsigned int cpu, bool idle)
{
    struct cpu_sched *c = cpu_sched(cpu);
    uint32_t own_load = load_of(cpu);

    /* Each search begins elsewhere, so that no CPU is always the last to be helped. */
    c->balance_from = (c->balance_from + 1) % cpu_count;
    for (unsigned int i = 0; i < cpu_count; i++) {
        unsigned int from = (c->balance_from + i) % cpu_count;
        struct vcpu_sched *s;

        /*
         * Of a CPU with one more than this one has, one is taken too: an odd vCPU out takes turns
         * among CPUs, and all of them come to their share.
         */
        if (from == cpu || load_of(from) <= own_load || (!idle && load_of(from) < 2)) {
            continue;
        }
        s = take(from, (struct move){.to = cpu, .must_like = !idle});
        if (s) {
            return s;
        }
    }
    return NULL;
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
    c->next_balance_ns = now + BALANCE_NS;
    return true;
}
