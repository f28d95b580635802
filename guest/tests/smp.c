// SPDX-License-Identifier: Apache-2.0
// Two vCPUs on two CPUs: they run at once, see each other's changes of page tables, read the same
// time, and tell each other of events.

#include "clock.h"
#include "image.h"
#include "tap.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=2");
IMAGE_BOOT("cpus=2");

#define MS     1000000ul
#define SECOND (1000 * MS)

// ---- the second vCPU: it does what `job` points to, again and again
// ------------------------------

typedef void (*job_t)(void);
static volatile job_t job;
static volatile uint64_t turns; // how often it has looked at `job` and done what it found

static void relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static void second_main(void *argument)
{
    for (;;) {
        job_t now = job;
        if (now) {
            now();
        } else {
            relax();
        }
        turns++;
    }
}

// It has looked at `job` again, and done what it found, since this was called; false after a while.
static bool second_turned(void)
{
    uint64_t before = turns, give_up = clock_ns() + 20 * SECOND;

    while (turns < before + 2 && clock_ns() < give_up) {
        relax();
    }
    return turns >= before + 2;
}

static bool give_job(job_t what)
{
    job = what;
    return second_turned();
}

TEST("a second vCPU runs while the first one does not stop")
{
    CHECK_OK(vcpu_start(1, second_main, NULL));
    CHECK(second_turned());
}

// ---- both run at once
// ----------------------------------------------------------------------------

#define ROUNDS 2000

static volatile uint64_t ball;

static void pass_back(void)
{
    uint64_t now = ball;

    if (now % 2 == 1) {
        ball = now + 1;
    }
}

TEST("a word goes to and fro between them as fast as two processors can")
{
    uint64_t give_up = clock_ns() + 20 * SECOND;

    CHECK(give_job(pass_back));
    for (uint64_t round = 1; round < 2 * ROUNDS && clock_ns() < give_up; round += 2) {
        ball = round;
        while (ball == round && clock_ns() < give_up) {
            relax();
        }
    }
    CHECK_EQ(ball, 2 * ROUNDS);
    CHECK(give_job(NULL));
}

// ---- translations
// --------------------------------------------------------------------------------

static uint64_t *window;
static volatile uint64_t seen;

static void look(void)
{
    seen = *(volatile uint64_t *)window;
}

static void count_there(void)
{
    (*(volatile uint64_t *)window)++;
}

// Two pages to show in the window, told apart by their first word.
static uint64_t *page[2];

static void prepare_window(void)
{
    for (unsigned i = 0; i < 2; i++) {
        page[i] = page_alloc();
        page[i][0] = i + 1;
    }
    window = map_spare(SPARE_VA);
    CHECK_OK(update_va_mapping(window, pte_of(page[0], PTE_KERNEL_RW), 0));
    CHECK(give_job(look));
    CHECK_EQ(seen, 1);
}

TEST("update_va_mapping with UVMF_TLB_FLUSH and UVMF_ALL is seen by the other vCPU")
{
    prepare_window();
    for (unsigned round = 0; round < 48; round++) {
        CHECK_OK(update_va_mapping(window, pte_of(page[round % 2], PTE_KERNEL_RW),
                                   UVMF_TLB_FLUSH | UVMF_ALL));
        CHECK(second_turned());
        CHECK_EQ(seen, round % 2 + 1);
    }
}

TEST("update_va_mapping with UVMF_INVLPG and a mask of vCPUs is seen by the other one")
{
    uint64_t mask = 2;

    for (unsigned round = 0; round < 48; round++) {
        CHECK_OK(update_va_mapping(window, pte_of(page[round % 2], PTE_KERNEL_RW),
                                   UVMF_INVLPG | POINTER(&mask)));
        CHECK(second_turned());
        CHECK_EQ(seen, round % 2 + 1);
    }
}

static long flush_by(unsigned command, uint64_t *mask)
{
    struct mmuext_op op = {.cmd = command};

    op.arg1.linear_addr = POINTER(window);
    op.arg2.vcpumask.p = mask;
    return mmuext_op(&op, 1, NULL, DOMID_SELF);
}

