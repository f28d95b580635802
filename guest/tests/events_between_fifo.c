// SPDX-License-Identifier: Apache-2.0
// The FIFO form of event channels, in a domain to which domain 0 sends: setting it up, order,
// priorities, masks, more ports than one page of words holds (public header event_channel.h).

#include "clock.h"
#include "domu.h"
#include "fifo.h"
#include "tap.h"

#define CHANNELS 4

static struct domu domu;
static int here[CHANNELS], there[CHANNELS];

#define IN_DOMU(function, data) domu_call(&domu, (function), &(data), sizeof(data))

// ---- functions that run in the other domain ---------------------------------------------------
struct control {
    uint64_t frame; // 0: one of its own
    uint32_t offset, vcpu;
};

static long init_control(void *data)
{
    const struct control *wish = data;
    uint64_t frame = wish->frame != 0 ? wish->frame : virt_to_mfn(page_alloc());

    return fifo_init_control(frame, wish->offset, wish->vcpu);
}

static long link_bits(void *data)
{
    struct evtchn_init_control init = {.control_gfn = virt_to_mfn(page_alloc()),
                                       .vcpu = *(uint32_t *)data};
    long error = event_channel_op(EVTCHNOP_init_control, &init);

    return error != 0 ? error : init.link_bits;
}

static long start_fifo(void *data)
{
    return fifo_init(*(unsigned *)data);
}

static long grow(void *data)
{
    return fifo_grow();
}

static long expand_with(void *data)
{
    return fifo_expand_array(*(uint64_t *)data);
}

static long take(void *data)
{
    return (long)fifo_take();
}

static long word(void *data)
{
    return (long)fifo_word(*(evtchn_port_t *)data);
}

static long ready(void *data)
{
    return (long)fifo_ready();
}

static long mask(void *data)
{
    event_mask(*(evtchn_port_t *)data);
    return 0;
}

static long clear_mask(void *data)
{
    event_clear_mask(*(evtchn_port_t *)data);
    return 0;
}

static long unmask_by_call(void *data)
{
    return event_unmask_call(*(evtchn_port_t *)data);
}

static long no_upcalls(void *data)
{
    upcalls_disable();
    return 0;
}

struct priority {
    evtchn_port_t port;
    uint32_t priority;
};

static long set_priority(void *data)
{
    const struct priority *wish = data;

    return fifo_set_priority(wish->port, wish->priority);
}

// ---- on this side -----------------------------------------------------------------------------
static long take_event(void)
{
    int none = 0;

    return IN_DOMU(take, none);
}

static uint32_t word_of(int port)
{
    evtchn_port_t number = (evtchn_port_t)port;

    return (uint32_t)IN_DOMU(word, number);
}

static long with_port(domu_function *function, int port)
{
    evtchn_port_t number = (evtchn_port_t)port;

    return IN_DOMU(function, number);
}

static bool has(int port, unsigned bit)
{
    return (word_of(port) & 1u << bit) != 0;
}

static long send(unsigned channel)
{
    return event_send((evtchn_port_t)here[channel]);
}

static void open_channel(unsigned channel)
{
    struct evtchn_alloc_unbound alloc = {.dom = domu.domain.domid};
    struct evtchn_bind_interdomain bind = {.remote_dom = domu.domain.domid};

    CHECK_OK(event_channel_op(EVTCHNOP_alloc_unbound, &alloc));
    bind.remote_port = alloc.port;
    CHECK_OK(event_channel_op(EVTCHNOP_bind_interdomain, &bind));
    there[channel] = (int)alloc.port;
    here[channel] = (int)bind.local_port;
    event_mask(bind.local_port);
}

// ---- setting up -------------------------------------------------------------------------------
TEST("a control block has to lie within its page, aligned")
{
    struct domain_plan plan = plan_whole_image();
    struct control wish = {0};

    plan.config.max_evtchn_port = EVTCHN_FIFO_NR_CHANNELS - 1;
    CHECK_OK(domu_start(&domu, &plan));
    wish.offset = 1;
    CHECK_ERR(IN_DOMU(init_control, wish), XEN_EINVAL);
    wish.offset = PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) + 8;
    CHECK_ERR(IN_DOMU(init_control, wish), XEN_EINVAL);
    wish.offset = PAGE_SIZE;
    CHECK_ERR(IN_DOMU(init_control, wish), XEN_EINVAL);
}

