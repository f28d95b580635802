// SPDX-License-Identifier: Apache-2.0
// Time on machines whose CPUs' counters differ, drift, change their rate or jump: simulated to the
// picosecond, with guests that read their clocks all the while and one that moves about.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "machine.h"
#include "arch/clock.h"
#include "time/clock_source.h"
#include "time/cpu_clock.h"
#include "time/time.h"
#include "time/timer.h"
#include "time/tsc_watch.h"
#include "time/vcpu_time.h"

enum { CPUS = 4, WANDERER = CPUS, VCPUS };

#define PS_PER_NS     1000ULL
#define PS_PER_SECOND (NS_PER_SECOND * PS_PER_NS)
#define NOMINAL_HZ    2400000000ULL
#define US            ((int64_t)NS_PER_US)

/* ---- the machine ----------------------------------------------------------------------------- */

static struct {
    uint64_t now_ps;
    unsigned int cpu; /* whom the thread plays */
    struct {
        uint64_t from_ps, tsc; /* the counter then */
        uint64_t hz;
    } counter[CPUS];
    struct clock_source source;
    uint64_t source_start;         /* its count at the beginning */
    uint64_t access_ps, jitter_ps; /* what a reading of it takes, and at most so much more */
    unsigned int stolen_every;     /* one access in so many loses the CPU, 0: none, */
    uint64_t stolen_ps;            /* for up to so long */
    uint64_t latched;
    uint32_t random;
} world;

static uint64_t next_random(uint64_t below)
{
    world.random = world.random * 1664525 + 1013904223;
    return below == 0 ? 0 : ((uint64_t)world.random << 16) % below;
}

static uint64_t counter_now(unsigned int cpu)
{
    uint64_t ps = world.now_ps - world.counter[cpu].from_ps;

    return world.counter[cpu].tsc +
           (uint64_t)((unsigned __int128)ps * world.counter[cpu].hz / PS_PER_SECOND);
}

static void pass(uint64_t ps)
{
    world.now_ps += ps;
    host_tsc = counter_now(world.cpu);
}

static void play(unsigned int cpu)
{
    host_become_cpu(cpu);
    world.cpu = cpu;
    pass(0);
}

/* From now on another rate, and the counter stands elsewhere. */
static void change(unsigned int cpu, uint64_t hz, int64_t jump_ticks)
{
    world.counter[cpu].tsc = counter_now(cpu) + (uint64_t)jump_ticks;
    world.counter[cpu].from_ps = world.now_ps;
    world.counter[cpu].hz = hz;
    pass(0);
}

static uint64_t source_count(void)
{
    return (world.source_start +
            (uint64_t)((unsigned __int128)world.now_ps * world.source.hz / PS_PER_SECOND)) &
           world.source.wrap_mask;
}

static void half_an_access(void)
{
    pass(world.access_ps / 2 + next_random(world.jitter_ps + 1) / 2);
    if (world.stolen_every != 0 && next_random(world.stolen_every) == 0) {
        pass(next_random(world.stolen_ps));
    }
}

static uint64_t read_source(void)
{
    uint64_t count;

    half_an_access();
    count = source_count();
    half_an_access();
    return count;
}

static void latch_source(void)
{
    world.latched = read_source();
}

static uint64_t read_latch(void)
{
    pass(2 * world.access_ps); /* two bytes */
    return world.latched;
}

static const struct {
    struct clock_source source;
    uint64_t access_ns, jitter_ns;
} kinds[] = {
    {{"HPET", read_source, NULL, 14318180, UINT32_MAX}, 500, 200},
    {{"fast HPET", read_source, NULL, 100000000, UINT32_MAX}, 500, 200},
    {{"ACPI timer", read_source, NULL, 3579545, 0xffffff}, 700, 300},
    {{"PIT", read_latch, latch_source, 1193182, 0xffff}, 1000, 300},
};

/* ---- guests ---------------------------------------------------------------------------------- */

static struct domain domain;
static struct vcpu vcpu[VCPUS];
static struct vcpu_time vcpu_time[VCPUS];
static struct vcpu_info info[VCPUS];
static uint64_t read_last[VCPUS];
static unsigned int wanderers_cpu;

