// SPDX-License-Identifier: Apache-2.0
// By the ABI that the domain has chosen: unmask, look, clear; and how a vCPU comes to notice.
#include "base/cpu.h"
#include "event/raise.h"

static struct domain_fifo *fifo_of(const struct domain *d)
{
    return __atomic_load_n(&d->events->fifo, __ATOMIC_ACQUIRE);
}

void channel_unmask(struct evtchn *channel)
{
    struct domain *d = channel->domain;
    struct domain_fifo *fifo = fifo_of(d);

    if (fifo) {
        fifo_unmask(fifo, channel);
    } else {
        two_level_unmask(d, vcpu_told(channel), channel->port);
    }
}

bool channel_is_pending(struct evtchn *channel)
{
    struct domain_fifo *fifo = fifo_of(channel->domain);

    return fifo ? fifo_is_pending(fifo, channel)
                : two_level_is_pending(channel->domain, channel->port);
}

void channel_clear_pending(struct evtchn *channel)
{
    struct domain_fifo *fifo = fifo_of(channel->domain);

    if (fifo) {
        fifo_clear_pending(fifo, channel);
    } else {
        two_level_clear_pending(channel->domain, channel->port);
    }
}

void vcpu_notice(struct vcpu *v)
{
    struct cpu *cpu;

    if ((__atomic_load_n(&v->pause, __ATOMIC_SEQ_CST) & VCPU_ASLEEP) != 0) {
        vcpu_clear_pause(v, (enum vcpu_pause)VCPU_ASLEEP);
        return;
    }
    cpu = READ_ONCE(v->cpu);
    if (cpu && cpu != this_cpu() && READ_ONCE(cpu->current) == v) {
        arch_kick_cpu(cpu->id);
    }
}
