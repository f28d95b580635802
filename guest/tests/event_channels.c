// SPDX-License-Identifier: Apache-2.0
// The operations on event channels (public header event_channel.h) and their errors.

#include "tap.h"

static long status_of(evtchn_port_t port, struct evtchn_status *status)
{
    *status = (struct evtchn_status){.dom = DOMID_SELF, .port = port};
    return event_channel_op(EVTCHNOP_status, status);
}

static int alloc_unbound(domid_t domain, domid_t remote)
{
    struct evtchn_alloc_unbound alloc = {.dom = domain, .remote_dom = remote};
    long error = event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

    return error != 0 ? (int)error : (int)alloc.port;
}

static int bind_interdomain(domid_t remote, evtchn_port_t port)
{
    struct evtchn_bind_interdomain bind = {.remote_dom = remote, .remote_port = port};
    long error = event_channel_op(EVTCHNOP_bind_interdomain, &bind);

    return error != 0 ? (int)error : (int)bind.local_port;
}

static long bind_vcpu(evtchn_port_t port, unsigned vcpu)
{
    struct evtchn_bind_vcpu bind = {.port = port, .vcpu = vcpu};

    return event_channel_op(EVTCHNOP_bind_vcpu, &bind);
}

TEST("port 0 is never given out, ports are the lowest free ones")
{
    int first = event_bind_ipi(0), second = event_bind_ipi(0);

    CHECK_EQ(first, 1);
    CHECK_EQ(second, 2);
    CHECK_OK(event_close(1));
    CHECK_EQ(event_bind_ipi(0), 1);
    CHECK_OK(event_close(1));
    CHECK_OK(event_close(2));
}

