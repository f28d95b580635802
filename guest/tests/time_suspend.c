// SPDX-License-Identifier: Apache-2.0
// Time of a domain that is held: paused and let go, suspended and resumed. Nothing here depends on
// how fast anything is: what one domain reads lies between what the other read before and after.

#include "clock.h"
#include "domu.h"
#include "tap.h"

#define MS    1000000ul
#define CLOSE 1000 // nanoseconds: as near as clocks have to be

static struct domu domu;

static void sleep_until(uint64_t deadline)
{
    while (clock_ns() < deadline) {
        struct sched_poll poll = {.timeout = deadline};
        (void)sched_op(SCHEDOP_poll, &poll);
    }
}

// Nanoseconds since 1970 when system time was zero.
static uint64_t epoch_ns(void)
{
    const volatile struct shared_info *shared = shared_info;
    uint64_t ns;
    uint32_t version;

    do {
        version = shared->wc_version;
        __asm__ volatile("" : : : "memory");
        ns = ((uint64_t)shared->wc_sec_hi << 32 | shared->wc_sec) * 1000 * MS + shared->wc_nsec;
        __asm__ volatile("" : : : "memory");
    } while ((version & 1) != 0 || version != shared->wc_version);
    return ns;
}

// ---- what the other domain does ---------------------------------------------------------------

struct report {
    uint64_t first, last; // its clock
    uint64_t first_epoch, last_epoch;
    uint64_t longest, backward; // between two readings; how often it went back
    uint64_t due;               // of a timer
    uint64_t events;
};

// While a function runs, both sides see this.
static struct report *in_mailbox(struct mailbox *mailbox)
{
    return (struct report *)mailbox->data;
}

static void set_progress(struct mailbox *mailbox, uint64_t to)
{
    __atomic_store_n(&mailbox->progress, to, __ATOMIC_SEQ_CST);
}

static uint64_t progress_of(struct mailbox *mailbox)
{
    return __atomic_load_n(&mailbox->progress, __ATOMIC_SEQ_CST);
}

enum { BEGUN = 1, STOP = 2 };

static long read_clock(void *data)
{
    struct report *report = data;

    report->first = clock_ns();
    report->first_epoch = epoch_ns();
    return 0;
}

// Looks at its clock until it is told to stop.
static long watch_clock(void *data)
{
    struct report *report = data;

    report->first = report->last = clock_ns();
    set_progress(domu_mailbox, BEGUN);
    while (progress_of(domu_mailbox) != STOP) {
        uint64_t now = clock_ns();
        report->backward += now < report->last;
        if (now > report->last && now - report->last > report->longest) {
            report->longest = now - report->last;
        }
        report->last = now;
    }
    return 0;
}

static evtchn_port_t timer_port;

static long bind_timer(void *data)
{
    int port = event_bind_virq(VIRQ_TIMER, 0);

    timer_port = port > 0 ? (evtchn_port_t)port : 0;
    return port > 0 ? 0 : port;
}

// Sets a timer and waits for it, without a call: `due` is in so many nanoseconds.
static long await_timer(void *data)
{
    struct report *report = data;

    event_clear_pending(timer_port);
    report->due = clock_ns() + report->due;
    in_mailbox(domu_mailbox)->due = report->due;
    if (set_timer_op(report->due) != 0) {
        return -1;
    }
    set_progress(domu_mailbox, BEGUN);
    // An event before its time is a late one of an earlier timer.
    do {
        while (!event_pending(timer_port)) {
            __asm__ volatile("pause");
        }
        event_clear_pending(timer_port);
        report->last = clock_ns();
    } while (report->last < report->due);
    return 0;
}

// Counts a periodic timer's events until it is told to stop.
static long count_ticks(void *data)
{
    struct report *report = data, *shown = in_mailbox(domu_mailbox);
    struct vcpu_set_periodic_timer timer = {.period_ns = report->due};

    event_clear_pending(timer_port);
    if (vcpu_op(VCPUOP_set_periodic_timer, 0, &timer) != 0) {
        return -1;
    }
    report->events = 0;
    set_progress(domu_mailbox, BEGUN);
    while (progress_of(domu_mailbox) != STOP) {
        if (event_pending(timer_port)) {
            event_clear_pending(timer_port);
            __atomic_store_n(&shown->events, ++report->events, __ATOMIC_SEQ_CST);
        }
    }
    return vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
}

static long suspend(void *data)
{
    struct sched_shutdown shutdown = {.reason = SHUTDOWN_suspend};
    struct report *report = data;
    long error;

    report->first = clock_ns();
    report->first_epoch = epoch_ns();
    error = sched_op(SCHEDOP_shutdown, &shutdown);
    report->last = clock_ns();
    report->last_epoch = epoch_ns();
    return error;
}

// ---- domain 0's side --------------------------------------------------------------------------

static void ask(domu_function *function, struct report *report)
{
    set_progress(domu.mailbox, 0);
    domu_ask(&domu, function, report, sizeof(*report));
}

static bool wait_for(const uint64_t *word, uint64_t least)
{
    uint64_t give_up = clock_ns() + 20000 * MS;

    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) < least && clock_ns() < give_up) {
        sleep_until(clock_ns() + MS);
    }
    return __atomic_load_n(word, __ATOMIC_SEQ_CST) >= least;
}