/* What a guest computes, by the formula in <xen/xen.h>. */
static uint64_t guest_clock(unsigned int id)
{
    const struct vcpu_time_info *t = &info[id].time;
    uint64_t delta = arch_read_tsc() - t->tsc_timestamp, ns;

    delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
    ns = t->system_time + (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
    assert_true((int64_t)(ns - read_last[id]) >= 0);
    read_last[id] = ns;
    return ns;
}

static void run_vcpu(unsigned int id)
{
    this_cpu()->current = &vcpu[id];
    vcpu_time_refresh(&vcpu[id], time_now_ns());
}

/* What the scheduler does: Pavise looks at the clock, the other vCPU comes. */
static void move_wanderer(unsigned int to)
{
    play(wanderers_cpu);
    (void)guest_clock(WANDERER);
    (void)time_now_ns();
    run_vcpu(wanderers_cpu);
    pass(50 * PS_PER_NS);
    wanderers_cpu = to;
    play(to);
    (void)guest_clock(to);
    (void)time_now_ns();
    run_vcpu(WANDERER);
    (void)guest_clock(WANDERER);
}

static void take_interrupts(unsigned int cpu)
{
    play(cpu);
    if ((int64_t)(arch_read_tsc() - host_alarms[cpu]) >= 0 && host_alarms[cpu] != UINT64_MAX) {
        host_alarms[cpu] = UINT64_MAX;
        cpu_raise_self(WORK_TIMER);
    }
    if (cpus[cpu]->pending != 0) {
        cpu_do_work();
    }
}

/* The vCPU that each CPU runs reads its clock at this very moment; how far they are apart. */
static int64_t apart(int64_t *off)
{
    int64_t low = INT64_MAX, high = INT64_MIN;

    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        play(cpu);
        int64_t ns = (int64_t)guest_clock(cpu == wanderers_cpu ? (unsigned int)WANDERER : cpu);
        low = MIN(low, ns);
        high = MAX(high, ns);
    }
    *off = MAX(llabs(high - (int64_t)(world.now_ps / PS_PER_NS)),
               llabs(low - (int64_t)(world.now_ps / PS_PER_NS)));
    return high - low;
}

struct worst {
    int64_t apart, off;
};

static void (*each_step)(void);

/* The machine runs on for so long; what is worst in that time. */
static struct worst run_for(uint64_t ns)
{
    uint64_t end_ps = world.now_ps + ns * PS_PER_NS, told = 0;
    struct worst worst = {0};

    while (world.now_ps < end_ps) {
        int64_t off, difference;

        for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
            take_interrupts(cpu);
            uint64_t now = time_now_ns();
            assert_true(now >= told || !time_is_corrected());
            told = time_is_corrected() ? now : 0;
            if (cpus[cpu]->pending != 0) {
                cpu_do_work();
            }
        }
        if (next_random(16) == 0) {
            move_wanderer((unsigned int)next_random(CPUS));
        }
        difference = apart(&off);
        worst.apart = MAX(worst.apart, difference);
        worst.off = MAX(worst.off, off);
        pass(200 * NS_PER_US * PS_PER_NS + next_random(100 * NS_PER_US) * PS_PER_NS);
        if (each_step) {
            each_step();
        }
    }
    return worst;
}

static void plug_in(unsigned int kind)
{
    world.source = kinds[kind].source;
    world.access_ps = kinds[kind].access_ns * PS_PER_NS;
    world.jitter_ps = kinds[kind].jitter_ns * PS_PER_NS;
    world.source_start = world.source.wrap_mask - 1000; /* it wraps soon */
}

static int start(void **state)
{
    static bool once;

    host_machine_create(64, CPUS);
    world = (typeof(world)){.random = 1};
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        assert_int_equal(timers_init_cpu(cpu), 0);
        host_alarms[cpu] = UINT64_MAX;
        world.counter[cpu].hz = NOMINAL_HZ;
        world.counter[cpu].tsc = 1000000;
    }
    plug_in(0);
    play(0);
    host_tsc_hz = NOMINAL_HZ;
    if (!once) {
        time_init();
        once = true;
    }
    time_corrected = false;
    time_set_stable(false);
    for (unsigned int id = 0; id < VCPUS; id++) {
        vcpu_time[id] = (struct vcpu_time){0};
        info[id] = (struct vcpu_info){0};
        vcpu[id] = (struct vcpu){.domain = &domain, .info = &info[id], .time = &vcpu_time[id]};
        read_last[id] = 0;
    }
    each_step = NULL;
    wanderers_cpu = 0;
    return 0;
}

static int stop(void **state)
{
    host_become_cpu(0);
    host_machine_destroy();
    return 0;
}

