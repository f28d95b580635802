// SPDX-License-Identifier: Apache-2.0
// Time of a vCPU that is taken down and brought up again, and of one that is moved from processor
// to processor: its clock agrees with another's to a microsecond, and never goes back.

#include "clock.h"
#include "domctl.h"
#include "image.h"
#include "tap.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=2");
IMAGE_BOOT("cpus=2");

#define MS     1000000ul
#define SECOND (1000 * MS)
#define CLOSE  1000 // nanoseconds: as near as clocks have to be

static uint64_t time_of(unsigned vcpu)
{
    return clock_ns_by(&shared_info->vcpu_info[vcpu].time);
}

static void relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static void sleep_for(uint64_t ns)
{
    struct sched_poll poll = {.timeout = clock_ns() + ns};

    (void)sched_op(SCHEDOP_poll, &poll);
}

// ---- the second vCPU --------------------------------------------------------------------------

static volatile uint64_t asked, answered, others_time;
static volatile uint64_t readings, backward, longest;
static volatile bool stop;

// Reads its clock again and again, and says what it reads when it is asked.
static void watch_clock(void *argument)
{
    uint64_t last = time_of(1);

    while (!stop) {
        uint64_t question = asked, now = time_of(1);

        backward += now < last;
        if (now > last && now - last > longest) {
            longest = now - last;
        }
        last = now;
        readings++;
        if (question != answered) {
            others_time = now;
            __asm__ volatile("" : : : "memory");
            answered = question;
        }
    }
}

static bool it_reads(void)
{
    uint64_t before = readings, give_up = clock_ns() + 20 * SECOND;

    while (readings < before + 2 && clock_ns() < give_up) {
        sleep_for(MS / 10);
    }
    return readings >= before + 2;
}

// By how much its clock is before or behind this one's, beyond what a question takes.
static uint64_t off(void)
{
    uint64_t before = time_of(0), after, give_up = before + 20 * SECOND;

    asked++;
    while (answered != asked && clock_ns() < give_up) {
        relax();
    }
    after = time_of(0);
    if (answered != asked) {
        return UINT64_MAX;
    }
    if (others_time < before) {
        return before - others_time;
    }
    return others_time > after ? others_time - after : 0;
}

static uint64_t worst_of_many(void)
{
    uint64_t worst = 0;

    for (unsigned round = 0; round < 50; round++) {
        uint64_t now = off();
        worst = now > worst ? now : worst;
    }
    return worst;
}

// Where the hypervisor corrects processors' counters by another one, it reads that now and then; an
// emulated processor may be taken away in the middle of it, and is put right by a later reading.
static bool agrees(void)
{
    bool stable = (shared_info->vcpu_info[1].time.flags & XEN_PVCLOCK_TSC_STABLE_BIT) != 0;
    uint64_t worst = worst_of_many();

    for (unsigned more = stable ? 0 : 50; more > 0 && worst > CLOSE; more--) {
        sleep_for(200 * MS);
        worst = worst_of_many();
    }
    if (worst > CLOSE) {
        diagnose("apart by %lu ns", worst);
    }
    return worst <= CLOSE;
}

TEST("two vCPUs' clocks agree to a microsecond")
{
    CHECK_OK(vcpu_start(1, watch_clock, NULL));
    CHECK(it_reads());
    if (differs_on_oracle("under emulation its processors' clocks are milliseconds apart")) {
        return;
    }
    CHECK(agrees());
}

TEST("a vCPU that was down finds its clock right, and time has passed for it")
{
    for (unsigned round = 0; round < 3; round++) {
        uint64_t down, up;

        longest = 0;
        CHECK_OK(vcpu_op(VCPUOP_down, 1, NULL));
        while (vcpu_op(VCPUOP_is_up, 1, NULL) != 0) {
            relax();
        }
        // It may have run on another processor for a moment after that.
        for (uint64_t before = readings + 1; before != readings;) {
            before = readings;
            sleep_for(5 * MS);
        }
        down = clock_ns();
        sleep_for((round == 2 ? 1200 : 30) * MS); // longer than its record is good for
        up = clock_ns();
        CHECK_OK(vcpu_op(VCPUOP_up, 1, NULL));
        CHECK(it_reads());
        CHECK_EQ(backward, 0);
        CHECK(longest + CLOSE >= up - down);
        CHECK(running_on_oracle() || agrees());
    }
}

// ---- moves ------------------------------------------------------------------------------------

static long pin(unsigned vcpu, uint8_t map)
{
    struct xen_domctl op = {0};

    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, &map);
    return domctl(XEN_DOMCTL_setvcpuaffinity, 0, &op);
}

TEST("the clock of a vCPU that is moved from processor to processor does not go back")
{
    CHECK_OK(pin(0, 1));
    backward = 0;
    for (unsigned move = 0; move < 100; move++) {
        CHECK_OK(pin(1, move % 2 == 0 ? 1 : 2));
        CHECK(it_reads());
    }
    if (differs_on_oracle("under emulation its processors' clocks are milliseconds apart")) {
        return;
    }
    CHECK_EQ(backward, 0);
    CHECK(agrees()); // the last move was to the other processor
}

TEST("a timer of a vCPU that moves is not early")
{
    unsigned early = 0;

    CHECK_OK(pin(1, 3));
    for (unsigned round = 0; round < 20; round++) {
        uint64_t due = clock_ns() + 3 * MS;
        struct sched_poll poll = {.timeout = due};

        CHECK_OK(sched_op(SCHEDOP_poll, &poll));
        early += clock_ns() < due;
        CHECK_OK(pin(0, round % 2 == 0 ? 2 : 1));
    }
    CHECK(running_on_oracle() || early == 0);
    CHECK_OK(pin(0, 3));
}

TEST("the second vCPU stops")
{
    stop = true;
    CHECK(vcpu_wait_down(1, 20000));
}