static bool is_between(uint64_t before, uint64_t value, uint64_t after)
{
    if (value + CLOSE < before || value > after + CLOSE) {
        diagnose("%lu is not between %lu and %lu", value, before, after);
        return false;
    }
    return true;
}

TEST("another domain is built")
{
    struct report none = {0};

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(domu_call(&domu, bind_timer, &none, sizeof(none)));
}

// Twenty readings between two of domain 0's.
static bool clocks_agree(void)
{
    bool agree = true;

    for (unsigned round = 0; round < 20 && agree; round++) {
        struct report report = {0};
        uint64_t before = clock_ns();

        agree = domu_call(&domu, read_clock, &report, sizeof(report)) == 0 &&
                is_between(before, report.first, clock_ns()) && report.first_epoch == epoch_ns();
    }
    return agree;
}

// Where processors' counters are corrected by another one, an emulated processor may be taken away
// in the middle of reading that, and is put right by a later reading.
TEST("its clock is the machine's to a microsecond, and so is its date")
{
    bool stable = (shared_info->vcpu_info[0].time.flags & XEN_PVCLOCK_TSC_STABLE_BIT) != 0;
    bool agree = clocks_agree();

    for (unsigned more = stable ? 0 : 50; more > 0 && !agree; more--) {
        sleep_until(clock_ns() + 200 * MS);
        agree = clocks_agree();
    }
    CHECK(agree);
}

TEST("time passes for a domain that is paused, and does not go back when it is let go")
{
    struct report report = {0};
    uint64_t paused, let_go;

    ask(watch_clock, &report);
    CHECK(wait_for(&domu.mailbox->progress, BEGUN));
    CHECK_OK(domain_pause(domu.domain.domid));
    paused = clock_ns();
    sleep_until(paused + 40 * MS);
    let_go = clock_ns();
    CHECK_OK(domain_unpause(domu.domain.domid));
    sleep_until(clock_ns() + 5 * MS);
    set_progress(domu.mailbox, STOP);
    CHECK_OK(domu_answer(&domu, &report, sizeof(report)));
    CHECK_EQ(report.backward, 0);
    CHECK(report.longest + CLOSE >= let_go - paused);
    CHECK(report.last <= clock_ns() + CLOSE);
}

TEST("a timer whose time comes during a pause is raised after it")
{
    struct report report;
    uint64_t paused, let_go, due;

    // Again with more time where the machine was so slow that the pause came too late.
    for (uint64_t span = 50 * MS;; span *= 4) {
        report = (struct report){.due = span};
        ask(await_timer, &report);
        CHECK(wait_for(&domu.mailbox->progress, BEGUN));
        CHECK_OK(domain_pause(domu.domain.domid));
        paused = clock_ns();
        due = in_mailbox(domu.mailbox)->due;
        sleep_until(due + 10 * MS);
        let_go = clock_ns();
        CHECK_OK(domain_unpause(domu.domain.domid));
        CHECK_OK(domu_answer(&domu, &report, sizeof(report)));
        if (paused < due || span > 10000 * MS) {
            break;
        }
    }
    CHECK(paused < due);
    CHECK(is_between(let_go, report.last, clock_ns()));
}

TEST("a periodic timer goes on after a pause, and makes up for nothing")
{
    struct report report = {.due = 5 * MS}, *shown = in_mailbox(domu.mailbox);
    uint64_t before, let_go;

    ask(count_ticks, &report);
    CHECK(wait_for(&domu.mailbox->progress, BEGUN));
    CHECK(wait_for(&shown->events, 3));
    CHECK_OK(domain_pause(domu.domain.domid));
    sleep_until(clock_ns() + 200 * MS);
    before = shown->events;
    let_go = clock_ns();
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK(wait_for(&shown->events, before + 3));
    set_progress(domu.mailbox, STOP);
    CHECK_OK(domu_answer(&domu, &report, sizeof(report)));
    CHECK(report.events - before <= (clock_ns() - let_go) / (5 * MS) + 2);
}

TEST("time passes for a domain that is suspended; its clock and date are right when it is resumed")
{
    for (unsigned round = 0; round < 3; round++) {
        struct report report = {0};
        uint64_t before = clock_ns(), suspended, resumed;

        ask(suspend, &report);
        CHECK_EQ(domain_wait_shutdown(domu.domain.domid), SHUTDOWN_suspend);
        suspended = clock_ns();
        sleep_until(suspended + 30 * MS);
        resumed = clock_ns();
        CHECK_OK(domain_resume(domu.domain.domid));
        CHECK_OK(domu_answer(&domu, &report, sizeof(report)));
        CHECK(is_between(before, report.first, suspended));
        CHECK(is_between(resumed, report.last, clock_ns()));
        CHECK_EQ(report.first_epoch, report.last_epoch);
        CHECK_EQ(report.last_epoch, epoch_ns());
    }
}

TEST("after that its timers work, and its clock is the machine's")
{
    struct report report = {.due = 5 * MS};
    uint64_t before = clock_ns();

    CHECK_OK(domu_call(&domu, await_timer, &report, sizeof(report)));
    CHECK(report.last >= report.due);
    CHECK(is_between(before + 5 * MS, report.last, clock_ns()));
    CHECK(domu_kill(&domu));
}