TEST("it is for a vCPU that is there, in a frame of the domain's own")
{
    struct control wish = {.vcpu = 500};

    CHECK_ERR(IN_DOMU(init_control, wish), XEN_ENOENT);
    wish.vcpu = 0;
    wish.frame = virt_to_mfn(page_alloc());
    CHECK_ERR(IN_DOMU(init_control, wish), XEN_EINVAL);
    wish.frame = 1ul << 40;
    CHECK_ERR(IN_DOMU(init_control, wish), XEN_EINVAL);
}

TEST("words are not taken before a control block is there")
{
    int none = 0;

    CHECK_ERR(IN_DOMU(grow, none), XEN_EOPNOTSUPP);
}

TEST("priorities are not known before either")
{
    struct priority wish = {.port = domu.remote_port, .priority = 7};

    CHECK_ERR(IN_DOMU(set_priority, wish), XEN_ENOSYS);
}

TEST("a domain switches over, and its channels go on working")
{
    unsigned pages = 1;
    int none = 0;

    for (unsigned i = 0; i < CHANNELS; i++) {
        open_channel(i);
    }
    CHECK_OK(IN_DOMU(no_upcalls, none));
    CHECK_OK(IN_DOMU(start_fifo, pages));
    CHECK_EQ(IN_DOMU(ready, none) & ~0x80l, 0);
}

TEST("a second control block for the vCPU is refused")
{
    struct control wish = {0};

    CHECK_ERR(IN_DOMU(init_control, wish), XEN_EINVAL);
}

TEST("a page of words that is not the domain's is refused")
{
    uint64_t frame = virt_to_mfn(page_alloc());

    CHECK_ERR(IN_DOMU(expand_with, frame), XEN_EINVAL);
    frame = 1ul << 40;
    CHECK_ERR(IN_DOMU(expand_with, frame), XEN_EINVAL);
}

// ---- delivery ---------------------------------------------------------------------------------
TEST("an event for a masked port is pending and in no queue")
{
    CHECK(has(there[0], EVTCHN_FIFO_MASKED));
    CHECK_OK(send(0));
    CHECK(has(there[0], EVTCHN_FIFO_PENDING));
    CHECK(!has(there[0], EVTCHN_FIFO_LINKED));
    CHECK_EQ(take_event(), 0);
}

TEST("EVTCHNOP_unmask puts it into its queue")
{
    CHECK_OK(with_port(unmask_by_call, there[0]));
    CHECK(!has(there[0], EVTCHN_FIFO_MASKED));
    CHECK(has(there[0], EVTCHN_FIFO_LINKED));
    CHECK_EQ(take_event(), there[0]);
    CHECK_EQ(take_event(), 0);
}

TEST("an event for an unmasked port is queued at the default priority")
{
    int none = 0;

    CHECK_OK(send(0));
    CHECK(has(there[0], EVTCHN_FIFO_PENDING));
    CHECK(has(there[0], EVTCHN_FIFO_LINKED));
    CHECK_EQ(IN_DOMU(ready, none), 1l << EVTCHN_FIFO_PRIORITY_DEFAULT);
    CHECK_EQ(take_event(), there[0]);
    CHECK(!has(there[0], EVTCHN_FIFO_PENDING));
    CHECK(!has(there[0], EVTCHN_FIFO_LINKED));
}

TEST("an event that is sent twice before it is taken is taken once")
{
    CHECK_OK(send(0));
    CHECK_OK(send(0));
    CHECK_EQ(take_event(), there[0]);
    CHECK_EQ(take_event(), 0);
}