/* Every CPU gets its vCPU, CPU 0 the wanderer. */
static void start_guests(void)
{
    for (unsigned int cpu = CPUS; cpu-- > 0;) {
        play(cpu);
        (void)time_now_ns();
        run_vcpu(cpu == 0 ? (unsigned int)WANDERER : cpu);
    }
}

/* As at start of day: counters were found to differ, and no guest runs yet. */
static void correct(void)
{
    play(0);
    time_correct_by(&world.source);
    start_guests();
    (void)run_for(100 * NS_PER_MS); /* rates are learned */
}

static void skew(unsigned int cpu, int ppm, int64_t ticks)
{
    change(cpu, NOMINAL_HZ + (uint64_t)((int64_t)NOMINAL_HZ / 1000000 * ppm), ticks);
}

/* ---- corrected clocks ------------------------------------------------------------------------ */

static void counters_that_differ_make_one_time_to_a_microsecond(void **state)
{
    for (unsigned int kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        if (kind != 0) {
            (void)stop(state);
            (void)start(state);
        }
        plug_in(kind);
        skew(0, 15, 0); /* as measured at boot, not exactly */
        skew(1, 200, 7777777777);
        skew(2, -300, -900000);
        skew(3, 0, 100000);
        correct();
        struct worst worst = run_for(30 * NS_PER_SECOND);
        print_message("%s: CPUs apart by %ld ns at most, off by %ld ns\n", world.source.name,
                      (long)worst.apart, (long)worst.off);
        assert_in_range(worst.apart, 0, US);
        assert_in_range(worst.off, 0, 2 * US);
    }
}

/* Warm and cold: the rates of two counters wander by a part in ten million a second. */
static void wander(void)
{
    static uint64_t last_ps;
    static int direction[2] = {1, -1};

    if (world.now_ps < last_ps || world.now_ps - last_ps > PS_PER_SECOND / 100) {
        last_ps = world.now_ps;
        for (unsigned int i = 0; i < 2; i++) {
            if (next_random(800) == 0) {
                direction[i] = -direction[i];
            }
            change(i, world.counter[i].hz + (uint64_t)(direction[i] * 2), 0);
        }
    }
}

static void counters_that_drift_are_followed(void **state)
{
    skew(1, 50, 0);
    each_step = wander;
    correct();
    assert_in_range(run_for(60 * NS_PER_SECOND).apart, 0, US);
}

static void a_counter_that_changes_its_rate_is_learned_anew(void **state)
{
    correct();
    (void)run_for(20 * NS_PER_SECOND);
    change(2, NOMINAL_HZ * 4 / 5, 0);
    (void)run_for(1500 * NS_PER_MS); /* up to a second until it is noticed; nothing goes back */
    assert_in_range(run_for(10 * NS_PER_SECOND).apart, 0, US);
    change(2, NOMINAL_HZ, 0);
    (void)run_for(1500 * NS_PER_MS);
    assert_in_range(run_for(10 * NS_PER_SECOND).apart, 0, US);
}

static void a_counter_that_jumps_is_put_right(void **state)
{
    static const int64_t jumps_ms[] = {5, -5, -3000, 700};

    correct();
    for (unsigned int i = 0; i < ARRAY_SIZE(jumps_ms); i++) {
        (void)run_for(5 * NS_PER_SECOND);
        change(1, NOMINAL_HZ, jumps_ms[i] * ((int64_t)NOMINAL_HZ / 1000));
        read_last[1] = read_last[WANDERER] = 0; /* a guest that reads right now sees it */
        play(1);
        (void)time_now_ns();
        read_last[1] = read_last[WANDERER] = 0;
        take_interrupts(1);
        read_last[1] = read_last[WANDERER] = 0;
        (void)run_for(4 * NS_PER_SECOND);
        assert_in_range(run_for(5 * NS_PER_SECOND).apart, 0, US);
    }
}

/* A counter as fast round as the PIT's turns several times in that time. */
static void a_machine_that_is_taken_away_now_and_then_loses_nothing(void **state)
{
    for (unsigned int kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        (void)stop(state);
        (void)start(state);
        plug_in(kind);
        skew(1, 100, 123456789);
        world.stolen_every = 50;
        correct();
        world.stolen_ps = 200 * NS_PER_MS * PS_PER_NS;
        struct worst worst = run_for(30 * NS_PER_SECOND);
        print_message("%s: CPUs apart by %ld ns at most, off by %ld ns\n", world.source.name,
                      (long)worst.apart, (long)worst.off);
        assert_in_range(worst.apart, 0, 20 * US); /* looks are late */
        assert_in_range(worst.off, 0, 20 * US);
    }
}

