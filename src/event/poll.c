// SPDX-License-Identifier: Apache-2.0
// SCHEDOP_poll: a vCPU sleeps until one of a few ports becomes pending, masked or not.
//
// The poller says that it waits before it looks at the ports; a sender makes the port pending
// before it looks for pollers. So one of them sees the other, and no wake-up is lost.
#include "abi/errno.h"
#include "event/channel.h"

/* Stop waiting, however it ends; true for whoever ended it. */
static bool stop_polling(struct vcpu *v)
{
    if (__atomic_exchange_n(&v->events->poll_port, NOT_POLLING, __ATOMIC_SEQ_CST) == NOT_POLLING) {
        return false;
    }
    __atomic_sub_fetch(&v->domain->events->poller_count, 1, __ATOMIC_SEQ_CST);
    return true;
}

static void start_polling(struct vcpu *v, uint32_t port)
{
    /* A poll that a timer or an upcall ended is still noted here. */
    (void)stop_polling(v);
    vcpu_set_pause(v, VCPU_POLLING);
    __atomic_add_fetch(&v->domain->events->poller_count, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&v->events->poll_port, port, __ATOMIC_SEQ_CST);
}

void poll_wake(struct domain *d, uint32_t port)
{
    for (uint32_t id = 0; id < d->max_vcpus; id++) {
        struct vcpu *v = vcpu_of(d, id);
        uint32_t waits_for = v ? READ_ONCE(v->events->poll_port) : NOT_POLLING;

        if ((waits_for == port || waits_for == POLLS_SEVERAL) && stop_polling(v)) {
            vcpu_clear_pause(v, VCPU_POLLING);
        }
    }
}

/* 1 pending, 0 not, -EINVAL no such port. */
static int port_pending(struct domain *d, uint32_t port)
{
    struct evtchn *channel = channel_of(d->events, port);
    int pending;

    if (!channel) {
        return -EINVAL;
    }
    byte_lock(&channel->lock);
    pending = channel->state != EVTCHNSTAT_closed && channel_is_pending(channel);
    byte_unlock(&channel->lock);
    return pending;
}

static int look(struct vcpu *v, const evtchn_port_t *ports, unsigned int count)
{
    int result = event_vcpu_pending(v);

    for (unsigned int i = 0; result == 0 && i < count; i++) {
        result = port_pending(v->domain, ports[i]);
    }
    return result;
}

int event_poll(struct vcpu *v, const evtchn_port_t *ports, unsigned int count)
{
    int result;

    /* Port 0 is no port, and its number would say that nobody waits. */
    start_polling(v, count == 1 && ports[0] != 0 ? ports[0] : POLLS_SEVERAL);
    result = look(v, ports, count);
    if (result != 0) {
        (void)stop_polling(v);
        vcpu_clear_pause(v, VCPU_POLLING);
    }
    return result;
}
