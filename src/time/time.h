// SPDX-License-Identifier: Apache-2.0
// System time: nanoseconds since Pavise started, the same on every CPU.
#pragma once

#include "time/scale.h"

#define NS_PER_SECOND 1000000000UL
#define NS_PER_MS     1000000UL
#define NS_PER_US     1000UL

/*
 * Start of day: settle the scale from arch_tsc_hz() (which is known by then), let system time begin
 * at the counter's present value, give the log its clock, register the part of a domain and the
 * work that runs timers. arch_read_wall_clock() works by then.
 */
void time_init(void);

/*
 * Whether all CPUs' counters run at one constant rate and agree. Then guests are told so
 * (XEN_PVCLOCK_TSC_STABLE_BIT) and need no system call to read the time. False until set.
 */
void time_set_stable(bool stable);
bool time_is_stable(void);

/* Now. Any CPU, any lock held; 0 before time_init(). */
uint64_t time_now_ns(void);

/* System time when the counter stood, or will stand, at `tsc`. */
uint64_t time_of_tsc(uint64_t tsc);

/* The first counter value at which time_now_ns() has reached `ns`; UINT64_MAX for the far future.
 */
uint64_t time_to_tsc(uint64_t ns);

/* The counter's scale, for struct vcpu_time_info. */
const struct time_scale *time_tsc_scale(void);