TEST("each flush of others' translations by mmuext_op reaches the other vCPU")
{
    static const unsigned commands[] = {MMUEXT_TLB_FLUSH_ALL, MMUEXT_INVLPG_ALL,
                                        MMUEXT_TLB_FLUSH_MULTI, MMUEXT_INVLPG_MULTI};
    uint64_t mask = 2;

    for (unsigned round = 0; round < 48; round++) {
        CHECK_OK(update_va_mapping(window, pte_of(page[round % 2], PTE_KERNEL_RW), 0));
        CHECK_OK(flush_by(commands[round / 2 % 4], &mask));
        CHECK(second_turned());
        CHECK_EQ(seen, round % 2 + 1);
    }
}

TEST("a page becomes a table only when the other vCPU cannot write to it any more")
{
    CHECK(give_job(count_there));
    for (unsigned round = 0; round < 40; round++) {
        uint64_t *table = page[0];

        CHECK_OK(update_va_mapping(window, pte_of(table, PTE_KERNEL_RW), 0));
        CHECK(second_turned());
        // Nobody is told to forget the page: that is the hypervisor's business.
        CHECK_OK(update_va_mapping(window, pte_of(page[1], PTE_KERNEL_RW), 0));
        CHECK(second_turned());
        memset(table, 0, PAGE_SIZE);
        CHECK_OK(page_make_readonly(table));
        // It may count in the page until the type changes; what it leaves there is no entry.
        if (mmuext_frame(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)) == 0) {
            uint64_t first = *(volatile uint64_t *)table;
            CHECK(second_turned());
            CHECK_EQ(*(volatile uint64_t *)table, first);
            CHECK_OK(mmuext_frame(MMUEXT_UNPIN_TABLE, virt_to_mfn(table)));
        }
        CHECK_OK(page_make_writable(table));
    }
    CHECK(give_job(NULL));
}

// ---- time
// ----------------------------------------------------------------------------------------

static uint64_t time_of(unsigned vcpu)
{
    const struct vcpu_time_info *words = &shared_info->vcpu_info[vcpu].time;
    struct vcpu_time_info time;
    uint64_t tsc;

    do {
        time = clock_snapshot(words);
        __asm__ volatile("lfence" : : : "memory");
        tsc = read_tsc();
        __asm__ volatile("lfence" : : : "memory");
    } while (time.version != *(const volatile uint32_t *)&words->version);
    return clock_at(&time, tsc);
}

static volatile uint64_t asked, answered, others_time;

static void answer_time(void)
{
    uint64_t question = asked;

    if (question != answered) {
        others_time = time_of(1);
        __asm__ volatile("" : : : "memory");
        answered = question;
    }
}

TEST("system time is the same on both to a microsecond, and never runs backwards by more")
{
    uint64_t worst = 0, give_up = clock_ns() + 20 * SECOND;

    CHECK(give_job(answer_time));
    for (uint64_t round = 1; round <= ROUNDS && clock_ns() < give_up; round++) {
        uint64_t before = time_of(0), after, other;

        asked = round;
        while (answered != round && clock_ns() < give_up) {
            relax();
        }
        other = others_time;
        after = time_of(0);
        worst = other < before && before - other > worst ? before - other : worst;
        worst = after < other && other - after > worst ? other - after : worst;
    }
    CHECK(give_job(NULL));
    if (differs_on_oracle("under emulation its processors' clocks are milliseconds apart")) {
        return;
    }
    if (worst > 1000) {
        diagnose("backwards by %lu ns", worst);
    }
    CHECK(worst <= 1000);
}

// ---- events
// --------------------------------------------------------------------------------------

static evtchn_port_t port_of_second;
static volatile uint64_t woken;

// Sleeps until the event comes.
static void wait_for_event(void)
{
    struct sched_poll poll = {.nr_ports = 1, .timeout = time_of(1) + 10 * SECOND};

    poll.ports.p = &port_of_second;
    if (sched_op(SCHEDOP_poll, &poll) == 0 && event_pending(port_of_second)) {
        event_clear_pending(port_of_second);
        woken++;
    }
}