TEST("events of one priority are taken in the order they came")
{
    static const unsigned order[] = {2, 0, 3, 1};

    for (unsigned i = 0; i < CHANNELS; i++) {
        CHECK_OK(with_port(clear_mask, there[i]));
    }
    for (unsigned i = 0; i < CHANNELS; i++) {
        CHECK_OK(send(order[i]));
    }
    for (unsigned i = 0; i < CHANNELS; i++) {
        CHECK_EQ(take_event(), there[order[i]]);
    }
    CHECK_EQ(take_event(), 0);
}

TEST("one that was masked while it was queued is skipped, and comes when it is unmasked")
{
    CHECK_OK(send(0));
    CHECK_OK(send(1));
    CHECK_OK(with_port(mask, there[0]));
    CHECK_EQ(take_event(), there[1]);
    CHECK_EQ(take_event(), 0);
    CHECK_OK(with_port(unmask_by_call, there[0]));
    CHECK_EQ(take_event(), there[0]);
}

TEST("a higher priority goes before what came earlier")
{
    struct priority high = {(evtchn_port_t)there[3], EVTCHN_FIFO_PRIORITY_MAX};
    struct priority low = {(evtchn_port_t)there[1], EVTCHN_FIFO_PRIORITY_MIN};

    CHECK_OK(IN_DOMU(set_priority, high));
    CHECK_OK(IN_DOMU(set_priority, low));
    CHECK_OK(send(1));
    CHECK_OK(send(0));
    CHECK_OK(send(3));
    CHECK_EQ(take_event(), there[3]);
    CHECK_EQ(take_event(), there[0]);
    CHECK_EQ(take_event(), there[1]);
}

TEST("each priority with something queued shows in the ready word")
{
    int none = 0;

    CHECK_OK(send(1));
    CHECK_OK(send(3));
    CHECK_EQ(IN_DOMU(ready, none), 1l << EVTCHN_FIFO_PRIORITY_MAX | 1l << EVTCHN_FIFO_PRIORITY_MIN);
    CHECK_EQ(take_event(), there[3]);
    CHECK_EQ(take_event(), there[1]);
}

TEST("a priority changed while an event is queued leaves that one where it is")
{
    struct priority change = {(evtchn_port_t)there[1], EVTCHN_FIFO_PRIORITY_MAX};
    int none = 0;

    CHECK_OK(send(1));
    CHECK_OK(IN_DOMU(set_priority, change));
    CHECK_EQ(IN_DOMU(ready, none), 1l << EVTCHN_FIFO_PRIORITY_MIN);
    CHECK_EQ(take_event(), there[1]);
    CHECK_OK(send(1));
    CHECK_EQ(IN_DOMU(ready, none), 1l << EVTCHN_FIFO_PRIORITY_MAX);
    CHECK_EQ(take_event(), there[1]);
}

TEST("priorities beyond the lowest, and ports that are none, are refused")
{
    struct priority wish = {(evtchn_port_t)there[1], EVTCHN_FIFO_PRIORITY_MIN + 1};

    CHECK_ERR(IN_DOMU(set_priority, wish), XEN_EINVAL);
    wish = (struct priority){EVTCHN_FIFO_NR_CHANNELS, 7};
    CHECK_ERR(IN_DOMU(set_priority, wish), XEN_EINVAL);
}

TEST("an event taken sets domain 0's end pending when it answers, though that is 2-level")
{
    event_clear_pending((evtchn_port_t)here[0]);
    CHECK_OK(with_port(unmask_by_call, there[0]));
    CHECK(!event_pending((evtchn_port_t)here[0]));
    struct evtchn_send answer = {.port = (evtchn_port_t)there[0]};
    CHECK_OK(domu_event_op(&domu, EVTCHNOP_send, &answer, sizeof(answer)));
    CHECK(event_pending((evtchn_port_t)here[0]));
}

// ---- many ports -------------------------------------------------------------------------------
static long alloc_many(void *data)
{
    unsigned count = *(unsigned *)data;
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = 0};
    long error = 0;

    while (error == 0 && alloc.port + 1 < count) {
        error = event_channel_op(EVTCHNOP_alloc_unbound, &alloc);
    }
    return error != 0 ? error : (long)alloc.port;
}

