// SPDX-License-Identifier: Apache-2.0
// Virtual interrupts: from Pavise to a vCPU, or to the domain that handles a global one.
#include "abi/errno.h"
#include "event/raise.h"

static spinlock_t handler_lock = SPINLOCK(RANK_EVENT);
static struct domain *handler[NR_VIRQS]; /* guarded by handler_lock; NULL: domain 0 */

void event_send_virq(struct vcpu *v, unsigned int virq)
{
    uint32_t port = __atomic_load_n(&v->events->virq_port[virq], __ATOMIC_ACQUIRE);
    struct evtchn *channel;

    if (port == 0) {
        return;
    }
    channel = channel_of(v->domain->events, port);
    byte_lock(&channel->lock);
    /* The port may have been closed, and even bound anew, since it was looked up. */
    if (channel->state == EVTCHNSTAT_virq && channel->virq == virq &&
        READ_ONCE(v->events->virq_port[virq]) == port) {
        channel_raise(channel);
    }
    byte_unlock(&channel->lock);
}

void event_send_global_virq(unsigned int virq)
{
    struct domain *d;
    struct vcpu *v;

    spin_lock(&handler_lock);
    d = handler[virq] ? handler[virq] : READ_ONCE(domain0);
    v = d ? vcpu_of(d, 0) : NULL;
    if (v) {
        event_send_virq(v, virq);
    }
    spin_unlock(&handler_lock);
}

int event_set_virq_handler(struct domain *d, unsigned int virq)
{
    int error = 0;

    if (virq >= NR_VIRQS || !virq_is_global(virq)) {
        return -EINVAL;
    }
    spin_lock(&handler_lock);
    /* Death sets `life` before it comes to virq_release_handlers(). */
    if (READ_ONCE(d->life) != DOMAIN_ALIVE) {
        error = -EINVAL;
    } else {
        handler[virq] = d == domain0 ? NULL : d;
    }
    spin_unlock(&handler_lock);
    return error;
}

void virq_release_handlers(struct domain *d)
{
    spin_lock(&handler_lock);
    for (unsigned int virq = 0; virq < NR_VIRQS; virq++) {
        if (handler[virq] == d) {
            handler[virq] = NULL;
        }
    }
    spin_unlock(&handler_lock);
}