TEST("no event that is sent to a sleeping vCPU on another processor is lost")
{
    int port = event_bind_ipi(1);

    CHECK(port > 0);
    port_of_second = (evtchn_port_t)port;
    job = wait_for_event;
    for (uint64_t round = 1; round <= 500; round++) {
        uint64_t give_up = clock_ns() + 5 * SECOND;

        CHECK_OK(event_send(port_of_second));
        while (woken < round && clock_ns() < give_up) {
            relax();
        }
        if (woken != round) {
            break;
        }
    }
    CHECK_EQ(woken, 500);
    job = NULL;
    CHECK_OK(event_send(port_of_second));
    CHECK(second_turned());
}

// ---- processors that go
// --------------------------------------------------------------------------

static long platform(struct xen_platform_op *op)
{
    op->interface_version = XENPF_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_platform_op, POINTER(op));
}

static long set_online(uint32_t cpu, bool online)
{
    struct xen_platform_op op = {.cmd = online ? XENPF_cpu_online : XENPF_cpu_offline};

    op.u.cpu_ol.cpuid = cpu;
    return platform(&op);
}

static uint32_t flags_of(uint32_t cpu)
{
    struct xen_platform_op op = {.cmd = XENPF_get_cpuinfo};

    op.u.pcpu_info.xen_cpuid = cpu;
    CHECK_OK(platform(&op));
    CHECK_EQ(op.u.pcpu_info.max_present, 1);
    return op.u.pcpu_info.flags;
}

// Where one processor is left, the two vCPUs take turns on it.
static bool second_turns_while_we_sleep(void)
{
    uint64_t before = turns, give_up = clock_ns() + 20 * SECOND;

    while (turns < before + 2 && clock_ns() < give_up) {
        struct sched_poll poll = {.timeout = clock_ns() + MS};
        (void)sched_op(SCHEDOP_poll, &poll);
    }
    return turns >= before + 2;
}

TEST("processors are described")
{
    CHECK_EQ(flags_of(0), XEN_PCPU_FLAGS_ONLINE);
    CHECK_EQ(flags_of(1), XEN_PCPU_FLAGS_ONLINE);
    CHECK_EQ(flags_of(2), XEN_PCPU_FLAGS_INVALID);
}

TEST("a processor goes offline, both vCPUs go on, and it comes back")
{
    for (unsigned round = 0; round < 10; round++) {
        CHECK_OK(set_online(1, false));
        CHECK_EQ(flags_of(1), 0);
        CHECK(second_turns_while_we_sleep());
        CHECK_OK(set_online(1, true));
        CHECK_EQ(flags_of(1), XEN_PCPU_FLAGS_ONLINE);
        CHECK(second_turns_while_we_sleep());
    }
}

TEST("what is offline or online already stays so")
{
    CHECK_OK(set_online(1, true));
    CHECK_OK(set_online(1, false));
    CHECK_OK(set_online(1, false));
    CHECK_OK(set_online(1, true));
}

TEST("the first processor stays, and one that is not there cannot change")
{
    CHECK_ERR(set_online(0, false), XEN_EOPNOTSUPP);
    CHECK_ERR(set_online(2, false), XEN_EINVAL);
    CHECK_ERR(set_online(2, true), XEN_EINVAL);
}

static long hotplug(uint32_t cpu, uint32_t what)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cpu_hotplug,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    op.u.cpu_hotplug.cpu = cpu;
    op.u.cpu_hotplug.op = what;
    return hypercall1(__HYPERVISOR_sysctl, POINTER(&op));
}

TEST("tools take processors off and bring them back by sysctl")
{
    CHECK_OK(hotplug(1, XEN_SYSCTL_CPU_HOTPLUG_OFFLINE));
    CHECK_EQ(flags_of(1), 0);
    CHECK_OK(hotplug(1, XEN_SYSCTL_CPU_HOTPLUG_ONLINE));
    CHECK_EQ(flags_of(1), XEN_PCPU_FLAGS_ONLINE);
    CHECK_ERR(hotplug(0, XEN_SYSCTL_CPU_HOTPLUG_OFFLINE), XEN_EINVAL);
    CHECK_ERR(hotplug(2, XEN_SYSCTL_CPU_HOTPLUG_OFFLINE), XEN_EINVAL);
    CHECK_ERR(hotplug(1, 77), XEN_EOPNOTSUPP);
}
