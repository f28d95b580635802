// SPDX-License-Identifier: Apache-2.0
// Exact conversion between rates: counter ticks to nanoseconds and back.
//
// A ratio is kept as a 64-bit multiplier whose top bit is set, so its relative error is below
// 2^-63: under a picosecond a day.
#pragma once

#include "lib/compiler.h"

struct time_scale {
    uint64_t multiplier;
    uint32_t shift; /* value = delta * multiplier / 2^shift */
};

/* The scale that turns ticks of `from_hz` into ticks of `to_hz`. Both above 0 and below 2^63. */
static inline struct time_scale time_scale_make(uint64_t from_hz, uint64_t to_hz)
{
    struct time_scale scale = {.multiplier = to_hz / from_hz};
    uint64_t rest = to_hz % from_hz;

    while ((scale.multiplier >> 63) == 0) {
        rest <<= 1;
        scale.multiplier = scale.multiplier << 1 | (rest >= from_hz);
        rest -= rest >= from_hz ? from_hz : 0;
        scale.shift++;
    }
    return scale;
}

/* Rounds down; UINT64_MAX where the result does not fit. */
static inline uint64_t time_scale_apply(const struct time_scale *scale, uint64_t delta)
{
    unsigned __int128 result = ((unsigned __int128)delta * scale->multiplier) >> scale->shift;

    return (uint64_t)(result >> 64) != 0 ? UINT64_MAX : (uint64_t)result;
}

/*
 * The same ratio as guests compute with it (struct vcpu_time_info):
 * value = ((delta << shift) * multiplier) >> 32, where a negative shift is one to the right.
 * Rounded down, so a guest's clock never runs ahead of Pavise's.
 */
static inline void time_scale_for_guests(const struct time_scale *scale, uint32_t *multiplier,
                                         int8_t *shift)
{
    *multiplier = (uint32_t)(scale->multiplier >> 32);
    *shift = (int8_t)(64 - (int)scale->shift);
}
