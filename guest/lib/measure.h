// SPDX-License-Identifier: Apache-2.0
// Rows of a benchmark. Each prints a line `bench NAME COUNT OPERATIONS`: ticks of one operation,
// and how many of them a round makes, which is for the counter that reads the marks (marker.h).
#pragma once

#include "clock.h"
#include "marker.h"

#define ITERATIONS 64
#define ROUNDS     24

// The least of some rounds: a round that a timer interrupted is not the operation's cost.
#define MEASURE_ROUNDS(name, operations, ...)               \
    do {                                                    \
        uint64_t best = UINT64_MAX;                         \
        for (unsigned round = 0; round < ROUNDS; round++) { \
            MARK(MARK_ROUND_START);                         \
            uint64_t start = read_tsc();                    \
            __VA_ARGS__;                                    \
            uint64_t ticks = read_tsc() - start;            \
            MARK(MARK_ROUND_END);                           \
            best = ticks < best ? ticks : best;             \
        }                                                   \
        report(name, best, operations);                     \
    } while (0)

#define MEASURE(name, ...) \
    MEASURE_ROUNDS(        \
        name, ITERATIONS, for (unsigned i = 0; i < ITERATIONS; i++) { __VA_ARGS__; })

static inline void report(const char *name, uint64_t ticks, unsigned operations)
{
    MARK(MARK_ROW_END);
    print("bench %s %lu %u\n", name, ticks / operations, operations);
}

static inline void require(bool holds, const char *what)
{
    if (!holds) {
        print("Bail out! %s\n", what);
        guest_shutdown(SHUTDOWN_crash);
    }
}
