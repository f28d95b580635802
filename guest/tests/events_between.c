// SPDX-License-Identifier: Apache-2.0
// Event channels between domains: who may open, bind, send, close and ask, and what becomes of a
// channel when an end goes away (public header event_channel.h).

#include "clock.h"
#include "domu.h"
#include "tap.h"

#define MS 1000000ul

static struct domu domu, other;

// ---- the operations, by domain 0 and by the other domain --------------------------------------
#define BY_DOMU(who, command, operation) \
    domu_event_op((who), (command), &(operation), sizeof(operation))

static int alloc_unbound(domid_t domain, domid_t remote)
{
    struct evtchn_alloc_unbound alloc = {.dom = domain, .remote_dom = remote};
    long error = event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

    return error != 0 ? (int)error : (int)alloc.port;
}

static int alloc_unbound_by(struct domu *who, domid_t domain, domid_t remote)
{
    struct evtchn_alloc_unbound alloc = {.dom = domain, .remote_dom = remote};
    long error = BY_DOMU(who, EVTCHNOP_alloc_unbound, alloc);

    return error != 0 ? (int)error : (int)alloc.port;
}

static int bind(domid_t remote, int port)
{
    struct evtchn_bind_interdomain bind = {.remote_dom = remote,
                                           .remote_port = (evtchn_port_t)port};
    long error = event_channel_op(EVTCHNOP_bind_interdomain, &bind);

    return error != 0 ? (int)error : (int)bind.local_port;
}

static int bind_by(struct domu *who, domid_t remote, int port)
{
    struct evtchn_bind_interdomain bind = {.remote_dom = remote,
                                           .remote_port = (evtchn_port_t)port};
    long error = BY_DOMU(who, EVTCHNOP_bind_interdomain, bind);

    return error != 0 ? (int)error : (int)bind.local_port;
}

static long send_by(struct domu *who, int port)
{
    struct evtchn_send send = {.port = (evtchn_port_t)port};

    return BY_DOMU(who, EVTCHNOP_send, send);
}

static long close_by(struct domu *who, int port)
{
    struct evtchn_close close = {.port = (evtchn_port_t)port};

    return BY_DOMU(who, EVTCHNOP_close, close);
}

static struct evtchn_status status_of(domid_t domain, int port)
{
    struct evtchn_status status = {.dom = domain, .port = (evtchn_port_t)port};

    CHECK_OK(event_channel_op(EVTCHNOP_status, &status));
    return status;
}

// Runs in the other domain.
static long pending_there(void *data)
{
    evtchn_port_t port = *(evtchn_port_t *)data;
    long pending = event_pending(port);

    event_clear_pending(port);
    return pending;
}

static bool took_event(struct domu *who, int port)
{
    evtchn_port_t number = (evtchn_port_t)port;

    return domu_call(who, pending_there, &number, sizeof(number)) == 1;
}

// ---- opening ----------------------------------------------------------------------------------
static int here, there; // a channel between domain 0 and the first domain

TEST("a port that another domain opened for domain 0 is bound by domain 0")
{
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(domu_start(&other, NULL));
    there = alloc_unbound_by(&domu, DOMID_SELF, 0);
    CHECK(there > 0);
    here = bind(domu.domain.domid, there);
    CHECK(here > 0);
    event_mask((evtchn_port_t)here);
}

