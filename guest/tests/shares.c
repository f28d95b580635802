// SPDX-License-Identifier: Apache-2.0
// Shares of a CPU between busy domains: by weight, by cap, and the calls that set them (public
// headers domctl.h and sysctl.h). One CPU runs all.
//
// Machine time is counted in instructions here, 64 ns each: an emulator that is held up in the
// middle of a slice would make slices of any length. On the command line: seconds=N, how long each
// share is measured (default: 10). Prints `shares NAME VALUE...` lines, CPU times in microseconds.

#include "clock.h"
#include "domctl.h"
#include "domu.h"
#include "image.h"
#include "tap.h"

IMAGE_BOOT("icount=6");

#define US      1000ul
#define MS      1000000ul
#define SECOND  1000000000ul
#define DOMAINS 3

static struct domu domu[DOMAINS];

// In each of the domains: for ever.
static long spin(void *data)
{
    for (;;) {
        domu_mailbox->progress++;
    }
    return 0;
}

static long scheduler(unsigned i, uint32_t command, uint16_t *weight, uint16_t *cap)
{
    struct xen_domctl op = {.u.scheduler_op = {.sched_id = XEN_SCHEDULER_CREDIT2, .cmd = command}};
    long error;

    op.u.scheduler_op.u.credit2.weight = *weight;
    op.u.scheduler_op.u.credit2.cap = *cap;
    error = domctl(XEN_DOMCTL_scheduler_op, domu[i].domain.domid, &op);
    *weight = op.u.scheduler_op.u.credit2.weight;
    *cap = op.u.scheduler_op.u.credit2.cap;
    return error;
}

static void set_shares(unsigned i, uint16_t weight, uint16_t cap)
{
    CHECK_OK(scheduler(i, XEN_DOMCTL_SCHEDOP_putinfo, &weight, &cap));
}

static uint64_t cpu_time(unsigned i)
{
    struct xen_domctl_getdomaininfo info = {0};

    CHECK_OK(domain_info(domu[i].domain.domid, &info));
    return info.cpu_time;
}

static void sleep_ns(uint64_t ns)
{
    struct sched_poll poll = {.timeout = clock_ns() + ns};

    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
}

// CPU time of each over so long, while domain 0 sleeps. They start on their way before it counts.
static void measure(const char *name, uint64_t ns, uint64_t ran[DOMAINS])
{
    sleep_ns(100 * MS);
    for (unsigned i = 0; i < DOMAINS; i++) {
        ran[i] = cpu_time(i);
    }
    sleep_ns(ns);
    for (unsigned i = 0; i < DOMAINS; i++) {
        ran[i] = cpu_time(i) - ran[i];
    }
    print("shares %s %lu %lu %lu\n", name, ran[0] / US, ran[1] / US, ran[2] / US);
}

TEST("three domains start, with weight 256 and no cap")
{
    uint16_t weight = 0, cap = 0xffff;

    for (unsigned i = 0; i < DOMAINS; i++) {
        CHECK_OK(domu_start(&domu[i], NULL));
        domu_ask(&domu[i], spin, NULL, 0);
    }
    CHECK_OK(scheduler(0, XEN_DOMCTL_SCHEDOP_getinfo, &weight, &cap));
    CHECK_EQ(weight, 256);
    CHECK_EQ(cap, 0);
}

// Within 5 percent of what it should be.
static void check_near(uint64_t ns, uint64_t should_be)
{
    CHECK(ns >= should_be - should_be / 20);
    CHECK(ns <= should_be + should_be / 20);
}

// Each gets its part of the CPU, and nothing of it is lost.
static void check_shares(const char *name, const uint64_t parts[DOMAINS])
{
    uint64_t ns = boot_option("seconds=", 10) * SECOND, total = parts[0] + parts[1] + parts[2];
    uint64_t ran[DOMAINS];

    measure(name, ns, ran);
    for (unsigned i = 0; i < DOMAINS; i++) {
        check_near(ran[i], ns * parts[i] / total);
    }
}

