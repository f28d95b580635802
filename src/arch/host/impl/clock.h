// SPDX-License-Identifier: Apache-2.0
// The counter in a process: a number that tests move.
#pragma once

#include <stdint.h>

extern uint64_t host_tsc;
extern uint64_t host_tsc_hz;
extern uint64_t host_wall_clock;
extern uint64_t host_alarm;    /* what arch_set_alarm() was last given */
extern uint64_t host_alarms[]; /* and on each CPU */

/* By so much the counter of the CPU that this thread plays is ahead of the others. */
extern _Thread_local int64_t host_tsc_ahead;

static inline uint64_t arch_read_tsc(void)
{
    return __atomic_load_n(&host_tsc, __ATOMIC_RELAXED) + (uint64_t)host_tsc_ahead;
}

static inline uint64_t arch_read_tsc_ordered(void)
{
    return arch_read_tsc();
}
