// SPDX-License-Identifier: Apache-2.0
// Counters of a known rate, which the time-stamp counter is measured against, and how one is read
// together with it.
#pragma once

#include <stdint.h>

struct clock_reference {
    const char *name;
    uint64_t (*read)(void); // counts up; or CLOCK_EXPIRED
    void (*restart)(void);  // before each measurement, if not NULL
    uint64_t hz;
    uint64_t wrap_mask; // difference of two readings: (later - earlier) & wrap_mask
};

// What `read` gives when too much time has passed since the restart to tell how much.
#define CLOCK_EXPIRED UINT64_MAX

struct clock_pair {
    uint64_t tsc;           // when `counter` was read, as well as is known
    uint64_t counter;       //
    uint64_t bracket_ticks; // TSC ticks that reading it took: `tsc` is right to half of them
};

// Reads `read` several times between two looks at the time-stamp counter each, and gives the
// tightest pair: a CPU that was taken away from us meanwhile, or a slow access, spoils one reading,
// hardly all.
struct clock_pair clock_read_pair(uint64_t (*read)(void));
