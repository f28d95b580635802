// SPDX-License-Identifier: Apache-2.0
// Event channels of three domains under any sequence of calls: after each, ports, tables and frames
// agree; after the last, the domains die at once and every frame is back.
//
// Input: bytes that the calls take their numbers from; it ends when they do.

#define MACHINE_FRAMES 256
#include "../unit/event_fixture.h"
#include "event/fifo.h"
#include "input.h"
#include "must.h"
#include "operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOMAINS 3
#define VCPUS   2
#define FRAMES  6

static struct domain *domains[DOMAINS];
static mfn_t frames[DOMAINS][FRAMES];
static evtchn_port_t pirq_ports[DOMAINS][4];

/* Mostly ports that exist. */
static uint32_t take_port(void)
{
    uint32_t port = take(64);

    return port == 63 ? 200000 : port == 62 ? 4095 : port % 24;
}

static domid_t take_domain(void)
{
    static const domid_t choice[] = {0, 1, 2, DOMID_SELF, 77, DOMID_INVALID};

    return choice[take(ARRAY_SIZE(choice))];
}

static uint64_t take_frame(void)
{
    uint32_t domain = take(DOMAINS), i = take(FRAMES + 1);

    return i == FRAMES ? ~0ULL : frames[domain][i].n;
}

/* ---- physical interrupts: each may be bound once a domain ----------------------------------- */

static int fake_bind(struct domain *d, uint32_t pirq, uint32_t flags, evtchn_port_t port)
{
    if (pirq >= 4) {
        return -EINVAL;
    }
    if (pirq_ports[d->id][pirq] != 0) {
        return -EEXIST;
    }
    pirq_ports[d->id][pirq] = port;
    event_send_port(d, port);
    return 0;
}

