// SPDX-License-Identifier: Apache-2.0
// What control software and guests may choose: affinity, weight, cap; and a dump of it all.
#include "abi/errno.h"
#include "base/log.h"
#include "sched/internal.h"
#include "sched/record.h"
#include "time/time.h"

/* If the vCPU waits it does so no more, and is to be woken. Its home, `c`, is locked. */
static void stop_waiting(struct cpu_sched *c, struct vcpu_sched *s)
{
    if (s->unit.state == UNIT_WAITING || s->unit.state == UNIT_PARKED) {
        policy_dequeue(&c->queue, &s->unit);
        __atomic_sub_fetch(&s->unit.group->active, 1, __ATOMIC_RELAXED);
    }
}

/*
 * What the vCPU's place depends on has changed; `c`, its home, is locked, and let go. If it waits
 * it finds its place anew, if it runs where it may not it is sent away.
 */
static void unlock_and_move(struct cpu_sched *c, struct vcpu_sched *s)
{
    bool misplaced = (sched_allowed(s) >> sched_home(s) & 1) == 0;
    bool runs = s->unit.state == UNIT_RUNNING;
    unsigned int home = sched_home(s);

    stop_waiting(c, s);
    spin_unlock(&c->lock);
    if (runs && misplaced) {
        cpu_raise(home, WORK_SCHEDULE);
    } else if (!runs) {
        sched_wake(s->vcpu);
    }
}

void sched_review_place(struct vcpu *v)
{
    struct cpu_sched *c = sched_lock_home(v->sched);

    if ((sched_allowed(v->sched) >> sched_home(v->sched) & 1) != 0) {
        spin_unlock(&c->lock);
    } else {
        unlock_and_move(c, v->sched);
    }
}

int sched_set_hard_affinity(struct vcpu *v, uint64_t hard)
{
    struct vcpu_sched *s = v->sched;
    struct cpu_sched *c;
    int error = 0;

    if ((hard & cpus_online()) == 0) {
        return -EINVAL;
    }
    c = sched_lock_home(s);
    if (s->overridden) {
        error = -EBUSY;
    } else {
        WRITE_ONCE(s->hard_affinity, hard);
        sched_record_affinity(s, hard);
    }
    unlock_and_move(c, s);
    return error;
}

int sched_set_soft_affinity(struct vcpu *v, uint64_t soft)
{
    struct cpu_sched *c = sched_lock_home(v->sched);

    WRITE_ONCE(v->sched->soft_affinity, soft);
    unlock_and_move(c, v->sched);
    return 0;
}

uint64_t sched_hard_affinity(struct vcpu *v)
{
    struct cpu_sched *c = sched_lock_home(v->sched);
    uint64_t hard = v->sched->overridden ? v->sched->saved_affinity : v->sched->hard_affinity;

    spin_unlock(&c->lock);
    return hard;
}

uint64_t sched_soft_affinity(struct vcpu *v)
{
    return READ_ONCE(v->sched->soft_affinity);
}

static int begin_override(struct vcpu_sched *s, unsigned int cpu)
{
    struct cpu_sched *c;
    int error = 0;

    if (cpu >= MAX_CPUS || (cpus_online() >> cpu & 1) == 0) {
        return -EINVAL;
    }
    c = sched_lock_home(s);
    if (s->overridden) {
        error = -EBUSY;
    } else {
        s->saved_affinity = s->hard_affinity;
        WRITE_ONCE(s->hard_affinity, 1ULL << cpu);
        s->overridden = true;
        sched_record_affinity(s, s->hard_affinity);
    }
    unlock_and_move(c, s);
    return error;
}

static int end_override(struct vcpu_sched *s)
{
    struct cpu_sched *c = sched_lock_home(s);
    int error = s->overridden ? 0 : -EINVAL;

    if (s->overridden) {
        WRITE_ONCE(s->hard_affinity, s->saved_affinity);
        s->overridden = false;
        sched_record_affinity(s, s->hard_affinity);
    }
    unlock_and_move(c, s);
    return error;
}

int sched_pin_override(struct vcpu *v, int32_t cpu)
{
    return cpu < 0 ? end_override(v->sched) : begin_override(v->sched, (unsigned int)cpu);
}

void sched_end_override(struct vcpu *v)
{
    (void)end_override(v->sched);
}

/* Those that wait do so as long as the new weight, or cap, says. */
static void change_vcpu(struct vcpu_sched *s, uint32_t old_weight)
{
    struct cpu_sched *c = sched_lock_home(s);

    policy_charge(&c->queue, time_now_ns());
    stop_waiting(c, s);
    policy_rescale(&c->queue, &s->unit, old_weight);
    unlock_and_move(c, s);
}

int sched_set_params(struct domain *d, uint32_t weight, uint32_t cap)
{
    struct sched_group *group = &domain_sched(d)->group;
    uint32_t old_weight = READ_ONCE(group->weight);

    if (weight == 0 || weight > POLICY_WEIGHT_MAX) {
        return -EINVAL;
    }
    WRITE_ONCE(group->weight, weight);
    if (READ_ONCE(group->cap) != cap) {
        /* The first period begins at once, and with a whole budget. */
        WRITE_ONCE(group->period_end, 0);
        WRITE_ONCE(group->budget_ns, 0);
        WRITE_ONCE(group->cap, cap);
    }
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = READ_ONCE(d->vcpus[i]);
        if (v) {
            change_vcpu(v->sched, old_weight);
        }
    }
    return 0;
}

void sched_get_params(struct domain *d, uint32_t *weight, uint32_t *cap)
{
    *weight = READ_ONCE(domain_sched(d)->group.weight);
    *cap = READ_ONCE(domain_sched(d)->group.cap);
}

static void dump_unit(const char *what, const struct sched_unit *unit, uint64_t floor)
{
    const struct vcpu_sched *s = container_of(unit, struct vcpu_sched, unit);

    log_always("    %s d%uv%u weight %u cap %u ahead %ld us", what, s->vcpu->domain->id,
               s->vcpu->id, unit->group->weight, unit->group->cap,
               (long)(int64_t)(unit->virtual_time - floor) / (long)NS_PER_US);
}

void sched_dump(void)
{
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        struct cpu_sched *c = cpu_sched(cpu);
        struct list *item;

        spin_lock(&c->lock);
        log_always("CPU %u: load %u", cpu, c->queue.load);
        if (c->queue.running) {
            dump_unit("runs", c->queue.running, c->queue.floor);
        }
        list_for_each(item, &c->queue.waiting)
        {
            dump_unit("waits", container_of(item, struct sched_unit, link), c->queue.floor);
        }
        list_for_each(item, &c->queue.parked)
        {
            dump_unit("capped", container_of(item, struct sched_unit, link), c->queue.floor);
        }
        spin_unlock(&c->lock);
    }
}
