// SPDX-License-Identifier: Apache-2.0
// The life of a domain: running and paused, the ways it ends, and what domain 0 is told.

#include "clock.h"
#include "domu.h"
#include "foreign.h"
#include "tap.h"

#define MS 1000000ul

static struct domu domu;
static int exception_port;

// Counts in the mailbox for ever.
static long count_for_ever(void *data)
{
    while (true) {
        __atomic_fetch_add(&domu_mailbox->progress, 1, __ATOMIC_SEQ_CST);
    }
    return 0;
}

static long shut_down(void *data)
{
    return sched_op(SCHEDOP_shutdown, data);
}

static long announce_code(void *data)
{
    return sched_op(SCHEDOP_shutdown_code, data);
}

static long nothing(void *data)
{
    return 7;
}

static long sleep_for_ever(void *data)
{
    upcalls_disable();
    while (true) {
        struct sched_poll poll = {0};
        (void)sched_op(SCHEDOP_poll, &poll);
    }
    return 0;
}

static void start_counting(void)
{
    int none = 0;

    domu_ask(&domu, count_for_ever, &none, sizeof(none));
}

static uint64_t progress(void)
{
    return __atomic_load_n(&domu.mailbox->progress, __ATOMIC_SEQ_CST);
}

static void sleep_ns(uint64_t length)
{
    struct sched_poll poll = {.timeout = clock_ns() + length};

    (void)sched_op(SCHEDOP_poll, &poll);
}

// Lets others run until the counter moves; false if it never does.
static bool counter_moves(void)
{
    uint64_t before = progress(), give_up = clock_ns() + 10000 * MS;

    while (progress() == before && clock_ns() < give_up) {
        sleep_ns(MS);
    }
    return progress() != before;
}

// On another CPU the domain may run for a moment yet.
static bool counter_stands(void)
{
    uint64_t before;

    for (unsigned looks = 0; looks < 5; looks++) {
        before = progress();
        sleep_ns(20 * MS);
        if (progress() == before) {
            return true;
        }
    }
    return false;
}

static uint32_t flags(void)
{
    return domain_flags(domu.domain.domid);
}

TEST("the virtual interrupt for other domains' ends can be bound")
{
    exception_port = event_bind_virq(VIRQ_DOM_EXC, 0);
    CHECK(exception_port > 0);
    event_mask((evtchn_port_t)exception_port);
}

TEST("a domain that was built does not run before it is unpaused")
{
    CHECK_OK(domu_prepare(&domu, NULL));
    start_counting();
    CHECK(counter_stands());
    CHECK(flags() & XEN_DOMINF_paused);
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK(counter_moves());
    CHECK((flags() & XEN_DOMINF_paused) == 0);
}

TEST("a domain that runs in place is shown as running or ready, not blocked")
{
    CHECK((flags() & (XEN_DOMINF_blocked | XEN_DOMINF_shutdown | XEN_DOMINF_dying)) == 0);
}

TEST("a pause holds a running domain")
{
    CHECK_OK(domain_pause(domu.domain.domid));
    CHECK(counter_stands());
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK(counter_moves());
}

TEST("pauses by domain 0 do not add up past the first beyond what is unpaused")
{
    CHECK_OK(domain_pause(domu.domain.domid));
    CHECK_OK(domain_pause(domu.domain.domid));
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK(counter_stands());
    CHECK(flags() & XEN_DOMINF_paused);
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK(counter_moves());
}

TEST("a domain that is not paused cannot be unpaused")
{
    CHECK_ERR(domain_unpause(domu.domain.domid), XEN_EINVAL);
    CHECK(counter_moves());
}

TEST("its CPU time grows while it runs")
{
    struct xen_domctl_getdomaininfo info;
    uint64_t before;

    CHECK_OK(domain_info(domu.domain.domid, &info));
    before = info.cpu_time;
    CHECK(counter_moves());
    CHECK_OK(domain_info(domu.domain.domid, &info));
    CHECK(info.cpu_time > before);
}

TEST("a running domain is destroyed at once")
{
    CHECK(domu_kill(&domu));
}

TEST("domain 0 is told when a domain is gone")
{
    CHECK(event_pending((evtchn_port_t)exception_port));
    event_clear_pending((evtchn_port_t)exception_port);
}

TEST("a domain that never started can be destroyed")
{
    uint64_t before = free_frames_settled();

    CHECK_OK(domu_prepare(&domu, NULL));
    CHECK(domu_kill(&domu));
    CHECK(free_frames_return_to(before));
}

TEST("a sleeping domain is shown as blocked")
{
    int none = 0;

    CHECK_OK(domu_start(&domu, NULL));
    domu_ask(&domu, sleep_for_ever, &none, sizeof(none));
    sleep_ns(20 * MS);
    CHECK(flags() & XEN_DOMINF_blocked);
    CHECK(domu_kill(&domu));
}

static void ends_with(unsigned reason)
{
    struct sched_shutdown shutdown = {.reason = reason};

    CHECK_OK(domu_start(&domu, NULL));
    event_clear_pending((evtchn_port_t)exception_port);
    CHECK_EQ(domu_call(&domu, shut_down, &shutdown, sizeof(shutdown)), DOMU_ENDED);
    CHECK_EQ(domain_wait_shutdown(domu.domain.domid), (int)reason);
    CHECK(event_pending((evtchn_port_t)exception_port));
    CHECK(flags() & XEN_DOMINF_shutdown);
    CHECK((flags() & XEN_DOMINF_dying) == 0);
    CHECK(domu_kill(&domu));
}

