// SPDX-License-Identifier: Apache-2.0
// System time: nanoseconds since Pavise started, the same on every CPU.
#pragma once

#include "time/cpu_clock.h"
#include "time/line.h"

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

/*
 * From now on each CPU corrects its counter by `source`, and time is not stable any more. System
 * time goes on. Any CPU, no lock held; once.
 */
void time_correct_by(const struct clock_source *source);

/* Whether it was called. */
extern bool time_corrected;
static inline bool time_is_corrected(void)
{
    return READ_ONCE(time_corrected);
}

/*
 * Now, which is never before any earlier answer on any CPU. Any CPU, any lock held; 0 before
 * time_init().
 */
uint64_t time_now_ns(void);

/* How this CPU computes system time, and now by that: what struct vcpu_time_info is made of. */
struct time_line time_present_line(void);

/* The `id` of that line alone. */
static inline uint64_t time_line_id(void)
{
    return likely(!time_is_corrected()) ? 0 : cpu_clock_id();
}

/*
 * The first value of this CPU's counter at which time_now_ns() has reached `ns`, as far as is known
 * now; UINT64_MAX for the far future.
 */
uint64_t time_to_tsc(uint64_t ns);

/* What all CPUs' counters have in common, as long as they are not corrected: from them to time. */
const struct time_line *time_common_line(void);