static void fake_unbind(struct domain *d, uint32_t pirq, evtchn_port_t port)
{
    MUST(pirq_ports[d->id][pirq] == port);
    pirq_ports[d->id][pirq] = 0;
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void hypercall(void)
{
    union {
        struct evtchn_alloc_unbound alloc_unbound;
        struct evtchn_bind_interdomain bind_interdomain;
        struct evtchn_bind_virq bind_virq;
        struct evtchn_bind_pirq bind_pirq;
        struct evtchn_bind_ipi bind_ipi;
        struct evtchn_status status;
        struct evtchn_bind_vcpu bind_vcpu;
        struct evtchn_reset reset;
        struct evtchn_init_control init_control;
        struct evtchn_expand_array expand_array;
        struct evtchn_set_priority set_priority;
        uint32_t port;
    } op;
    uint32_t cmd = take(16);

    memset(&op, 0, sizeof(op));
    switch (cmd) {
    case EVTCHNOP_alloc_unbound:
        op.alloc_unbound.dom = take_domain();
        op.alloc_unbound.remote_dom = take_domain();
        break;
    case EVTCHNOP_bind_interdomain:
        op.bind_interdomain.remote_dom = take_domain();
        op.bind_interdomain.remote_port = take_port();
        break;
    case EVTCHNOP_bind_virq:
        op.bind_virq.virq = take(NR_VIRQS + 1);
        op.bind_virq.vcpu = take(VCPUS + 1);
        break;
    case EVTCHNOP_bind_pirq:
        op.bind_pirq.pirq = take(5);
        op.bind_pirq.flags = take(3);
        break;
    case EVTCHNOP_bind_ipi:
        op.bind_ipi.vcpu = take(VCPUS + 1);
        break;
    case EVTCHNOP_status:
        op.status.dom = take_domain();
        op.status.port = take_port();
        break;
    case EVTCHNOP_bind_vcpu:
        op.bind_vcpu.port = take_port();
        op.bind_vcpu.vcpu = take(VCPUS + 1);
        break;
    case EVTCHNOP_reset:
        op.reset.dom = take_domain();
        break;
    case EVTCHNOP_init_control:
        op.init_control.control_gfn = take_frame();
        op.init_control.offset = take(8) * 600;
        op.init_control.vcpu = take(VCPUS + 1);
        break;
    case EVTCHNOP_expand_array:
        op.expand_array.array_gfn = take_frame();
        break;
    case EVTCHNOP_set_priority:
        op.set_priority.port = take_port();
        op.set_priority.priority = take(18);
        break;
    default: /* close, send, unmask, and commands that there are not */
        op.port = take_port();
        break;
    }
    memcpy(guest_page, &op, sizeof(op));
    (void)hypercall_event_channel_op(cmd, host_guest_address(guest_page));
}

/* Guests write what they like into what they share. */
static void scribble(void)
{
    uint32_t domain = take(DOMAINS), what = take(4), offset = take(256);
    unsigned char *page = what == 0 ? (unsigned char *)domains[domain]->shared
                                    : frame_to_virt(frames[domain][take(FRAMES)]);

    page[(what == 0 ? offsetof(struct shared_info, evtchn_pending) : 0) + offset] =
        (unsigned char)take(256);
}

static void poll(struct vcpu *v)
{
    evtchn_port_t ports[3];
    unsigned int count = take(4);

    for (unsigned int i = 0; i < count; i++) {
        ports[i] = take_port();
    }
    (void)event_poll(v, ports, count);
    if (take(2) != 0) {
        vcpu_clear_pause(v, VCPU_POLLING);
    }
}

static void step(void)
{
    struct domain *d = domains[take(DOMAINS)];
    struct vcpu *v = d->vcpus[take(VCPUS)];

    run_as(v);
    switch (take(16)) {
    case 0:
        event_send_virq(v, take(NR_VIRQS));
        break;
    case 1:
        event_send_global_virq(take(NR_VIRQS));
        break;
    case 2:
        event_send_port(d, take_port());
        break;
    case 3:
        poll(v);
        break;
    case 4:
        scribble();
        break;
    case 5:
        (void)event_register_vcpu_info(v, mfn(take_frame()), take(8) * 576);
        break;
    case 6:
        (void)event_set_virq_handler(d, take(NR_VIRQS));
        break;
    case 7:
        event_set_max_port(d, take(2) ? ~0U : take(32));
        break;
    default:
        hypercall();
        break;
    }
}

/* ---- audit ---------------------------------------------------------------------------------- */

static void audit_channel(struct domain *d, struct evtchn *channel)
{
    MUST(channel->lock == 0 && channel->link_lock == 0);
    MUST(channel->domain == d && channel_of(d->events, channel->port) == channel);
    MUST(bit_test(d->events->used, channel->port) ==
         (channel->state != EVTCHNSTAT_closed || channel->port == 0));
    switch (channel->state) {
    case EVTCHNSTAT_interdomain:
        MUST(channel->peer->state == EVTCHNSTAT_interdomain && channel->peer->peer == channel);
        break;
    case EVTCHNSTAT_virq:
        MUST(d->vcpus[virq_is_global(channel->virq) ? 0 : channel->vcpu]
                 ->events->virq_port[channel->virq] == channel->port);
        break;
    case EVTCHNSTAT_pirq:
        MUST(pirq_ports[d->id][channel->pirq] == channel->port);
        break;
    default:
        break;
    }
}

static void audit(struct domain *d)
{
    uint32_t pollers = 0;

    MUST(d->events->lock.held == 0);
    for (uint32_t port = 0; port < d->events->port_end; port++) {
        audit_channel(d, channel_of(d->events, port));
    }
    for (unsigned int i = 0; i < VCPUS; i++) {
        const struct vcpu_events *e = d->vcpus[i]->events;

        pollers += e->poll_port != NOT_POLLING;
        for (unsigned int virq = 0; virq < NR_VIRQS; virq++) {
            MUST(e->virq_port[virq] == 0 ||
                 channel_of(d->events, e->virq_port[virq])->virq == virq);
        }
        for (unsigned int q = 0; q < EVTCHN_FIFO_MAX_QUEUES; q++) {
            MUST(e->queue[q].lock == 0);
        }
    }
    MUST(pollers == d->events->poller_count);
}

/* How often the domain's pages of words hold the frame. */
static uint64_t uses_of(const struct domain *d, mfn_t frame)
{
    uint64_t uses = 0;

    for (unsigned int i = 0; i < VCPUS; i++) {
        const struct vcpu *v = d->vcpus[i];
        uses += v->events->control && mfn_equal(v->events->control_frame, frame);
        uses += v->registered_info && mfn_equal(v->info_frame, frame);
    }
    for (uint32_t i = 0; d->events->fifo && i < d->events->fifo->pages; i++) {
        uses += d->events->fifo->page[i] == frame_to_virt(frame);
    }
    return uses;
}

static void audit_frames(const struct domain *d)
{
    for (unsigned int i = 0; i < FRAMES; i++) {
        uint64_t state = frame_state(frame_of(frames[d->id][i]));
        MUST(state_type_count(state) == uses_of(d, frames[d->id][i]));
        MUST((state & FRAME_REF_MASK) == state_type_count(state) + 1);
    }
}

/* ---- one input ------------------------------------------------------------------------------ */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct event_pirq_ops ops = {fake_bind, fake_unbind, NULL};

    input_begin(data, size);
    memset(pirq_ports, 0, sizeof(pirq_ports));
    machine_setup(NULL);
    event_register_pirq_ops(&ops);
    for (unsigned int i = 0; i < DOMAINS; i++) {
        domains[i] = new_domain((domid_t)i, VCPUS, i == 0);
        for (unsigned int f = 0; f < FRAMES; f++) {
            frames[i][f] = new_frame(domains[i]);
        }
    }
    domain0 = domains[0];
    while (input.size > 0) {
        step();
        fuzz_operations++;
        for (unsigned int i = 0; i < DOMAINS; i++) {
            audit(domains[i]);
            audit_frames(domains[i]);
        }
    }
    for (unsigned int i = DOMAINS; i-- > 0;) {
        end_domain(domains[i]);
    }
    machine_teardown(NULL);
    return 0;
}