TEST("each end's status names the other's domain and port, to domain 0 at least")
{
    struct evtchn_status near = status_of(DOMID_SELF, here);
    struct evtchn_status far = status_of(domu.domain.domid, there);

    CHECK_EQ(near.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(near.u.interdomain.dom, domu.domain.domid);
    CHECK_EQ(near.u.interdomain.port, there);
    CHECK_EQ(far.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(far.u.interdomain.dom, 0);
    CHECK_EQ(far.u.interdomain.port, here);
}

TEST("binding leaves the binder's end pending, not the other")
{
    CHECK(event_pending((evtchn_port_t)here));
    CHECK(!took_event(&domu, there));
    event_clear_pending((evtchn_port_t)here);
}

TEST("an event goes each way and nowhere else")
{
    CHECK_OK(event_send((evtchn_port_t)here));
    CHECK(took_event(&domu, there));
    CHECK(!took_event(&other, there));
    CHECK(!event_pending((evtchn_port_t)here));
    CHECK_OK(send_by(&domu, there));
    CHECK(event_pending((evtchn_port_t)here));
    event_clear_pending((evtchn_port_t)here);
}

TEST("another domain may bind only to what was opened for it")
{
    int port = alloc_unbound(DOMID_SELF, other.domain.domid), bound;

    CHECK_EQ(bind_by(&domu, 0, port), -XEN_EINVAL);
    bound = bind_by(&other, 0, port);
    CHECK(bound > 0);
    CHECK_EQ(bind_by(&other, 0, port), -XEN_EINVAL);
    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK_OK(close_by(&other, bound));
}

TEST("two domains that are not domain 0 have a channel between them")
{
    int open = alloc_unbound_by(&domu, DOMID_SELF, other.domain.domid);
    int bound = bind_by(&other, domu.domain.domid, open);

    CHECK(open > 0);
    CHECK(bound > 0);
    CHECK_OK(send_by(&domu, open));
    CHECK(took_event(&other, bound));
    CHECK_OK(send_by(&other, bound));
    CHECK(took_event(&domu, open));
    CHECK_OK(close_by(&domu, open));
    CHECK_OK(close_by(&other, bound));
}

TEST("domain 0 opens ports in other domains, for any domain")
{
    int port = alloc_unbound(domu.domain.domid, other.domain.domid);

    CHECK(port > 0);
    CHECK_EQ(status_of(domu.domain.domid, port).status, EVTCHNSTAT_unbound);
    CHECK_EQ(status_of(domu.domain.domid, port).u.unbound.dom, other.domain.domid);
    CHECK_OK(close_by(&domu, port));
}

TEST("no other domain opens ports elsewhere than in itself")
{
    CHECK_EQ(alloc_unbound_by(&domu, 0, DOMID_SELF), -XEN_EPERM);
    CHECK_EQ(alloc_unbound_by(&domu, other.domain.domid, DOMID_SELF), -XEN_EPERM);
    CHECK_EQ(alloc_unbound_by(&domu, 777, DOMID_SELF), -XEN_ESRCH);
}

TEST("no other domain sees the state of ports elsewhere than its own")
{
    struct evtchn_status status = {.dom = 0, .port = 1};

    CHECK_ERR(BY_DOMU(&domu, EVTCHNOP_status, status), XEN_EPERM);
    status.dom = other.domain.domid;
    CHECK_ERR(BY_DOMU(&domu, EVTCHNOP_status, status), XEN_EPERM);
    status.dom = domu.domain.domid;
    CHECK_OK(BY_DOMU(&domu, EVTCHNOP_status, status));
}

TEST("no other domain resets ports elsewhere than its own")
{
    struct evtchn_reset reset = {.dom = 0};

    CHECK_ERR(BY_DOMU(&domu, EVTCHNOP_reset, reset), XEN_EPERM);
    reset.dom = other.domain.domid;
    CHECK_ERR(BY_DOMU(&domu, EVTCHNOP_reset, reset), XEN_EPERM);
}

TEST("binding to a domain or a port that is not there is refused")
{
    CHECK_EQ(bind_by(&domu, 777, 1), -XEN_ESRCH);
    CHECK_EQ(bind_by(&domu, 0, 4000), -XEN_EINVAL);
    CHECK_EQ(bind_by(&domu, 0, 1 << 20), -XEN_EINVAL);
    CHECK_EQ(bind(domu.domain.domid, 4000), -XEN_EINVAL);
}

TEST("physical interrupts are not for domains without hardware")
{
    struct evtchn_bind_pirq bind_pirq = {.pirq = 4};

    CHECK(BY_DOMU(&domu, EVTCHNOP_bind_pirq, bind_pirq) < 0);
}

// ---- closing ----------------------------------------------------------------------------------
TEST("domain 0 closes its end, and the other waits for domain 0 again")
{
    CHECK_OK(event_close((evtchn_port_t)here));
    CHECK_EQ(status_of(domu.domain.domid, there).status, EVTCHNSTAT_unbound);
    CHECK_EQ(status_of(domu.domain.domid, there).u.unbound.dom, 0);
    CHECK_OK(send_by(&domu, there));
}

TEST("it can be bound once more, and works")
{
    here = bind(domu.domain.domid, there);
    CHECK(here > 0);
    event_mask((evtchn_port_t)here);
    event_clear_pending((evtchn_port_t)here);
    CHECK_OK(event_send((evtchn_port_t)here));
    CHECK(took_event(&domu, there));
}

TEST("the other domain closes its end, and domain 0's waits for it again")
{
    CHECK_OK(close_by(&domu, there));
    CHECK_EQ(status_of(domu.domain.domid, there).status, EVTCHNSTAT_closed);
    CHECK_EQ(status_of(DOMID_SELF, here).status, EVTCHNSTAT_unbound);
    CHECK_EQ(status_of(DOMID_SELF, here).u.unbound.dom, domu.domain.domid);
    CHECK_OK(event_send((evtchn_port_t)here));
    CHECK_OK(event_close((evtchn_port_t)here));
}

TEST("a domain's bound on its ports holds")
{
    struct domain_plan plan = plan_whole_image();
    struct domu small;
    int port = 0;

    plan.config.max_evtchn_port = 3;
    CHECK_OK(domu_start(&small, &plan));
    for (unsigned i = 0; i < 2; i++) {
        port = alloc_unbound_by(&small, DOMID_SELF, 0);
        CHECK(port > 0 && port <= 3);
    }
    CHECK_EQ(alloc_unbound_by(&small, DOMID_SELF, 0), -XEN_ENOSPC);
    CHECK_EQ(alloc_unbound(small.domain.domid, 0), -XEN_ENOSPC);
    CHECK_OK(close_by(&small, port));
    CHECK_EQ(alloc_unbound_by(&small, DOMID_SELF, 0), port);
    CHECK(domu_kill(&small));
}

// ---- being told -------------------------------------------------------------------------------
static long upcalls_of(void *data)
{
    evtchn_port_t port = *(evtchn_port_t *)data;
    unsigned count = event_count(port);

    event_reset_counts();
    return (long)count;
}

static long mask_there(void *data)
{
    event_mask(*(evtchn_port_t *)data);
    return 0;
}

static long unmask_there(void *data)
{
    event_clear_mask(*(evtchn_port_t *)data);
    event_reset_counts();
    return 0;
}

TEST("an event for an unmasked port makes an upcall in the other domain")
{
    evtchn_port_t port;

    there = alloc_unbound_by(&domu, DOMID_SELF, 0);
    here = bind(domu.domain.domid, there);
    event_mask((evtchn_port_t)here);
    port = (evtchn_port_t)there;
    CHECK_OK(domu_call(&domu, unmask_there, &port, sizeof(port)));
    CHECK_OK(event_send((evtchn_port_t)here));
    CHECK_EQ(domu_call(&domu, upcalls_of, &port, sizeof(port)), 1);
}

TEST("events that were sent while it was paused arrive as one when it runs")
{
    evtchn_port_t port = (evtchn_port_t)there;

    CHECK_OK(domain_pause(domu.domain.domid));
    for (unsigned i = 0; i < 5; i++) {
        CHECK_OK(event_send((evtchn_port_t)here));
    }
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK_EQ(domu_call(&domu, upcalls_of, &port, sizeof(port)), 1);
}

struct poll {
    evtchn_port_t ports[130];
    unsigned count;
    uint64_t wait_ns;
};

static long poll_there(void *data)
{
    struct poll *wish = data;
    struct sched_poll poll = {.nr_ports = wish->count};

    set_xen_guest_handle(poll.ports, wish->ports);
    poll.timeout = wish->wait_ns == 0 ? 0 : clock_ns() + wish->wait_ns;
    return sched_op(SCHEDOP_poll, &poll);
}

TEST("a poll ends by an event on any of its ports")
{
    int second = alloc_unbound_by(&domu, DOMID_SELF, 0);
    int near = bind(domu.domain.domid, second);
    struct poll wish = {.ports = {(evtchn_port_t)there, (evtchn_port_t)second}, .count = 2};

    event_mask((evtchn_port_t)near);
    domu_ask(&domu, poll_there, &wish, sizeof(wish));
    (void)sched_op(SCHEDOP_yield, NULL);
    CHECK_OK(event_send((evtchn_port_t)near));
    CHECK_OK(domu_answer(&domu, &wish, sizeof(wish)));
    CHECK(took_event(&domu, second));
    CHECK_OK(event_close((evtchn_port_t)near));
    CHECK_OK(close_by(&domu, second));
}

TEST("a poll on an event that is pending already ends at once")
{
    struct poll wish = {.ports = {(evtchn_port_t)there}, .count = 1};
    evtchn_port_t port = (evtchn_port_t)there;

    CHECK_OK(domu_call(&domu, mask_there, &port, sizeof(port)));
    CHECK_OK(event_send((evtchn_port_t)here));
    CHECK_OK(domu_call(&domu, poll_there, &wish, sizeof(wish)));
    CHECK(took_event(&domu, there));
}

TEST("a poll ends at its time if nothing comes, on no port too")
{
    struct poll wish = {.ports = {(evtchn_port_t)there}, .count = 1, .wait_ns = MS};

    CHECK_OK(domu_call(&domu, poll_there, &wish, sizeof(wish)));
    wish.count = 0;
    CHECK_OK(domu_call(&domu, poll_there, &wish, sizeof(wish)));
}

TEST("a poll on more than 128 ports, or on one that cannot be, is refused")
{
    struct poll wish = {.ports = {1}, .count = 129, .wait_ns = MS};

    CHECK_ERR(domu_call(&domu, poll_there, &wish, sizeof(wish)), XEN_EINVAL);
    wish.count = 1;
    wish.ports[0] = 1u << 20;
    CHECK_ERR(domu_call(&domu, poll_there, &wish, sizeof(wish)), XEN_EINVAL);
}

// Answers events until there were so many: nothing may be lost between looking and sleeping.
struct rally {
    evtchn_port_t port;
    unsigned rounds;
};

static long rally_there(void *data)
{
    const struct rally *rally = data;
    evtchn_port_t port = rally->port;
    struct sched_poll poll = {.nr_ports = 1};

    set_xen_guest_handle(poll.ports, &port);
    event_mask(port);
    for (unsigned round = 0; round < rally->rounds;) {
        (void)sched_op(SCHEDOP_poll, &poll);
        if (event_pending(port)) {
            event_clear_pending(port);
            (void)event_send(port);
            round++;
        }
    }
    return 0;
}

#define ROUNDS 2000

TEST("two domains wake each other by turns without ever losing one")
{
    struct rally rally = {.port = (evtchn_port_t)there, .rounds = ROUNDS};
    evtchn_port_t port = (evtchn_port_t)here;
    unsigned answers = 0, silent = 0;

    event_clear_pending(port);
    domu_ask(&domu, rally_there, &rally, sizeof(rally));
    while (answers < ROUNDS && silent < 3) {
        struct sched_poll poll = {.nr_ports = 1, .timeout = clock_ns() + 3000 * MS};
        set_xen_guest_handle(poll.ports, &port);
        (void)event_send(port);
        (void)sched_op(SCHEDOP_poll, &poll);
        silent = event_pending(port) ? 0 : silent + 1;
        answers += event_pending(port);
        event_clear_pending(port);
    }
    CHECK_EQ(answers, ROUNDS);
    CHECK_OK(domu_answer(&domu, &rally, sizeof(rally)));
}

TEST("a global virtual interrupt is given to another domain's handler")
{
    struct xen_domctl operation = {.u.set_virq_handler.virq = VIRQ_DOM_EXC};
    struct evtchn_bind_virq bind_virq = {.virq = VIRQ_DOM_EXC};
    int mine = event_bind_virq(VIRQ_DOM_EXC, 0);

    event_mask((evtchn_port_t)mine);
    event_clear_pending((evtchn_port_t)mine);
    CHECK_OK(BY_DOMU(&domu, EVTCHNOP_bind_virq, bind_virq));
    CHECK_OK(domctl(XEN_DOMCTL_set_virq_handler, domu.domain.domid, &operation));
    CHECK(domu_kill(&other));
    CHECK(took_event(&domu, (int)bind_virq.port));
    CHECK(!event_pending((evtchn_port_t)mine));
    CHECK_OK(domctl(XEN_DOMCTL_set_virq_handler, 0, &operation));
    CHECK_OK(event_close((evtchn_port_t)mine));
}

TEST("only global virtual interrupts have a handler")
{
    struct xen_domctl operation = {.u.set_virq_handler.virq = VIRQ_TIMER};

    CHECK_ERR(domctl(XEN_DOMCTL_set_virq_handler, domu.domain.domid, &operation), XEN_EINVAL);
    operation.u.set_virq_handler.virq = NR_VIRQS;
    CHECK_ERR(domctl(XEN_DOMCTL_set_virq_handler, domu.domain.domid, &operation), XEN_EINVAL);
}

// ---- the end ----------------------------------------------------------------------------------
TEST("domain 0 resets another domain's ports")
{
    struct evtchn_reset reset;

    CHECK_OK(domu_start(&other, NULL));
    reset.dom = other.domain.domid;
    CHECK_OK(domain_pause(other.domain.domid));
    CHECK_OK(event_channel_op(EVTCHNOP_reset, &reset));
    CHECK_EQ(status_of(other.domain.domid, (int)other.remote_port).status, EVTCHNSTAT_closed);
    CHECK_EQ(status_of(DOMID_SELF, (int)other.port).status, EVTCHNSTAT_unbound);
    CHECK(domu_kill(&other));
}

TEST("a domain's death closes its ends: the others wait for nobody")
{
    domid_t gone = domu.domain.domid;

    CHECK(domu_kill(&domu));
    CHECK_EQ(status_of(DOMID_SELF, here).status, EVTCHNSTAT_unbound);
    CHECK_EQ(status_of(DOMID_SELF, here).u.unbound.dom, gone);
    CHECK_OK(event_send((evtchn_port_t)here));
    CHECK_OK(event_close((evtchn_port_t)here));
    CHECK_EQ(bind(gone, there), -XEN_ESRCH);
}