TEST("a port that is not in use has the status closed")
{
    struct evtchn_status status;

    CHECK_OK(status_of(5, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_closed);
}

TEST("a port for interrupts between vCPUs has the status ipi, with its vCPU")
{
    int port = event_bind_ipi(0);
    struct evtchn_status status;

    CHECK_OK(status_of((evtchn_port_t)port, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_ipi);
    CHECK_EQ(status.vcpu, 0);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("a port for a virtual interrupt has the status virq, with its number")
{
    int port = event_bind_virq(VIRQ_DEBUG, 0);
    struct evtchn_status status;

    CHECK_OK(status_of((evtchn_port_t)port, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_virq);
    CHECK_EQ(status.u.virq, VIRQ_DEBUG);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("a closed port's status is closed, and closing it again is refused")
{
    int port = event_bind_ipi(0);
    struct evtchn_status status;

    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK_OK(status_of((evtchn_port_t)port, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_closed);
    CHECK_ERR(event_close((evtchn_port_t)port), XEN_EINVAL);
}

TEST("an unbound port names the domain it waits for")
{
    int port = alloc_unbound(DOMID_SELF, DOMID_SELF);
    struct evtchn_status status;

    CHECK(port > 0);
    CHECK_OK(status_of((evtchn_port_t)port, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_unbound);
    CHECK_EQ(status.u.unbound.dom, 0);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("a domain can connect to itself, and each end names the other")
{
    int unbound = alloc_unbound(DOMID_SELF, DOMID_SELF);
    int local = bind_interdomain(DOMID_SELF, (evtchn_port_t)unbound);
    struct evtchn_status status;

    CHECK(local > 0);
    CHECK_OK(status_of((evtchn_port_t)local, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(status.u.interdomain.dom, 0);
    CHECK_EQ(status.u.interdomain.port, unbound);
    CHECK_OK(status_of((evtchn_port_t)unbound, &status));
    CHECK_EQ(status.u.interdomain.port, local);
    CHECK_OK(event_close((evtchn_port_t)local));
    CHECK_OK(event_close((evtchn_port_t)unbound));
}

TEST("binding to another domain's port sets the local one pending")
{
    int unbound = alloc_unbound(DOMID_SELF, DOMID_SELF);
    int local = bind_interdomain(DOMID_SELF, (evtchn_port_t)unbound);

    CHECK(event_pending((evtchn_port_t)local));
    CHECK(!event_pending((evtchn_port_t)unbound));
    CHECK_OK(event_close((evtchn_port_t)local));
    CHECK_OK(event_close((evtchn_port_t)unbound));
}

TEST("an event sent at one end arrives at the other")
{
    int unbound = alloc_unbound(DOMID_SELF, DOMID_SELF);
    int local = bind_interdomain(DOMID_SELF, (evtchn_port_t)unbound);

    event_clear_pending((evtchn_port_t)local);
    CHECK_OK(event_send((evtchn_port_t)local));
    CHECK(event_pending((evtchn_port_t)unbound));
    CHECK(!event_pending((evtchn_port_t)local));
    CHECK_OK(event_send((evtchn_port_t)unbound));
    CHECK(event_pending((evtchn_port_t)local));
    CHECK_OK(event_close((evtchn_port_t)local));
    CHECK_OK(event_close((evtchn_port_t)unbound));
}

TEST("closing one end leaves the other unbound, waiting for the same domain")
{
    int unbound = alloc_unbound(DOMID_SELF, DOMID_SELF);
    int local = bind_interdomain(DOMID_SELF, (evtchn_port_t)unbound);
    struct evtchn_status status;

    CHECK_OK(event_close((evtchn_port_t)local));
    CHECK_OK(status_of((evtchn_port_t)unbound, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_unbound);
    CHECK_EQ(status.u.unbound.dom, 0);
    CHECK_OK(event_close((evtchn_port_t)unbound));
}

TEST("sending on an unbound port is lost without an error")
{
    int port = alloc_unbound(DOMID_SELF, DOMID_SELF);

    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK(!event_pending((evtchn_port_t)port));
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("sending on a closed port, or one for a virtual interrupt, is refused")
{
    int port = event_bind_virq(VIRQ_DEBUG, 0);

    CHECK_ERR(event_send((evtchn_port_t)port), XEN_EINVAL);
    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK_ERR(event_send((evtchn_port_t)port), XEN_EINVAL);
    CHECK_ERR(event_send(0), XEN_EINVAL);
}

TEST("a port number beyond all is refused by every operation")
{
    struct evtchn_status status;

    CHECK_ERR(event_send(1u << 20), XEN_EINVAL);
    CHECK_ERR(event_close(1u << 20), XEN_EINVAL);
    CHECK_ERR(event_unmask_call(1u << 20), XEN_EINVAL);
    CHECK_ERR(bind_vcpu(1u << 20, 0), XEN_EINVAL);
    CHECK_ERR(status_of(1u << 20, &status), XEN_EINVAL);
    CHECK_ERR(event_send(UINT32_MAX), XEN_EINVAL);
}

TEST("a virtual interrupt is bound once for each vCPU")
{
    int port = event_bind_virq(VIRQ_DEBUG, 0);

    CHECK(port > 0);
    CHECK_EQ(event_bind_virq(VIRQ_DEBUG, 0), -XEN_EEXIST);
    CHECK_OK(event_close((evtchn_port_t)port));
    port = event_bind_virq(VIRQ_DEBUG, 0);
    CHECK(port > 0);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("a virtual interrupt that does not exist is refused")
{
    CHECK_EQ(event_bind_virq(NR_VIRQS, 0), -XEN_EINVAL);
    CHECK_EQ(event_bind_virq(UINT32_MAX, 0), -XEN_EINVAL);
}

TEST("a vCPU that does not exist is refused")
{
    CHECK_EQ(event_bind_virq(VIRQ_DEBUG, 500), -XEN_ENOENT);
    CHECK_EQ(event_bind_ipi(500), -XEN_ENOENT);
}

TEST("a global virtual interrupt is allocated on vCPU 0 only")
{
    CHECK_EQ(event_bind_virq(VIRQ_CONSOLE, 1), -XEN_EINVAL);
}

TEST("a global virtual interrupt can be bound to a vCPU, one of a vCPU cannot")
{
    int global = event_bind_virq(VIRQ_CONSOLE, 0), local = event_bind_virq(VIRQ_DEBUG, 0);

    CHECK(global > 0);
    CHECK_OK(bind_vcpu((evtchn_port_t)global, 0));
    CHECK_ERR(bind_vcpu((evtchn_port_t)local, 0), XEN_EINVAL);
    CHECK_OK(event_close((evtchn_port_t)global));
    CHECK_OK(event_close((evtchn_port_t)local));
}

TEST("a port for interrupts between vCPUs cannot be bound to another")
{
    int port = event_bind_ipi(0);

    CHECK_ERR(bind_vcpu((evtchn_port_t)port, 0), XEN_EINVAL);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("an unbound port can be bound to a vCPU, but not to one that does not exist")
{
    int port = alloc_unbound(DOMID_SELF, DOMID_SELF);

    CHECK_OK(bind_vcpu((evtchn_port_t)port, 0));
    CHECK_ERR(bind_vcpu((evtchn_port_t)port, 500), XEN_ENOENT);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("binding to a port that waits for nobody is refused")
{
    int ipi = event_bind_ipi(0);

    CHECK_EQ(bind_interdomain(DOMID_SELF, (evtchn_port_t)ipi), -XEN_EINVAL);
    CHECK_EQ(bind_interdomain(DOMID_SELF, 900), -XEN_EINVAL);
    CHECK_OK(event_close((evtchn_port_t)ipi));
}

TEST("a domain that does not exist is refused")
{
    CHECK_EQ(alloc_unbound(77, DOMID_SELF), -XEN_ESRCH);
    CHECK_EQ(bind_interdomain(77, 1), -XEN_ESRCH);
}

TEST("a port can wait for a domain that does not exist yet")
{
    int port = alloc_unbound(DOMID_SELF, 77);
    struct evtchn_status status;

    CHECK(port > 0);
    CHECK_OK(status_of((evtchn_port_t)port, &status));
    CHECK_EQ(status.u.unbound.dom, 77);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("closing a port clears its pending bit")
{
    int port = event_bind_ipi(0);

    event_mask((evtchn_port_t)port);
    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK(event_pending((evtchn_port_t)port));
    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK(!event_pending((evtchn_port_t)port));
}

TEST("a new port is masked or not as the guest left it: the mask is the guest's alone")
{
    int port = event_bind_ipi(0);

    event_clear_mask((evtchn_port_t)port);
    CHECK_OK(event_close((evtchn_port_t)port));
    port = event_bind_ipi(0);
    CHECK(!event_masked((evtchn_port_t)port));
    event_mask((evtchn_port_t)port);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("EVTCHNOP_reset closes every port")
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    struct evtchn_status status;
    int port = event_bind_ipi(0);

    CHECK_OK(event_channel_op(EVTCHNOP_reset, &reset));
    CHECK_OK(status_of((evtchn_port_t)port, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_closed);
}

TEST("the old form of the call, with the command in its structure, does the same")
{
    struct evtchn_op op = {.cmd = EVTCHNOP_bind_ipi, .u.bind_ipi = {.vcpu = 0}};

    CHECK_OK(event_channel_op_compat(&op));
    CHECK(op.u.bind_ipi.port > 0);
    CHECK_OK(event_close(op.u.bind_ipi.port));
}

TEST("an operation nobody knows gets -ENOSYS")
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};

    CHECK_ERR(event_channel_op(99, &reset), XEN_ENOSYS);
}
