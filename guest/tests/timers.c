// SPDX-License-Identifier: Apache-2.0
// The three timers of a vCPU: set_timer_op, single-shot and periodic. All raise VIRQ_TIMER.

#include "clock.h"
#include "tap.h"

#define MS 1000000ul

static evtchn_port_t timer_port;

// Blocks until the timer's event was taken, or for longer than any test waits.
static void wait_for_timer(uint64_t give_up_ns)
{
    while (event_count(timer_port) == 0 && clock_ns() < give_up_ns) {
        struct sched_poll poll = {.nr_ports = 0, .timeout = clock_ns() + MS};
        (void)sched_op(SCHEDOP_poll, &poll);
    }
}

static void quiet(void)
{
    (void)set_timer_op(0);
    (void)vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
    (void)vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    event_clear_pending(timer_port);
    event_reset_counts();
}

static long singleshot(uint64_t timeout_ns, unsigned flags)
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = timeout_ns, .flags = flags};

    return vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer);
}

static long periodic(uint64_t period_ns)
{
    struct vcpu_set_periodic_timer timer = {.period_ns = period_ns};

    return vcpu_op(VCPUOP_set_periodic_timer, 0, &timer);
}

TEST("VIRQ_TIMER can be bound")
{
    int port = event_bind_virq(VIRQ_TIMER, 0);

    CHECK(port > 0);
    timer_port = (evtchn_port_t)port;
    event_clear_mask(timer_port);
}

TEST("set_timer_op raises VIRQ_TIMER at its time, not before")
{
    quiet();
    uint64_t due = clock_ns() + 20 * MS;
    CHECK_OK(set_timer_op(due));
    wait_for_timer(due + 2000 * MS);
    CHECK_EQ(event_count(timer_port), 1);
    CHECK(clock_ns() >= due);
}

TEST("set_timer_op raises once only")
{
    quiet();
    uint64_t due = clock_ns() + 5 * MS;
    CHECK_OK(set_timer_op(due));
    clock_wait_until(due + 60 * MS);
    CHECK_EQ(event_count(timer_port), 1);
}

TEST("set_timer_op with a time that has passed raises at once")
{
    quiet();
    uint64_t start = clock_ns();
    CHECK_OK(set_timer_op(start - MS));
    wait_for_timer(start + 2000 * MS);
    CHECK_EQ(event_count(timer_port), 1);
}

// The machine may be held up between two calls, so that the first one's time has come before the
// second: then again, with more time.
#define WITH_ENOUGH_TIME(span, due) \
    for (uint64_t span = 10 * MS, due = 0; due == 0 || clock_ns() >= due; span *= 4)

TEST("set_timer_op(0) stops the timer")
{
    uint64_t end = 0;

    WITH_ENOUGH_TIME(span, due)
    {
        quiet();
        due = clock_ns() + span;
        CHECK_OK(set_timer_op(due));
        CHECK_OK(set_timer_op(0));
        end = due;
    }
    clock_wait_until(end + 30 * MS);
    CHECK_EQ(event_count(timer_port), 0);
}

TEST("a later set_timer_op replaces the one before")
{
    uint64_t later = 0;

    WITH_ENOUGH_TIME(span, due)
    {
        quiet();
        due = clock_ns() + span;
        later = due + 20 * span;
        CHECK_OK(set_timer_op(due));
        CHECK_OK(set_timer_op(later));
    }
    wait_for_timer(later + 2000 * MS);
    CHECK(clock_ns() >= later);
    CHECK_EQ(event_count(timer_port), 1);
}

TEST("a single-shot timer raises VIRQ_TIMER once, at its time")
{
    quiet();
    uint64_t due = clock_ns() + 20 * MS;
    CHECK_OK(singleshot(due, 0));
    wait_for_timer(due + 2000 * MS);
    CHECK(clock_ns() >= due);
    clock_wait_until(due + 60 * MS);
    CHECK_EQ(event_count(timer_port), 1);
}

