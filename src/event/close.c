// SPDX-License-Identifier: Apache-2.0
// Closing ports: one, or all of a domain's at its reset or end.
#include "abi/errno.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "event/channel.h"
#include "event/fifo.h"

/*
 * Lock a channel, and its peer where it has one, which is returned. Whoever can't get the lower
 * one second steps back, so that two ends that close at once don't wait for each other.
 */
static struct evtchn *lock_with_peer(struct evtchn *channel)
{
    for (;;) {
        struct evtchn *peer;

        byte_lock(&channel->lock);
        peer = channel->state == EVTCHNSTAT_interdomain ? channel->peer : NULL;
        if (!peer || byte_trylock(&peer->lock)) {
            return peer;
        }
        if (peer > channel) {
            byte_lock(&peer->lock);
            return peer;
        }
        byte_unlock(&channel->lock);
        cpu_relax();
    }
}

/* The other end waits for a new connection, from the domain that left. */
static void part_from(struct evtchn *peer, domid_t id)
{
    peer->state = EVTCHNSTAT_unbound;
    peer->remote_id = id;
    byte_unlock(&peer->lock);
}

static void forget_virq(struct domain *d, const struct evtchn *channel)
{
    struct vcpu *v = vcpu_of(d, virq_is_global(channel->virq) ? 0 : READ_ONCE(channel->vcpu));

    __atomic_store_n(&v->events->virq_port[channel->virq], 0, __ATOMIC_RELEASE);
}

/* -EINVAL: not open. The domain's lock is held. */
static int close_channel(struct domain *d, struct evtchn *channel)
{
    struct evtchn *peer = lock_with_peer(channel);
    uint8_t state = channel->state;
    uint32_t pirq = channel->pirq;

    if (state == EVTCHNSTAT_closed) {
        byte_unlock(&channel->lock);
        return -EINVAL;
    }
    if (peer) {
        part_from(peer, d->id);
    }
    if (state == EVTCHNSTAT_virq) {
        forget_virq(d, channel);
    }
    channel->state = EVTCHNSTAT_closed;
    channel_clear_pending(channel);
    byte_unlock(&channel->lock);
    /* Not under the channel's lock: who delivers an interrupt takes that with RANK_IRQ held. */
    if (state == EVTCHNSTAT_pirq) {
        pirq_ops->unbind(d, pirq, channel->port);
    }
    port_free(d, channel);
    return 0;
}

int event_close_port(struct domain *d, evtchn_port_t port)
{
    struct evtchn *channel = channel_of(d->events, port);
    int error;

    if (!channel) {
        return -EINVAL;
    }
    spin_lock(&d->events->lock);
    error = close_channel(d, channel);
    spin_unlock(&d->events->lock);
    return error;
}

/* Ports that are closed before interrupts are let in: not under the lock, so it is taken anew. */
#define PIECE_PORTS 32

/* Close some; true where there are more. */
static bool close_some(struct domain *d)
{
    struct domain_events *e = d->events;
    bool more;

    spin_lock(&e->lock);
    for (unsigned int i = 0; i < PIECE_PORTS && e->close_next < e->port_end; i++) {
        (void)close_channel(d, channel_of(e, e->close_next++));
    }
    more = e->close_next < e->port_end;
    spin_unlock(&e->lock);
    return more;
}

long close_all(struct domain *d)
{
    while (close_some(d)) {
        if (should_stop()) {
            return HYPERCALL_RESTART;
        }
    }
    return 0;
}

static void begin_reset(struct domain_events *e)
{
    spin_lock(&e->lock);
    e->closing = true;
    spin_unlock(&e->lock);
}

static void end_reset(struct domain *d, bool to_two_level)
{
    struct domain_events *e = d->events;

    spin_lock(&e->lock);
    if (to_two_level) {
        fifo_destroy(d);
    }
    e->closing = false;
    e->close_next = 1;
    spin_unlock(&e->lock);
}

long event_reset(struct domain *d, bool to_two_level)
{
    long result;

    begin_reset(d->events);
    result = close_all(d);
    if (result == 0) {
        end_reset(d, to_two_level);
    }
    return result;
}
