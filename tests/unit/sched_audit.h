// SPDX-License-Identifier: Apache-2.0
// Whether the scheduler's records agree with each other: every vCPU is in exactly one place, counts
// are what a count from scratch finds, and nobody's credit or debt is out of bounds.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "sched/internal.h"
#include "time/time.h"

static inline void sched_must(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "scheduler's audit: %s\n", what);
        abort();
    }
}
#define SCHED_MUST(condition) sched_must((condition), #condition)

static inline unsigned int times_in_list(const struct list *list, const struct list *link)
{
    const struct list *item;
    unsigned int times = 0;

    list_for_each(item, list)
    {
        times += item == link;
    }
    return times;
}

static inline unsigned int members_of_heap(const struct heap_node *node)
{
    unsigned int count = 0;

    for (; node; node = node->sibling) {
        SCHED_MUST(!node->child || (int64_t)(node->child->key - node->key) >= 0);
        count += 1 + members_of_heap(node->child);
    }
    return count;
}

static inline void audit_queue(unsigned int cpu)
{
    const struct run_queue *queue = &cpu_sched(cpu)->queue;
    const struct list *item;
    unsigned int waiting = 0;

    list_for_each(item, &queue->waiting)
    {
        const struct sched_unit *unit = container_of(item, struct sched_unit, link);
        SCHED_MUST(unit->state == UNIT_WAITING);
        SCHED_MUST((int64_t)(unit->node.key - queue->heap.root->key) >= 0);
        SCHED_MUST(unit->node.key == unit->virtual_time ||
                   ((int64_t)(unit->node.key - unit->virtual_time) > 0 &&
                    (int64_t)(unit->node.key - queue->floor) < 0));
        waiting++;
    }
    list_for_each(item, &queue->parked)
    {
        SCHED_MUST(container_of(item, struct sched_unit, link)->state == UNIT_PARKED);
    }
    SCHED_MUST(members_of_heap(queue->heap.root) == waiting);
    SCHED_MUST(queue->load == waiting + (queue->running ? 1 : 0));
    SCHED_MUST(!queue->running || queue->running->state == UNIT_RUNNING);
}

/* Where the unit is: once in its home's queue, or nowhere. */
static inline void audit_unit(const struct vcpu_sched *s)
{
    unsigned int waits = 0, parked = 0, runs = 0;

    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        const struct run_queue *queue = &cpu_sched(cpu)->queue;
        bool home = s->home == cpu;

        waits += times_in_list(&queue->waiting, &s->unit.link) * (home ? 1 : 100);
        parked += times_in_list(&queue->parked, &s->unit.link) * (home ? 1 : 100);
        runs += (queue->running == &s->unit) * (home ? 1U : 100U);
    }
    SCHED_MUST(waits == (s->unit.state == UNIT_WAITING));
    SCHED_MUST(parked == (s->unit.state == UNIT_PARKED));
    SCHED_MUST(runs == (s->unit.state == UNIT_RUNNING));
}

/*
 * CPU time by which a unit that waits is ahead of its queue, or behind it: at most what the policy
 * leaves it when it begins to wait. More vCPUs of its domain may have been busy then.
 */
static inline void audit_credit(const struct vcpu_sched *s)
{
    const struct sched_unit *unit = &s->unit;
    const struct run_queue *queue = &cpu_sched(s->home)->queue;
    int64_t lead = (int64_t)(unit->virtual_time - queue->floor);
    uint64_t parts = (uint64_t)POLICY_WEIGHT_DEFAULT * s->vcpu->domain->max_vcpus;

    if (unit->state == UNIT_WAITING) {
        SCHED_MUST(lead <= (int64_t)(POLICY_DEBT_NS * parts / unit->group->weight));
        SCHED_MUST(lead >=
                   -(int64_t)MAX(POLICY_DRIFT_NS * parts / unit->group->weight, POLICY_BONUS));
    }
}

static inline void audit_states(const struct vcpu_sched *s, uint64_t born_ns)
{
    uint64_t total = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(s->runstate.info.time); i++) {
        total += s->runstate.info.time[i];
    }
    SCHED_MUST(s->runstate.info.state_entry_time <= time_now_ns());
    SCHED_MUST(total + born_ns == s->runstate.info.state_entry_time);
}

/* All of a domain that was made at `born_ns`. Nothing else happens meanwhile. */
static inline void audit_domain_sched(const struct domain *d, uint64_t born_ns)
{
    unsigned int active = 0;

    for (unsigned int id = 0; id < d->max_vcpus; id++) {
        const struct vcpu *v = d->vcpus[id];

        if (v) {
            audit_unit(v->sched);
            audit_credit(v->sched);
            audit_states(v->sched, born_ns);
            active += v->sched->unit.state != UNIT_ASLEEP;
        }
    }
    SCHED_MUST(!d->vcpus[0] || d->vcpus[0]->sched->domain->group.active == active);
}

/* The same once every CPU has done its work: who wants to run waits or runs, nobody else does. */
static inline void audit_settled(const struct domain *d)
{
    for (unsigned int id = 0; id < d->max_vcpus; id++) {
        const struct vcpu *v = d->vcpus[id];

        if (v) {
            SCHED_MUST((v->pause == 0) == (v->sched->unit.state != UNIT_ASLEEP));
            SCHED_MUST(v->sched->on_cpu == (v->sched->unit.state == UNIT_RUNNING));
            SCHED_MUST(v->pause != 0 || (sched_allowed(v->sched) >> v->sched->home & 1) != 0);
        }
    }
}