TEST("a single-shot timer that is stopped raises nothing")
{
    uint64_t end = 0;

    WITH_ENOUGH_TIME(span, due)
    {
        quiet();
        due = clock_ns() + span;
        CHECK_OK(singleshot(due, 0));
        CHECK_OK(vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL));
        end = due;
    }
    clock_wait_until(end + 30 * MS);
    CHECK_EQ(event_count(timer_port), 0);
}

TEST("a single-shot timer with a time that has passed raises at once")
{
    quiet();
    uint64_t start = clock_ns();
    CHECK_OK(singleshot(start - MS, 0));
    wait_for_timer(start + 2000 * MS);
    CHECK_EQ(event_count(timer_port), 1);
}

TEST("with VCPU_SSHOTTMR_future a time that has passed is either raised or refused with -ETIME")
{
    quiet();
    uint64_t start = clock_ns();
    long error = singleshot(start - MS, VCPU_SSHOTTMR_future);
    CHECK(error == 0 || error == -XEN_ETIME);
    wait_for_timer(start + 50 * MS);
    CHECK_EQ(event_count(timer_port), error == 0 ? 1 : 0);
}

// A period that nobody could take is not made up for, so on a machine that stalls events come
// later, and never earlier.
static void expect_period(unsigned periods, uint64_t period_ns, uint64_t start)
{
    uint64_t give_up = start + 200 * periods * period_ns;

    while (event_count(timer_port) < periods && clock_ns() < give_up) {
        clock_wait_until(clock_ns() + period_ns / 4);
    }
    CHECK(event_count(timer_port) >= periods);
    CHECK(event_count(timer_port) <= (clock_ns() - start) / period_ns + 1);
}

TEST("a periodic timer raises VIRQ_TIMER once a period")
{
    quiet();
    uint64_t start = clock_ns();
    CHECK_OK(periodic(10 * MS));
    expect_period(20, 10 * MS, start);
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
}

TEST("a periodic timer that is stopped raises no more")
{
    quiet();
    uint64_t start = clock_ns();
    CHECK_OK(periodic(5 * MS));
    clock_wait_until(start + 30 * MS);
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
    unsigned count = event_count(timer_port);
    clock_wait_until(start + 80 * MS);
    CHECK_EQ(event_count(timer_port), count);
}

TEST("a period shorter than a millisecond is refused")
{
    CHECK_ERR(periodic(999999), XEN_EINVAL);
    CHECK_ERR(periodic(0), XEN_EINVAL);
}

TEST("a period too long to be kept is refused")
{
    CHECK_ERR(periodic(UINT64_MAX), XEN_EINVAL);
}

TEST("set_timer_op and the single-shot timer are one: the later setting counts")
{
    uint64_t end = 0;

    WITH_ENOUGH_TIME(span, due)
    {
        quiet();
        uint64_t start = clock_ns();
        due = start + 4 * span;
        CHECK_OK(set_timer_op(start + span));
        CHECK_OK(singleshot(due, 0));
        clock_wait_until(start + 3 * span);
        unsigned early = event_count(timer_port);
        end = due;
        CHECK(early == 0 || clock_ns() >= due);
    }
    wait_for_timer(end + 2000 * MS);
    clock_wait_until(end + 50 * MS);
    CHECK_EQ(event_count(timer_port), 1);
}

TEST("the periodic timer goes on beside a single-shot one")
{
    quiet();
    uint64_t start = clock_ns();
    CHECK_OK(periodic(10 * MS));
    CHECK_OK(set_timer_op(start + 500000 * MS));
    expect_period(10, 10 * MS, start);
    CHECK_OK(set_timer_op(0));
    expect_period(20, 10 * MS, start);
    quiet();
}

TEST("a timer set for a blocked vCPU wakes it")
{
    quiet();
    uint64_t due = clock_ns() + 20 * MS;
    CHECK_OK(set_timer_op(due));
    while (event_count(timer_port) == 0) {
        CHECK_OK(sched_op(SCHEDOP_block, NULL));
    }
    CHECK(clock_ns() >= due);
}
