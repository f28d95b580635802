// SPDX-License-Identifier: Apache-2.0
// The local APIC's timer as an alarm clock in TSC time.
#include "arch/clock.h"
#include "platform/lapic.h"
#include "platform/lapic_registers.h"
#include "platform/reference.h"

// Settled on the first CPU, for all: their timers run from one clock.
static struct {
    enum { UNSETTLED, ONE_SHOT, DEADLINE } kind;
    uint64_t ticks_per_tsc; // one-shot: timer ticks a TSC tick, 32.32 fixed point
} timer;

static uint64_t read_elapsed(void)
{
    return UINT32_MAX - lapic_read(REG_TIMER_CURRENT);
}

// Counts down once from the top, masked, and compares with the TSC over a hundredth of a second.
static uint64_t measure_hz(uint64_t tsc_hz)
{
    struct clock_pair start, end;

    lapic_write(REG_LVT_TIMER, LVT_MASKED | lapic_access.timer_vector);
    lapic_write(REG_TIMER_DIVIDE, TIMER_DIVIDE_1);
    lapic_write(REG_TIMER_INITIAL, UINT32_MAX);
    start = clock_read_pair(read_elapsed);
    do {
        end = clock_read_pair(read_elapsed);
    } while (end.tsc - start.tsc < tsc_hz / 100);
    lapic_write(REG_TIMER_INITIAL, 0);

    unsigned __int128 ticks = end.counter - start.counter;
    return (uint64_t)(ticks * tsc_hz / (end.tsc - start.tsc));
}

uint64_t lapic_timer_init(uint64_t tsc_hz, bool deadline)
{
    uint64_t hz = 0;

    if (deadline) {
        timer.kind = DEADLINE;
    } else {
        hz = measure_hz(tsc_hz);
        timer.kind = ONE_SHOT;
        timer.ticks_per_tsc = (uint64_t)(((unsigned __int128)hz << 32) / tsc_hz);
    }
    lapic_timer_start_cpu();
    return hz;
}

void lapic_timer_start_cpu(void)
{
    switch (timer.kind) {
    case UNSETTLED:
        break;
    case ONE_SHOT:
        lapic_write(REG_TIMER_DIVIDE, TIMER_DIVIDE_1);
        lapic_write(REG_TIMER_INITIAL, 0);
        lapic_write(REG_LVT_TIMER, lapic_access.timer_vector);
        break;
    case DEADLINE:
        lapic_write(REG_LVT_TIMER, LVT_DEADLINE | lapic_access.timer_vector);
        arch_wrmsr_ordered(MSR_TSC_DEADLINE, 0); // ordered after the mode (11.5.4.1)
        break;
    }
}

// Rounded up, so that an alarm is not early by a tick and for nothing; at least 1, as 0 would stop
// it.
static uint32_t ticks_until(uint64_t tsc)
{
    uint64_t now = arch_read_tsc();

    if (tsc <= now) {
        return 1;
    }
    unsigned __int128 ticks = ((unsigned __int128)(tsc - now) * timer.ticks_per_tsc >> 32) + 1;
    return ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

void lapic_set_alarm(uint64_t tsc)
{
    bool never = tsc == UINT64_MAX;

    if (timer.kind == DEADLINE) {
        arch_wrmsr(MSR_TSC_DEADLINE, never ? 0 : MAX(tsc, (uint64_t)1));
    } else {
        lapic_write(REG_TIMER_INITIAL, never ? 0 : ticks_until(tsc));
    }
}
