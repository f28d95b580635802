// SPDX-License-Identifier: Apache-2.0
// Measuring the time-stamp counter. An emulated machine's CPU may be taken away at any moment for
// milliseconds, so no single reading is believed: each end of the interval is the tightest of
// several (reference.c), and how tight they were says when the interval is long enough.
#include "platform/tsc.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch/clock.h"

enum { SHORTEST_MS = 10, LONGEST_MS = 45, AIM_PPM = 10, ATTEMPTS = 3, PATIENCE = 200000 };

#define MILLION 1000000ULL

uint64_t tsc_hz_from_cpuid(uint32_t denominator, uint32_t numerator, uint32_t crystal_hz)
{
    if (denominator == 0 || numerator == 0) {
        return 0;
    }
    return (uint64_t)crystal_hz * numerator / denominator;
}

struct interval {
    uint64_t tsc_ticks, reference_ticks;
    uint64_t doubt_ticks; // TSC ticks that it may be longer or shorter
};

static struct interval interval_between(const struct clock_reference *reference,
                                        const struct clock_pair *start,
                                        const struct clock_pair *end)
{
    struct interval interval = {
        .tsc_ticks = end->tsc - start->tsc,
        .reference_ticks = (end->counter - start->counter) & reference->wrap_mask,
        .doubt_ticks = (start->bracket_ticks + end->bracket_ticks) / 2,
    };

    if (interval.reference_ticks > 0) { // either end lies somewhere within a tick
        interval.doubt_ticks += interval.tsc_ticks / interval.reference_ticks;
    }
    return interval;
}

static bool precise(const struct interval *interval)
{
    return interval->doubt_ticks * (MILLION / AIM_PPM) <= interval->tsc_ticks;
}

// A counter that stops or expires meanwhile ends it too, with an interval that is too short.
static struct interval measure_once(const struct clock_reference *reference)
{
    uint64_t shortest = reference->hz * SHORTEST_MS / 1000;
    uint64_t longest = reference->hz * LONGEST_MS / 1000;
    struct interval interval = {0};

    if (reference->restart != NULL) {
        reference->restart();
    }
    struct clock_pair start = clock_read_pair(reference->read);
    for (unsigned patience = 0; patience < PATIENCE && interval.reference_ticks < longest;
         patience++) {
        struct clock_pair end = clock_read_pair(reference->read);
        if (start.counter == CLOCK_EXPIRED || end.counter == CLOCK_EXPIRED) {
            return (struct interval){0};
        }
        interval = interval_between(reference, &start, &end);
        if (interval.reference_ticks >= shortest && precise(&interval)) {
            break;
        }
    }
    return interval;
}

static bool usable(const struct clock_reference *reference, const struct interval *interval)
{
    return interval->tsc_ticks > 0 &&
           interval->reference_ticks >= reference->hz * SHORTEST_MS / 1000;
}

struct tsc_rate tsc_measure(const struct clock_reference *reference)
{
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct interval interval = measure_once(reference);
        if (usable(reference, &interval)) {
            unsigned __int128 scaled = (unsigned __int128)interval.tsc_ticks * reference->hz;
            return (struct tsc_rate){
                .hz =
                    (uint64_t)((scaled + interval.reference_ticks / 2) / interval.reference_ticks),
                .error_ppm = (uint32_t)(interval.doubt_ticks * MILLION / interval.tsc_ticks) + 1,
            };
        }
    }
    return (struct tsc_rate){0};
}

void tsc_wait_us(uint64_t tsc_hz, uint64_t microseconds)
{
    uint64_t start = arch_read_tsc();
    uint64_t ticks = tsc_hz * microseconds / MILLION;

    while (arch_read_tsc() - start < ticks) {
    }
}
