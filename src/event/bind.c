// SPDX-License-Identifier: Apache-2.0
// Binding a port: to another domain's, to a virtual or physical interrupt, to a vCPU's own use.
#include "abi/errno.h"
#include "event/raise.h"

const struct event_pirq_ops *pirq_ops;

void event_register_pirq_ops(const struct event_pirq_ops *ops)
{
    pirq_ops = ops;
}

/* Lock two channels, in the one order; they differ. */
static void lock_both(struct evtchn *a, struct evtchn *b)
{
    byte_lock(a < b ? &a->lock : &b->lock);
    byte_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct evtchn *a, struct evtchn *b)
{
    byte_unlock(&a->lock);
    byte_unlock(&b->lock);
}

int event_alloc_unbound(struct domain *d, domid_t remote, evtchn_port_t *port)
{
    struct evtchn *channel;
    int error;

    spin_lock(&d->events->lock);
    error = port_alloc(d, &channel);
    if (error == 0) {
        byte_lock(&channel->lock);
        channel->state = EVTCHNSTAT_unbound;
        channel->remote_id = remote;
        byte_unlock(&channel->lock);
        *port = channel->port;
    }
    spin_unlock(&d->events->lock);
    return error;
}

/* Connect a fresh channel; -EINVAL where `remote` does not wait for this domain. */
static int connect(struct evtchn *local, struct evtchn *remote)
{
    int error = 0;

    lock_both(local, remote);
    if (remote->state != EVTCHNSTAT_unbound || remote->remote_id != local->domain->id) {
        error = -EINVAL;
    } else {
        local->peer = remote;
        local->state = EVTCHNSTAT_interdomain;
        remote->peer = local;
        remote->state = EVTCHNSTAT_interdomain;
        /* The other side may have sent before anyone was connected. */
        channel_raise(local);
    }
    unlock_both(local, remote);
    return error;
}

int bind_interdomain(struct domain *d, struct domain *remote, uint32_t remote_port, uint32_t *port)
{
    struct evtchn *other = channel_of(remote->events, remote_port);
    struct evtchn *channel;
    int error;

    if (!other) {
        return -EINVAL;
    }
    spin_lock(&d->events->lock);
    error = port_alloc(d, &channel);
    if (error == 0) {
        error = channel == other ? -EINVAL : connect(channel, other);
        if (error != 0) {
            port_free(d, channel);
        }
        *port = channel->port;
    }
    spin_unlock(&d->events->lock);
    return error;
}

static int bind_virq_locked(struct domain *d, uint32_t virq, struct vcpu *v, uint32_t *port)
{
    struct evtchn *channel;
    int error;

    if (v->events->virq_port[virq] != 0) {
        return -EEXIST;
    }
    error = port_alloc(d, &channel);
    if (error != 0) {
        return error;
    }
    byte_lock(&channel->lock);
    channel->state = EVTCHNSTAT_virq;
    channel->virq = virq;
    WRITE_ONCE(channel->vcpu, (uint16_t)v->id);
    byte_unlock(&channel->lock);
    __atomic_store_n(&v->events->virq_port[virq], channel->port, __ATOMIC_RELEASE);
    *port = channel->port;
    return 0;
}

int bind_virq(struct domain *d, uint32_t virq, uint32_t vcpu, uint32_t *port)
{
    struct vcpu *v = vcpu_of(d, vcpu);
    int error;

    /* Global ones start on vCPU 0; EVTCHNOP_bind_vcpu moves them. */
    if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0)) {
        return -EINVAL;
    }
    if (!v) {
        return -ENOENT;
    }
    spin_lock(&d->events->lock);
    error = bind_virq_locked(d, virq, v, port);
    spin_unlock(&d->events->lock);
    return error;
}

int bind_ipi(struct domain *d, uint32_t vcpu, uint32_t *port)
{
    struct evtchn *channel;
    int error;

    if (!vcpu_of(d, vcpu)) {
        return -ENOENT;
    }
    spin_lock(&d->events->lock);
    error = port_alloc(d, &channel);
    if (error == 0) {
        byte_lock(&channel->lock);
        channel->state = EVTCHNSTAT_ipi;
        WRITE_ONCE(channel->vcpu, (uint16_t)vcpu);
        byte_unlock(&channel->lock);
        *port = channel->port;
    }
    spin_unlock(&d->events->lock);
    return error;
}

static void set_pirq(struct evtchn *channel, uint8_t state, uint32_t pirq)
{
    byte_lock(&channel->lock);
    channel->state = state;
    channel->pirq = pirq;
    if (state == EVTCHNSTAT_closed) {
        channel_clear_pending(channel);
    }
    byte_unlock(&channel->lock);
}

int bind_pirq(struct domain *d, uint32_t pirq, uint32_t flags, uint32_t *port)
{
    struct evtchn *channel;
    int error;

    if (!pirq_ops || (flags & ~(uint32_t)BIND_PIRQ__WILL_SHARE) != 0) {
        return -EINVAL;
    }
    spin_lock(&d->events->lock);
    error = port_alloc(d, &channel);
    if (error == 0) {
        /* Open before the interrupt is: the first one may arrive at once. */
        set_pirq(channel, EVTCHNSTAT_pirq, pirq);
        error = pirq_ops->bind(d, pirq, flags, channel->port);
        if (error != 0) {
            set_pirq(channel, EVTCHNSTAT_closed, 0);
            port_free(d, channel);
        }
        *port = channel->port;
    }
    spin_unlock(&d->events->lock);
    return error;
}

/* IPIs and per-vCPU interrupts stay where they were bound. */
static bool may_move(const struct evtchn *channel)
{
    switch (channel->state) {
    case EVTCHNSTAT_unbound:
    case EVTCHNSTAT_interdomain:
    case EVTCHNSTAT_pirq:
        return true;
    case EVTCHNSTAT_virq:
        return virq_is_global(channel->virq);
    default:
        return false;
    }
}

static int bind_vcpu_locked(struct domain *d, struct evtchn *channel, struct vcpu *v)
{
    bool is_pirq;

    byte_lock(&channel->lock);
    if (!may_move(channel)) {
        byte_unlock(&channel->lock);
        return -EINVAL;
    }
    WRITE_ONCE(channel->vcpu, (uint16_t)v->id);
    is_pirq = channel->state == EVTCHNSTAT_pirq;
    byte_unlock(&channel->lock);
    /* Not under the channel's lock: who delivers an interrupt takes that with RANK_IRQ held. */
    if (is_pirq && pirq_ops->follow_vcpu) {
        pirq_ops->follow_vcpu(d, channel->pirq, v);
    }
    return 0;
}

int bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu)
{
    struct evtchn *channel = channel_of(d->events, port);
    struct vcpu *v = vcpu_of(d, vcpu);
    int error;

    if (!v) {
        return -ENOENT;
    }
    if (!channel) {
        return -EINVAL;
    }
    spin_lock(&d->events->lock);
    error = bind_vcpu_locked(d, channel, v);
    spin_unlock(&d->events->lock);
    return error;
}
