// SPDX-License-Identifier: Apache-2.0
// sched_op: yield, block, poll (public header sched.h).

#include "clock.h"
#include "tap.h"

#define MS 1000000ul

static long poll_ports(evtchn_port_t *ports, unsigned count, uint64_t timeout_ns)
{
    struct sched_poll poll = {.nr_ports = count, .timeout = timeout_ns};

    set_xen_guest_handle(poll.ports, ports);
    return sched_op(SCHEDOP_poll, &poll);
}

static evtchn_port_t masked_port(void)
{
    int port = event_bind_ipi(0);

    CHECK(port > 0);
    event_mask((evtchn_port_t)port);
    return (evtchn_port_t)port;
}

TEST("yield comes back with 0")
{
    CHECK_OK(sched_op(SCHEDOP_yield, NULL));
}

TEST("yield leaves the upcall mask as it is")
{
    upcalls_disable();
    CHECK_OK(sched_op(SCHEDOP_yield, NULL));
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 1);
    upcalls_enable();
}

TEST("block clears the upcall mask and takes what was pending, without sleeping")
{
    evtchn_port_t port = masked_port();

    event_reset_counts();
    event_clear_mask(port);
    upcalls_disable();
    CHECK_OK(event_send(port));
    CHECK_OK(sched_op(SCHEDOP_block, NULL));
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 0);
    CHECK_EQ(event_count(port), 1);
    CHECK_OK(event_close(port));
}

TEST("poll returns at once when a port is pending, though it is masked")
{
    evtchn_port_t port = masked_port();
    uint64_t start = clock_ns();

    CHECK_OK(event_send(port));
    CHECK_OK(poll_ports(&port, 1, start + 2000 * MS));
    CHECK(clock_ns() - start < 1000 * MS);
    CHECK(event_pending(port));
    CHECK_OK(event_close(port));
}

TEST("poll returns at its timeout when nothing is pending")
{
    evtchn_port_t port = masked_port();
    uint64_t due = clock_ns() + 30 * MS;

    CHECK_OK(poll_ports(&port, 1, due));
    CHECK(clock_ns() >= due);
    CHECK(!event_pending(port));
    CHECK_OK(event_close(port));
}

TEST("poll wakes for an event on a port that is masked")
{
    int timer = event_bind_virq(VIRQ_TIMER, 0);
    evtchn_port_t port = (evtchn_port_t)timer;
    uint64_t start = clock_ns();

    event_mask(port);
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
    event_clear_pending(port);
    CHECK_OK(set_timer_op(start + 20 * MS));
    CHECK_OK(poll_ports(&port, 1, start + 3000 * MS));
    CHECK(event_pending(port));
    CHECK(clock_ns() - start >= 20 * MS);
    CHECK(clock_ns() - start < 2000 * MS);
    CHECK_OK(event_close(port));
}

TEST("poll of no port is a sleep until the timeout")
{
    uint64_t due = clock_ns() + 10 * MS;

    CHECK_OK(poll_ports(NULL, 0, due));
    CHECK(clock_ns() >= due);
}

TEST("poll refuses more than 128 ports, ports that cannot be, and a list that is not there")
{
    static evtchn_port_t ports[129];
    evtchn_port_t beyond = 1u << 20;

    CHECK_ERR(poll_ports(ports, 129, 1), XEN_EINVAL);
    CHECK_ERR(poll_ports(&beyond, 1, 1), XEN_EINVAL);
    CHECK_ERR(poll_ports((evtchn_port_t *)SPARE_VA, 1, 1), XEN_EFAULT);
}

TEST("poll leaves the upcall mask as it is")
{
    upcalls_disable();
    CHECK_OK(poll_ports(NULL, 0, clock_ns() + MS));
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 1);
    upcalls_enable();
}

TEST("the old call yields and blocks the same way")
{
    evtchn_port_t port = masked_port();

    CHECK_OK(sched_op_compat(SCHEDOP_yield, 0));
    event_reset_counts();
    event_clear_mask(port);
    upcalls_disable();
    CHECK_OK(event_send(port));
    CHECK_OK(sched_op_compat(SCHEDOP_block, 0));
    CHECK_EQ(event_count(port), 1);
    CHECK_OK(event_close(port));
}

TEST("an operation nobody knows gets -ENOSYS, in both calls")
{
    CHECK_ERR(sched_op(99, NULL), XEN_ENOSYS);
    CHECK_ERR(sched_op_compat(99, 0), XEN_ENOSYS);
    CHECK_ERR(sched_op_compat(SCHEDOP_poll, 0), XEN_ENOSYS);
}

TEST("a structure that is not there gets -EFAULT")
{
    CHECK_ERR(sched_op(SCHEDOP_poll, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(sched_op(SCHEDOP_shutdown, (void *)SPARE_VA), XEN_EFAULT);
}

TEST("a domain cannot shut down one that does not exist")
{
    struct sched_remote_shutdown remote = {.domain_id = 77, .reason = SHUTDOWN_poweroff};

    CHECK_ERR(sched_op(SCHEDOP_remote_shutdown, &remote), XEN_ESRCH);
}