TEST("two busy domains of one weight get half of the CPU each, within 5 %")
{
    static const uint64_t parts[DOMAINS] = {1, 1, 0};

    CHECK_OK(domain_pause(domu[2].domain.domid));
    check_shares("equal", parts);
    CHECK_OK(domain_unpause(domu[2].domain.domid));
}

TEST("busy domains with weights 1:2:4 get the CPU in that ratio, within 5 %")
{
    static const uint64_t parts[DOMAINS] = {1, 2, 4};

    for (unsigned i = 0; i < DOMAINS; i++) {
        set_shares(i, (uint16_t)(256u << i), 0);
    }
    check_shares("weights", parts);
}

TEST("a cap of 30 % holds, and is reached, though the CPU would be idle")
{
    uint64_t ns = boot_option("seconds=", 10) * SECOND / 4, ran[DOMAINS];

    CHECK_OK(domain_pause(domu[0].domain.domid));
    CHECK_OK(domain_pause(domu[1].domain.domid));
    set_shares(2, 256, 30);
    measure("cap", ns, ran);
    CHECK_EQ(ran[0] + ran[1], 0);
    check_near(ran[2], ns * 30 / 100);
    set_shares(2, 256, 0);
    CHECK_OK(domain_unpause(domu[0].domain.domid));
    CHECK_OK(domain_unpause(domu[1].domain.domid));
}

TEST("weight 0 leaves the weight; the cap is set in any case, to no more than its vCPUs can use")
{
    uint16_t weight = 0, cap = 70;

    set_shares(0, 500, 0);
    CHECK_OK(scheduler(0, XEN_DOMCTL_SCHEDOP_putinfo, &weight, &cap));
    CHECK_OK(scheduler(0, XEN_DOMCTL_SCHEDOP_getinfo, &weight, &cap));
    CHECK_EQ(weight, 500);
    CHECK_EQ(cap, 70);
    cap = 101;
    CHECK_ERR(scheduler(0, XEN_DOMCTL_SCHEDOP_putinfo, &weight, &cap), XEN_EINVAL);
    cap = 0xffff;
    CHECK_ERR(scheduler(0, XEN_DOMCTL_SCHEDOP_putinfo, &weight, &cap), XEN_EINVAL);
    set_shares(0, 256, 0);
}

TEST("another scheduler's parameters are refused")
{
    struct xen_domctl op = {
        .u.scheduler_op = {.sched_id = XEN_SCHEDULER_CREDIT, .cmd = XEN_DOMCTL_SCHEDOP_getinfo}};

    CHECK_ERR(domctl(XEN_DOMCTL_scheduler_op, domu[0].domain.domid, &op), XEN_EINVAL);
}

TEST("the rate limit is read and set, within its bounds")
{
    struct xen_sysctl op = {
        .u.scheduler_op = {.sched_id = XEN_SCHEDULER_CREDIT2, .cmd = XEN_SYSCTL_SCHEDOP_getinfo}};

    CHECK_OK(sysctl(XEN_SYSCTL_scheduler_op, &op));
    CHECK_EQ(op.u.scheduler_op.u.sched_credit2.ratelimit_us, 1000);
    op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
    op.u.scheduler_op.u.sched_credit2.ratelimit_us = XEN_SYSCTL_SCHED_RATELIMIT_MAX + 1;
    CHECK_ERR(sysctl(XEN_SYSCTL_scheduler_op, &op), XEN_EINVAL);
    op.u.scheduler_op.u.sched_credit2.ratelimit_us = 1000;
    CHECK_OK(sysctl(XEN_SYSCTL_scheduler_op, &op));
}

TEST("a domain that domain 0 shuts down reports the reason")
{
    struct sched_remote_shutdown remote = {.domain_id = domu[2].domain.domid,
                                           .reason = SHUTDOWN_reboot};

    CHECK_OK(sched_op(SCHEDOP_remote_shutdown, &remote));
    CHECK_EQ(domain_shutdown_code(domu[2].domain.domid), SHUTDOWN_reboot);
    uint64_t then = cpu_time(2);
    sleep_ns(50 * MS);
    CHECK_EQ(cpu_time(2), then);
}

TEST("they end")
{
    for (unsigned i = 0; i < DOMAINS; i++) {
        CHECK(domu_kill(&domu[i]));
    }
}
