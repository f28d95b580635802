// SPDX-License-Identifier: Apache-2.0
// Acting on an open port: send, unmask, look.
#include "abi/errno.h"
#include "arch/guest.h"
#include "event/raise.h"

static inline int send(struct domain *d, uint32_t port)
{
    struct evtchn *channel = channel_of(d->events, port);
    int error = 0;

    if (unlikely(!channel)) {
        return -EINVAL;
    }
    byte_lock(&channel->lock);
    switch (channel->state) {
    case EVTCHNSTAT_interdomain:
        channel_raise(channel->peer);
        break;
    case EVTCHNSTAT_ipi:
        channel_raise(channel);
        break;
    case EVTCHNSTAT_unbound: /* nobody hears it */
        break;
    default:
        error = -EINVAL;
    }
    byte_unlock(&channel->lock);
    return error;
}

int channel_send(struct domain *d, uint32_t port)
{
    return send(d, port);
}

long op_send(gva_t arg)
{
    struct evtchn_send op;

    if (unlikely(guest_fetch32(&op.port, arg) != 0)) {
        return -EFAULT;
    }
    return send(current_vcpu()->domain, op.port);
}

void event_send_port(struct domain *d, evtchn_port_t port)
{
    struct evtchn *channel = channel_of(d->events, port);

    if (!channel) {
        return;
    }
    byte_lock(&channel->lock);
    if (channel->state == EVTCHNSTAT_pirq) {
        channel_raise(channel);
    }
    byte_unlock(&channel->lock);
}

struct vcpu *event_port_vcpu(struct domain *d, evtchn_port_t port)
{
    const struct evtchn *channel = channel_of(d->events, port);

    return channel ? vcpu_told(channel) : NULL;
}

int event_unmask_port(struct domain *d, evtchn_port_t port)
{
    struct evtchn *channel = channel_of(d->events, port);

    if (!channel) {
        return -EINVAL;
    }
    byte_lock(&channel->lock);
    if (channel->state != EVTCHNSTAT_closed) {
        channel_unmask(channel);
    }
    byte_unlock(&channel->lock);
    return 0;
}

/* The part of the answer that depends on the state. The channel's lock is held. */
static void describe(const struct evtchn *channel, struct evtchn_status *status)
{
    switch (channel->state) {
    case EVTCHNSTAT_unbound:
        status->u.unbound.dom = channel->remote_id;
        break;
    case EVTCHNSTAT_interdomain:
        status->u.interdomain.dom = channel->peer->domain->id;
        status->u.interdomain.port = channel->peer->port;
        break;
    case EVTCHNSTAT_pirq:
        status->u.pirq = channel->pirq;
        break;
    case EVTCHNSTAT_virq:
        status->u.virq = channel->virq;
        break;
    default:
        break;
    }
}

int channel_status(struct domain *d, uint32_t port, struct evtchn_status *status)
{
    struct evtchn *channel = channel_of(d->events, port);

    if (!channel) {
        return -EINVAL;
    }
    byte_lock(&channel->lock);
    status->status = channel->state;
    status->vcpu = READ_ONCE(channel->vcpu);
    describe(channel, status);
    byte_unlock(&channel->lock);
    return 0;
}
