// SPDX-License-Identifier: Apache-2.0
// System time as a guest reads it.
#pragma once

#include "guest.h"

static inline uint64_t read_tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

// A consistent copy of a vcpu_time_info (its version even and unchanged around the copy).
struct vcpu_time_info clock_snapshot(const struct vcpu_time_info *time);

// Nanoseconds of system time at a TSC value, by a time record.
uint64_t clock_at(const struct vcpu_time_info *time, uint64_t tsc);

// Now, by vCPU 0's record, or by another's.
uint64_t clock_ns(void);
uint64_t clock_ns_by(const struct vcpu_time_info *record);

// Runs in place until then.
void clock_wait_until(uint64_t deadline_ns);
