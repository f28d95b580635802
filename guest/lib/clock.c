// SPDX-License-Identifier: Apache-2.0
// System time: the public header's formula over vcpu_time_info.

#include "clock.h"

struct vcpu_time_info clock_snapshot(const struct vcpu_time_info *time)
{
    const volatile uint32_t *version = &time->version;
    struct vcpu_time_info copy;
    uint32_t before;

    do {
        before = *version;
        __asm__ volatile("" : : : "memory");
        copy = *time;
        __asm__ volatile("" : : : "memory");
    } while ((before & 1) != 0 || before != *version);
    return copy;
}

uint64_t clock_at(const struct vcpu_time_info *time, uint64_t tsc)
{
    uint64_t delta = tsc - time->tsc_timestamp;

    delta = time->tsc_shift >= 0 ? delta << time->tsc_shift : delta >> -time->tsc_shift;
    return time->system_time + (uint64_t)((unsigned __int128)delta * time->tsc_to_system_mul >> 32);
}

uint64_t clock_ns_by(const struct vcpu_time_info *record)
{
    struct vcpu_time_info time;
    uint64_t tsc;

    do {
        time = clock_snapshot(record);
        tsc = read_tsc();
    } while (time.version != *(const volatile uint32_t *)&record->version);
    return clock_at(&time, tsc);
}

uint64_t clock_ns(void)
{
    return clock_ns_by(&this_vcpu()->time);
}

void clock_wait_until(uint64_t deadline_ns)
{
    while (clock_ns() < deadline_ns) {
        __asm__ volatile("pause");
    }
}
