// SPDX-License-Identifier: Apache-2.0
// The seam to time: one counter to read, one alarm to set.
#pragma once

#include "impl/clock.h"
#include "lib/compiler.h"

/* This CPU's time-stamp counter. */
static inline uint64_t arch_read_tsc(void);

/* The same, neither before what the program does earlier nor after what it does later. */
static inline uint64_t arch_read_tsc_ordered(void);

/* Start of day: the counter's rate, and where the battery clock keeps the century (0: nowhere). */
void arch_clock_start(uint64_t tsc_hz, uint8_t century_index);

/* Counter ticks a second, settled once at boot; 0 before that. */
uint64_t arch_tsc_hz(void);

/*
 * Ask for WORK_TIMER on this CPU at counter value `tsc` (at once when that is past); UINT64_MAX
 * means never. One alarm a CPU: a later call replaces an earlier one.
 */
void arch_set_alarm(uint64_t tsc);

/* Seconds since 1970 by the battery clock, read from the hardware. Slow. */
uint64_t arch_read_wall_clock(void);
