// SPDX-License-Identifier: Apache-2.0
// Shares of a CPU between busy domains: by weight, by cap, and the calls that set them (public
// headers domctl.h and sysctl.h). One CPU runs all.

#include "clock.h"
#include "domctl.h"
#include "domu.h"
#include "tap.h"

#define MS      1000000ul
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

// CPU time of each over so long, while domain 0 sleeps.
static void measure(uint64_t ns, uint64_t ran[DOMAINS])
{
    struct sched_poll poll = {.timeout = clock_ns() + ns};

    for (unsigned i = 0; i < DOMAINS; i++) {
        ran[i] = cpu_time(i);
    }
    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    for (unsigned i = 0; i < DOMAINS; i++) {
        ran[i] = cpu_time(i) - ran[i];
    }
    diagnose("CPU time: %lu, %lu and %lu ms", ran[0] / MS, ran[1] / MS, ran[2] / MS);
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

// How far the worst is from its share, in percent.
static unsigned worst_percent(const uint64_t ran[DOMAINS], const uint64_t parts[DOMAINS])
{
    uint64_t all = ran[0] + ran[1] + ran[2], total = parts[0] + parts[1] + parts[2], worst = 0;

    for (unsigned i = 0; i < DOMAINS; i++) {
        uint64_t share = all * parts[i] / total;
        uint64_t error = (ran[i] > share ? ran[i] - share : share - ran[i]) * 100 / (share | 1);
        worst = error > worst ? error : worst;
    }
    return (unsigned)worst;
}

// An emulator that is held up, in the middle of a slice, makes slices of any length: over a time
// as short as this the shares are told, not checked. tests/unit/sched_sim_test.c checks them, over
// longer times and on a clock that nothing holds up.
static void tell_shares(const uint64_t parts[DOMAINS])
{
    uint64_t ran[DOMAINS];

    measure(1500 * MS, ran);
    diagnose("within %u %% of their shares", worst_percent(ran, parts));
    for (unsigned i = 0; i < DOMAINS; i++) {
        CHECK(ran[i] > 0);
    }
}

TEST("busy domains of one weight all run")
{
    static const uint64_t parts[DOMAINS] = {1, 1, 1};

    tell_shares(parts);
}

TEST("busy domains with weights 1:2:4 all run")
{
    static const uint64_t parts[DOMAINS] = {1, 2, 4};

    for (unsigned i = 0; i < DOMAINS; i++) {
        set_shares(i, (uint16_t)(256u << i), 0);
    }
    tell_shares(parts);
}

TEST("a cap holds though the CPU would be idle")
{
    uint64_t ran[DOMAINS];

    CHECK_OK(domain_pause(domu[0].domain.domid));
    CHECK_OK(domain_pause(domu[1].domain.domid));
    set_shares(2, 256, 30);
    measure(1000 * MS, ran);
    CHECK_EQ(ran[0] + ran[1], 0);
    CHECK(ran[2] > 0);
    CHECK(ran[2] <= 500 * MS);
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
    struct sched_poll poll = {.timeout = clock_ns() + 50 * MS};
    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    CHECK_EQ(cpu_time(2), then);
}

TEST("they end")
{
    for (unsigned i = 0; i < DOMAINS; i++) {
        CHECK(domu_kill(&domu[i]));
    }
}
