// SPDX-License-Identifier: Apache-2.0
// System time as a straight line over a CPU's time-stamp counter.
#pragma once

#include "time/scale.h"

struct time_line {
    uint64_t tsc;            /* at this value of the counter... */
    uint64_t ns;             /* ...system time was this */
    struct time_scale to_ns; /* and goes on like this */
    uint64_t id;             /* of this very line; 0 for the one that all CPUs have in common */
};

/* System time at a value of the counter; one before the line's beginning is its beginning. */
static inline uint64_t time_line_at(const struct time_line *line, uint64_t tsc)
{
    uint64_t ticks = tsc - line->tsc;

    return (int64_t)ticks < 0 ? line->ns : line->ns + time_scale_apply(&line->to_ns, ticks);
}