static uint64_t fired_ns;

static void fire(void *data)
{
    fired_ns = time_now_ns();
}

static void timers_are_on_time_by_the_cpus_own_clock(void **state)
{
    static struct timer timer;
    uint64_t due;

    skew(3, -400, 0);
    correct();
    play(3);
    timer_init(&timer, fire, NULL, 3);
    due = time_now_ns() + 3 * NS_PER_SECOND;
    timer_set(&timer, due);
    fired_ns = 0;
    (void)run_for(2900 * NS_PER_MS);
    assert_int_equal(fired_ns, 0);
    (void)run_for(200 * NS_PER_MS);
    assert_in_range(fired_ns, due, due + NS_PER_MS); /* the simulation's steps */
}

static void time_is_not_called_stable(void **state)
{
    time_set_stable(true);
    correct();
    assert_false(time_is_stable());
    assert_int_equal(info[1].time.flags, 0);
}

/* ---- the watch ------------------------------------------------------------------------------- */

/* As at start of day where counters agree. */
static void trust(void)
{
    play(0);
    time_set_stable(true);
    start_guests();
    tsc_watch_start(&world.source);
}

static void counters_that_agree_stay_in_use(void **state)
{
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        skew(cpu, 12, 0);
    }
    trust();
    world.stolen_every = 30;
    world.stolen_ps = 50 * NS_PER_MS * PS_PER_NS;
    (void)run_for(60 * NS_PER_SECOND);
    assert_false(time_is_corrected());
    assert_int_equal(info[1].time.flags, XEN_PVCLOCK_TSC_STABLE_BIT);
}

/* A virtual machine that was stopped: its two clocks may not stop at the same moment. */
static void one_jump_of_all_counters_is_forgiven(void **state)
{
    trust();
    (void)run_for(5 * NS_PER_SECOND);
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        change(cpu, NOMINAL_HZ, NOMINAL_HZ / 100);
    }
    (void)run_for(5 * NS_PER_SECOND);
    assert_false(time_is_corrected());
}

static void a_counter_that_parts_from_the_others_ends_the_trust(void **state)
{
    trust();
    (void)run_for(5 * NS_PER_SECOND);
    change(2, NOMINAL_HZ, NOMINAL_HZ / 2000); /* half a millisecond ahead */
    (void)run_for(4 * NS_PER_SECOND);
    assert_true(time_is_corrected());
    assert_int_equal(info[1].time.flags, 0);
    (void)run_for(2 * NS_PER_SECOND);
    assert_in_range(run_for(10 * NS_PER_SECOND).apart, 0, US);
}

static void counters_that_change_their_rate_end_the_trust(void **state)
{
    trust();
    (void)run_for(5 * NS_PER_SECOND);
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        change(cpu, NOMINAL_HZ * 9 / 10, 0);
    }
    (void)run_for(4 * NS_PER_SECOND);
    assert_true(time_is_corrected());
    (void)run_for(2 * NS_PER_SECOND);
    assert_in_range(run_for(10 * NS_PER_SECOND).apart, 0, US);
}

static void a_counter_that_slows_down_slowly_ends_the_trust(void **state)
{
    trust();
    change(3, NOMINAL_HZ - NOMINAL_HZ / 20000, 0); /* 50 ppm: far less than a rate may be off by */
    (void)run_for(30 * NS_PER_SECOND);
    assert_true(time_is_corrected());
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(counters_that_differ_make_one_time_to_a_microsecond),
        EACH(counters_that_drift_are_followed),
        EACH(a_counter_that_changes_its_rate_is_learned_anew),
        EACH(a_counter_that_jumps_is_put_right),
        EACH(a_machine_that_is_taken_away_now_and_then_loses_nothing),
        EACH(timers_are_on_time_by_the_cpus_own_clock),
        EACH(time_is_not_called_stable),
        EACH(counters_that_agree_stay_in_use),
        EACH(one_jump_of_all_counters_is_forgiven),
        EACH(a_counter_that_parts_from_the_others_ends_the_trust),
        EACH(counters_that_change_their_rate_end_the_trust),
        EACH(a_counter_that_slows_down_slowly_ends_the_trust),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
