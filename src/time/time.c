// SPDX-License-Identifier: Apache-2.0
// System time out of the time-stamp counter.
#include "time/time.h"

#include "arch/clock.h"
#include "base/log.h"
#include "time/timer.h"
#include "time/vcpu_time.h"
#include "time/wall_clock.h"

/* All set by time_init() and constant after it. */
static uint64_t start_tsc;
static struct time_scale tsc_to_ns;
static struct time_scale ns_to_tsc;
static bool stable;

void time_init(void)
{
    uint64_t hz = arch_tsc_hz();

    start_tsc = arch_read_tsc();
    tsc_to_ns = time_scale_make(hz, NS_PER_SECOND);
    ns_to_tsc = time_scale_make(NS_PER_SECOND, hz);
    log_set_clock(time_now_ns);
    timers_init();
    wall_clock_init();
    vcpu_time_init();
}

void time_set_stable(bool is_stable)
{
    stable = is_stable;
}

bool time_is_stable(void)
{
    return stable;
}

uint64_t time_of_tsc(uint64_t tsc)
{
    /* CPUs' counters may differ by a few ticks: a reading just before the start is the start. */
    return (int64_t)(tsc - start_tsc) < 0 ? 0 : time_scale_apply(&tsc_to_ns, tsc - start_tsc);
}

uint64_t time_now_ns(void)
{
    return time_of_tsc(arch_read_tsc());
}

uint64_t time_to_tsc(uint64_t ns)
{
    uint64_t ticks = time_scale_apply(&ns_to_tsc, ns);

    /* Both scales round down, so the tick after the next is certain to have reached `ns`. */
    return ticks >= UINT64_MAX - start_tsc - 2 ? UINT64_MAX : start_tsc + ticks + 2;
}

const struct time_scale *time_tsc_scale(void)
{
    return &tsc_to_ns;
}
