// SPDX-License-Identifier: Apache-2.0
// The scheduler's records: of a domain, of a vCPU.
#include "abi/errno.h"
#include "domain/quota.h"
#include "sched/internal.h"
#include "time/time.h"

static spinlock_t list_lock = SPINLOCK(RANK_SCHED);
static struct list all_domains = LIST_INIT(all_domains); /* guarded by list_lock */

struct domain_sched *domain_sched(struct domain *d)
{
    struct domain_sched *found = NULL;
    struct list *item;

    if (d->vcpus[0]) {
        return d->vcpus[0]->sched->domain;
    }
    spin_lock(&list_lock);
    list_for_each(item, &all_domains)
    {
        struct domain_sched *ds = container_of(item, struct domain_sched, link);
        if (ds->domain == d) {
            found = ds;
            break;
        }
    }
    spin_unlock(&list_lock);
    return found;
}

static int create_domain(struct domain *d)
{
    struct domain_sched *ds = quota_new(d, struct domain_sched);

    if (!ds) {
        return -ENOMEM;
    }
    ds->domain = d;
    policy_init_group(&ds->group);
    watchdogs_init(ds);
    spin_lock(&list_lock);
    list_add_tail(&all_domains, &ds->link);
    spin_unlock(&list_lock);
    return 0;
}

static void destroy_domain(struct domain *d)
{
    struct domain_sched *ds = domain_sched(d);

    spin_lock(&list_lock);
    list_remove(&ds->link);
    spin_unlock(&list_lock);
    watchdogs_kill(ds);
    quota_free(d, ds);
}

static int relinquish_domain(struct domain *d)
{
    watchdogs_kill(domain_sched(d));
    return 0;
}

static void poll_timed_out(void *data)
{
    vcpu_clear_pause(data, VCPU_POLLING);
}

void sched_vcpu_init(struct vcpu *v, struct vcpu_sched *s, struct domain_sched *domain)
{
    s->vcpu = v;
    s->domain = domain;
    s->home = this_cpu()->id;
    s->hard_affinity = s->soft_affinity = ~0ULL;
    policy_init_unit(&s->unit, &domain->group);
    runstate_init(&s->runstate, RUNSTATE_offline, time_now_ns());
    timer_init(&s->poll_timer, poll_timed_out, v, s->home);
    v->sched = s;
}

static int create_vcpu(struct vcpu *v)
{
    struct vcpu_sched *s = quota_new(v->domain, struct vcpu_sched);

    if (!s) {
        return -ENOMEM;
    }
    sched_vcpu_init(v, s, domain_sched(v->domain));
    return 0;
}

static void destroy_vcpu(struct vcpu *v)
{
    if (v->sched) {
        timer_kill(&v->sched->poll_timer);
        quota_free(v->domain, v->sched);
        v->sched = NULL;
    }
}

static uint64_t most_heap(const struct domain *d)
{
    return quota_cost(1, sizeof(struct domain_sched)) +
           d->max_vcpus * quota_cost(1, sizeof(struct vcpu_sched));
}

static struct domain_part sched_part = {
    .name = "sched",
    .most_heap = most_heap,
    .create = create_domain,
    .create_vcpu = create_vcpu,
    .relinquish = relinquish_domain,
    .destroy_vcpu = destroy_vcpu,
    .destroy = destroy_domain,
};

void sched_part_init(void)
{
    domain_register_part(&sched_part);
}
