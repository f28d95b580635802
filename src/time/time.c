// SPDX-License-Identifier: Apache-2.0
// System time out of the time-stamp counter: one line for all CPUs, or one for each.
#include "time/time.h"

#include "arch/clock.h"
#include "base/cpu.h"
#include "base/log.h"
#include "time/timer.h"
#include "time/vcpu_time.h"
#include "time/wall_clock.h"

/* Both set by time_init() and constant after it. */
static struct time_line common;
static struct time_scale ns_to_tsc;

static bool stable; /* [a] */
bool time_corrected;

void time_init(void)
{
    uint64_t hz = arch_tsc_hz();

    common =
        (struct time_line){.tsc = arch_read_tsc(), .to_ns = time_scale_make(hz, NS_PER_SECOND)};
    ns_to_tsc = time_scale_make(NS_PER_SECOND, hz);
    log_set_clock(time_now_ns);
    timers_init();
    wall_clock_init();
    vcpu_time_init();
}

void time_set_stable(bool is_stable)
{
    WRITE_ONCE(stable, is_stable);
}

bool time_is_stable(void)
{
    return READ_ONCE(stable);
}

void time_correct_by(const struct clock_source *source)
{
    /* Guests and Pavise went by the counters as long as these were thought to agree. */
    const struct time_line *believed = time_is_stable() ? &common : NULL;

    cpu_clocks_start(source, time_now_ns(), arch_tsc_hz(), believed);
    time_set_stable(false);
    __atomic_store_n(&time_corrected, true, __ATOMIC_SEQ_CST);
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        cpu_raise(cpu, WORK_TIMER);
    }
}

/* CPUs' counters may differ by a few ticks: a reading just before the start is the start. */
uint64_t time_now_ns(void)
{
    return likely(!time_is_corrected()) ? time_line_at(&common, arch_read_tsc())
                                        : cpu_clock_now_ns();
}

struct time_line time_present_line(void)
{
    struct time_line line = common;

    if (unlikely(time_is_corrected())) {
        return cpu_clock_line();
    }
    line.tsc = arch_read_tsc();
    line.ns = time_line_at(&common, line.tsc);
    return line;
}

uint64_t time_to_tsc(uint64_t ns)
{
    uint64_t ticks;

    if (unlikely(time_is_corrected())) {
        return cpu_clock_to_tsc(ns);
    }
    /* Both scales round down, so the tick after the next is certain to have reached `ns`. */
    ticks = time_scale_apply(&ns_to_tsc, ns);
    return ticks >= UINT64_MAX - common.tsc - 2 ? UINT64_MAX : common.tsc + ticks + 2;
}

const struct time_line *time_common_line(void)
{
    return &common;
}
