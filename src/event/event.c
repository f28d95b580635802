// SPDX-License-Identifier: Apache-2.0
// The event room's part in a domain's life.
#include "event/event.h"

#include "abi/errno.h"
#include "base/cpu.h"
#include "domain/quota.h"
#include "event/fifo.h"

static int create(struct domain *d)
{
    d->events = quota_new(d, struct domain_events);
    if (!d->events) {
        return -ENOMEM;
    }
    if (ports_create(d) != 0) {
        quota_free(d, d->events);
        d->events = NULL;
        return -ENOMEM;
    }
    return 0;
}

static int create_vcpu(struct vcpu *v)
{
    v->events = quota_new(v->domain, struct vcpu_events);
    return v->events ? 0 : -ENOMEM;
}

/* Nobody may hear of the domain, or write to its pages, any more. Its vCPUs do not run. */
static int relinquish(struct domain *d)
{
    long result;

    spin_lock(&d->events->lock);
    d->events->dying = true;
    spin_unlock(&d->events->lock);
    result = close_all(d);
    if (result == 0) {
        spin_lock(&d->events->lock);
        fifo_destroy(d);
        spin_unlock(&d->events->lock);
        virq_release_handlers(d);
        vcpu_info_release(d);
    }
    return (int)result;
}

static void destroy_vcpu(struct vcpu *v)
{
    quota_free(v->domain, v->events);
    v->events = NULL;
}

static void destroy(struct domain *d)
{
    ports_destroy(d);
    quota_free(d, d->events);
    d->events = NULL;
}

static uint64_t most_heap(const struct domain *d)
{
    return quota_cost(1, sizeof(struct domain_events)) + ports_most_heap(d) +
           quota_cost(1, sizeof(struct domain_fifo)) +
           d->max_vcpus * quota_cost(1, sizeof(struct vcpu_events));
}

static struct domain_part part = {
    .name = "events",
    .create = create,
    .create_vcpu = create_vcpu,
    .relinquish = relinquish,
    .bury = ports_bury,
    .destroy_vcpu = destroy_vcpu,
    .destroy = destroy,
    .most_heap = most_heap,
    .audit = event_audit,
};

static void tell_domain0(void)
{
    event_send_global_virq(VIRQ_DOM_EXC);
}

static void tell_low_memory(void)
{
    event_send_global_virq(VIRQ_ENOMEM);
}

static bool tell_subscriber(struct domain *d)
{
    return channel_send(d, READ_ONCE(d->suspend_port)) == 0;
}

void event_init(void)
{
    domain_register_part(&part);
    domain_state_changed = tell_domain0;
    domain_suspended = tell_subscriber;
    cpu_register_work(WORK_MEMORY_LOW, tell_low_memory);
}

void event_set_max_port(struct domain *d, uint32_t max_port)
{
    WRITE_ONCE(d->events->max_port, max_port);
}
