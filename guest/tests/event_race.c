// SPDX-License-Identifier: Apache-2.0
// Two vCPUs on two CPUs send each other events as fast as they can: none may be lost, whether the
// other is about to poll, to block, to mask or to unmask.

#include "clock.h"
#include "image.h"
#include "tap.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=2");
IMAGE_BOOT("cpus=2");

#define MS     1000000ul
#define ROUNDS 1000ul
// A lost event shows as a wait that only this ends.
#define PATIENCE (5000 * MS)

static evtchn_port_t to_first, to_second; // ports of vCPU 0 and of vCPU 1
static volatile uint64_t sent, answered, lost;

static uint64_t clock_of(unsigned vcpu)
{
    return clock_ns_by(&shared_info->vcpu_info[vcpu].time);
}

// Sleeps until the port is pending, however often it wakes for other reasons; false after long.
static bool poll_for(unsigned vcpu, evtchn_port_t port)
{
    uint64_t give_up = clock_of(vcpu) + PATIENCE;

    while (!event_pending(port)) {
        struct sched_poll poll = {.nr_ports = 1, .timeout = give_up};
        set_xen_guest_handle(poll.ports, &port);
        (void)sched_op(SCHEDOP_poll, &poll);
        if (clock_of(vcpu) >= give_up) {
            return event_pending(port);
        }
    }
    return true;
}

// vCPU 1: answers each event with one of its own.
static void echo(void *argument)
{
    for (answered = 0; answered < ROUNDS && lost == 0;) {
        if (!poll_for(1, to_second)) {
            lost++;
        }
        event_clear_pending(to_second);
        answered++;
        (void)event_send(to_first);
    }
}

static void open_ports(void)
{
    int first = event_bind_ipi(0), second = event_bind_ipi(1);

    CHECK(first > 0);
    CHECK(second > 0);
    to_first = (evtchn_port_t)first;
    to_second = (evtchn_port_t)second;
    event_mask(to_first);
    event_mask(to_second);
    event_clear_pending(to_first);
    event_clear_pending(to_second);
    sent = answered = lost = 0;
}

static void close_ports(void)
{
    CHECK_OK(event_close(to_first));
    CHECK_OK(event_close(to_second));
}

TEST("an event that comes while a vCPU is about to poll ends the poll")
{
    open_ports();
    CHECK_OK(vcpu_start(1, echo, NULL));
    while (sent < ROUNDS && lost == 0) {
        CHECK_OK(event_send(to_second));
        sent++;
        if (!poll_for(0, to_first)) {
            lost++;
        }
        event_clear_pending(to_first);
    }
    CHECK_EQ(lost, 0);
    CHECK(vcpu_wait_down(1, 5000));
    CHECK_EQ(answered, ROUNDS);
    close_ports();
}

TEST("an event that comes while a vCPU is about to block wakes it")
{
    int timer = event_bind_virq(VIRQ_TIMER, 0);

    CHECK(timer > 0);
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
    open_ports();
    event_clear_mask(to_first);
    event_clear_mask((evtchn_port_t)timer);
    event_reset_counts();
    CHECK_OK(vcpu_start(1, echo, NULL));
    while (sent < ROUNDS && lost == 0) {
        upcalls_disable();
        CHECK_OK(event_send(to_second));
        sent++;
        CHECK_OK(set_timer_op(clock_ns() + PATIENCE));
        while (event_count(to_first) < sent && event_count((evtchn_port_t)timer) == 0) {
            (void)sched_op(SCHEDOP_block, NULL);
            upcalls_disable();
        }
        lost += event_count(to_first) < sent;
    }
    upcalls_enable();
    CHECK_EQ(lost, 0);
    CHECK_OK(set_timer_op(0));
    CHECK(vcpu_wait_down(1, 5000));
    event_mask((evtchn_port_t)timer);
    CHECK_OK(event_close((evtchn_port_t)timer));
    close_ports();
}

// vCPU 1: an event as soon as the one before was taken.
static void fire(void *argument)
{
    uint64_t give_up = clock_of(1) + PATIENCE;

    for (sent = 0; sent < ROUNDS; sent++) {
        while (event_count(to_first) < sent && lost == 0) {
            if (clock_of(1) >= give_up) {
                lost++;
            }
        }
        give_up = clock_of(1) + PATIENCE;
        if (lost != 0) {
            return;
        }
        (void)event_send(to_first);
    }
}

TEST("an event that comes while its port is being masked and unmasked is an upcall in the end")
{
    open_ports();
    event_reset_counts();
    event_clear_mask(to_first);
    CHECK_OK(vcpu_start(1, fire, NULL));
    while (vcpu_op(VCPUOP_is_up, 1, NULL) != 0) {
        event_mask(to_first);
        CHECK_OK(event_unmask_call(to_first));
    }
    CHECK_EQ(lost, 0);
    CHECK_EQ(sent, ROUNDS);
    CHECK_EQ(event_count(to_first), ROUNDS);
    event_mask(to_first);
    close_ports();
}

TEST("an event that comes while upcalls are being masked and unmasked is an upcall in the end")
{
    open_ports();
    event_reset_counts();
    event_clear_mask(to_first);
    CHECK_OK(vcpu_start(1, fire, NULL));
    while (vcpu_op(VCPUOP_is_up, 1, NULL) != 0) {
        upcalls_disable();
        upcalls_enable();
    }
    CHECK_EQ(lost, 0);
    CHECK_EQ(event_count(to_first), ROUNDS);
    event_mask(to_first);
    close_ports();
}

static volatile uint64_t going;

static void go_down(void *argument)
{
    going++;
}

TEST("a vCPU that goes down while another brings it up is up in the end")
{
    uint64_t give_up = clock_ns() + 20000 * MS;

    going = 0;
    for (uint64_t i = 1; i <= 500 && clock_ns() < give_up; i++) {
        CHECK_OK(vcpu_start(1, go_down, NULL));
        while (going < i && clock_ns() < give_up) {
        }
        while (vcpu_op(VCPUOP_is_up, 1, NULL) != 0 && clock_ns() < give_up) {
        }
    }
    CHECK_EQ(going, 500);
}