TEST("a domain may have ports beyond the words it has given")
{
    unsigned count = 3 * FIFO_PORTS_PER_PAGE;

    CHECK_EQ(IN_DOMU(alloc_many, count), count - 1);
}

TEST("an event for a port without a word waits for its word")
{
    struct evtchn_bind_interdomain bind = {.remote_dom = domu.domain.domid,
                                           .remote_port = FIFO_PORTS_PER_PAGE + 5};
    int none = 0;

    CHECK_OK(event_channel_op(EVTCHNOP_bind_interdomain, &bind));
    event_mask(bind.local_port);
    CHECK_OK(event_send(bind.local_port));
    CHECK_EQ(take_event(), 0);
    CHECK_OK(IN_DOMU(grow, none));
    there[3] = FIFO_PORTS_PER_PAGE + 5;
    here[3] = (int)bind.local_port;
    CHECK_OK(with_port(unmask_by_call, there[3]));
}

TEST("with its word the port is like any other")
{
    while (take_event() != 0) {
    }
    CHECK_OK(send(3));
    CHECK_EQ(take_event(), there[3]);
}

TEST("a domain has all 131,072 ports that the form has, and not one more")
{
    unsigned count = EVTCHN_FIFO_NR_CHANNELS;
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = 0};

    if (differs_on_oracle("it looks through all ports for a free one, which takes minutes")) {
        return;
    }
    CHECK_EQ(IN_DOMU(alloc_many, count), count - 1);
    CHECK_ERR(domu_event_op(&domu, EVTCHNOP_alloc_unbound, &alloc, sizeof(alloc)), XEN_ENOSPC);
}

static long poll_there(void *data)
{
    struct sched_poll poll = {.nr_ports = 1};

    set_xen_guest_handle(poll.ports, (evtchn_port_t *)data);
    return sched_op(SCHEDOP_poll, &poll);
}

TEST("a poll ends by a FIFO event")
{
    evtchn_port_t port = (evtchn_port_t)there[0];

    domu_ask(&domu, poll_there, &port, sizeof(port));
    (void)sched_op(SCHEDOP_yield, NULL);
    CHECK_OK(send(0));
    CHECK_OK(domu_answer(&domu, &port, sizeof(port)));
    CHECK_EQ(take_event(), there[0]);
}

static long upcall_counted(void *data)
{
    evtchn_port_t port = *(evtchn_port_t *)data;

    upcalls_enable();
    return (long)event_count(port);
}

TEST("an upcall takes FIFO events from their queues")
{
    evtchn_port_t port = (evtchn_port_t)there[0];

    CHECK_OK(send(0));
    CHECK_EQ(IN_DOMU(upcall_counted, port), 1);
}

TEST("a domain of this form dies like any other, with all its ports")
{
    CHECK(domu_kill(&domu));
}

// ---- back -------------------------------------------------------------------------------------
static long back_and_forth(void *data)
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    unsigned pages = 1;
    long error = fifo_init(pages);

    error = error != 0 ? error : event_channel_op(EVTCHNOP_reset, &reset);
    fifo_forget();
    error = error != 0 ? error : fifo_init(pages);
    error = error != 0 ? error : event_channel_op(EVTCHNOP_reset, &reset);
    fifo_forget();
    return error;
}

TEST("EVTCHNOP_reset takes a domain back to the 2-level form, from where it can switch again")
{
    int none = 0;

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(IN_DOMU(back_and_forth, none));
    CHECK(domu_kill(&domu));
}

TEST("the call tells how many bits a link has")
{
    uint32_t vcpu = 0;

    CHECK_OK(domu_start(&domu, NULL));
    domu_ask(&domu, link_bits, &vcpu, sizeof(vcpu));
    CHECK_EQ(domu_answer(&domu, &vcpu, sizeof(vcpu)), EVTCHN_FIFO_LINK_BITS);
    CHECK(domu_kill(&domu));
}