TEST("power-off, reboot, suspend, crash, watchdog and soft reset reach domain 0 as their codes")
{
    for (unsigned reason = SHUTDOWN_poweroff; reason <= SHUTDOWN_soft_reset; reason++) {
        ends_with(reason);
    }
}

TEST("a code that nobody knows is handed on as it is")
{
    ends_with(77);
}

TEST("of a code too large for the flags the low eight bits are handed on")
{
    struct sched_shutdown shutdown = {.reason = 300};

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_EQ(domu_call(&domu, shut_down, &shutdown, sizeof(shutdown)), DOMU_ENDED);
    CHECK_EQ(domain_wait_shutdown(domu.domain.domid), 300 & XEN_DOMINF_shutdownmask);
    CHECK(domu_kill(&domu));
}

TEST("domain 0 shuts another down, and that runs no more")
{
    struct sched_remote_shutdown shutdown = {.reason = SHUTDOWN_reboot};

    CHECK_OK(domu_start(&domu, NULL));
    start_counting();
    CHECK(counter_moves());
    shutdown.domain_id = domu.domain.domid;
    CHECK_OK(sched_op(SCHEDOP_remote_shutdown, &shutdown));
    CHECK_EQ(domain_wait_shutdown(domu.domain.domid), SHUTDOWN_reboot);
    CHECK(counter_stands());
    CHECK(domu_kill(&domu));
}

TEST("a domain that is not there cannot be shut down")
{
    struct sched_remote_shutdown shutdown = {.domain_id = 777};

    CHECK_ERR(sched_op(SCHEDOP_remote_shutdown, &shutdown), XEN_ESRCH);
}

TEST("no other domain shuts domains down")
{
    struct sched_remote_shutdown shutdown = {.domain_id = 0};

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_ERR(domu_sched_op(&domu, SCHEDOP_remote_shutdown, &shutdown, sizeof(shutdown)),
              XEN_EPERM);
    CHECK(domu_kill(&domu));
}

TEST("a code announced before is the one of a later shutdown by anyone")
{
    struct sched_shutdown code = {.reason = SHUTDOWN_crash};
    struct sched_remote_shutdown shutdown = {.reason = SHUTDOWN_poweroff};

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(domu_call(&domu, announce_code, &code, sizeof(code)));
    shutdown.domain_id = domu.domain.domid;
    CHECK_OK(sched_op(SCHEDOP_remote_shutdown, &shutdown));
    CHECK_EQ(domain_wait_shutdown(domu.domain.domid), SHUTDOWN_crash);
    CHECK(domu_kill(&domu));
}

static long fault_without_handler(void *data)
{
    struct trap_info none[1] = {{0}};

    (void)set_trap_table(none);
    (void)hypercall1(__HYPERVISOR_set_trap_table, 0);
    __asm__ volatile("ud2");
    return 0;
}

TEST("a trap without a handler ends a domain as a crash")
{
    int none = 0;

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_EQ(domu_call(&domu, fault_without_handler, &none, sizeof(none)), DOMU_ENDED);
    CHECK_EQ(domain_wait_shutdown(domu.domain.domid), SHUTDOWN_crash);
    CHECK(domu_kill(&domu));
}

TEST("a suspended domain is resumed and goes on behind its call")
{
    struct sched_shutdown shutdown = {.reason = SHUTDOWN_suspend};
    int none = 0;

    CHECK_OK(domu_start(&domu, NULL));
    domu_ask(&domu, shut_down, &shutdown, sizeof(shutdown));
    CHECK_EQ(domain_wait_shutdown(domu.domain.domid), SHUTDOWN_suspend);
    CHECK_OK(domain_resume(domu.domain.domid));
    CHECK_EQ(domain_shutdown_code(domu.domain.domid), -1);
    CHECK_EQ(domu_answer(&domu, &none, sizeof(none)), 0);
    CHECK_EQ(domu_call(&domu, nothing, &none, sizeof(none)), 7);
}

TEST("resuming a domain that runs changes nothing")
{
    int none = 0;

    CHECK_OK(domain_resume(domu.domain.domid));
    CHECK_EQ(domu_call(&domu, nothing, &none, sizeof(none)), 7);
    CHECK(domu_kill(&domu));
}

TEST("a page that domain 0 still maps keeps a dead domain until it lets go")
{
    struct xen_domctl_getdomaininfo info;
    domid_t domid;

    CHECK_OK(domu_start(&domu, NULL));
    domid = domu.domain.domid;
    CHECK_OK(domain_destroy(domid));
    sleep_ns(20 * MS);
    CHECK_OK(domain_info(domid, &info));
    CHECK(info.flags & XEN_DOMINF_dying);
    CHECK(info.tot_pages <= 1);
    CHECK_OK(domain_destroy(domid));
    CHECK(domu_kill(&domu));
}

TEST("of a dying domain nothing can be had any more")
{
    xen_pfn_t frame;
    long error;

    CHECK_OK(domu_start(&domu, NULL));
    frame = domu.domain.frames[0];
    CHECK_OK(domain_destroy(domu.domain.domid));
    CHECK(foreign_map(domu.domain.domid, &frame, 1, PTE_KERNEL_RW, &error) == NULL);
    CHECK(error < 0);
    CHECK(domain_pause(domu.domain.domid) <= 0);
    CHECK(domu_kill(&domu));
}
