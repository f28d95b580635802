// SPDX-License-Identifier: Apache-2.0
// System time and wall clock (public header xen.h, struct vcpu_time_info and struct shared_info).

#include "clock.h"
#include "tap.h"

#define MS 1000000ul

TEST("the version of the time record is even when a guest looks at its own")
{
    CHECK_EQ(this_vcpu()->time.version & 1, 0);
    CHECK(this_vcpu()->time.version != 0);
}

TEST("system time never goes back, over a quarter of a second")
{
    uint64_t last = clock_ns(), end = last + 250 * MS;
    unsigned backward = 0;

    while (last < end) {
        uint64_t now = clock_ns();
        backward += now < last;
        last = now;
    }
    CHECK_EQ(backward, 0);
}

TEST("the record's time stamp is not in the future")
{
    struct vcpu_time_info time = clock_snapshot(&this_vcpu()->time);

    CHECK(time.tsc_timestamp <= read_tsc());
}

TEST("the scale is that of a clock between 1 MHz and 10 GHz")
{
    struct vcpu_time_info time = clock_snapshot(&this_vcpu()->time);
    uint64_t start = clock_at(&time, time.tsc_timestamp);
    uint64_t later = clock_at(&time, time.tsc_timestamp + 1000000000);

    CHECK_EQ(start, time.system_time);
    CHECK(later - start >= 100 * MS);
    CHECK(later - start <= 1000000 * MS);
}

TEST("an updated record goes on from the one before, to within a millisecond")
{
    struct vcpu_time_info before = clock_snapshot(&this_vcpu()->time), after;
    uint64_t give_up = clock_ns() + 3000 * MS;

    do {
        (void)sched_op(SCHEDOP_yield, NULL);
        after = clock_snapshot(&this_vcpu()->time);
    } while (after.version == before.version && clock_ns() < give_up);
    if (after.version == before.version) {
        skip("the record was not updated meanwhile");
        return;
    }
    int64_t jump = (int64_t)(after.system_time - clock_at(&before, after.tsc_timestamp));
    CHECK(jump > -(int64_t)MS && jump < (int64_t)MS);
}

TEST("the wall clock's version is even, and it says a year from 2020 to 2120")
{
    uint64_t seconds = (uint64_t)shared_info->wc_sec_hi << 32 | shared_info->wc_sec;
    const uint64_t year = 31556952;

    CHECK_EQ(shared_info->wc_version & 1, 0);
    CHECK(seconds >= 50 * year);
    CHECK(seconds <= 150 * year);
}

TEST("the wall clock's nanoseconds are less than a second")
{
    CHECK(shared_info->wc_nsec < 1000000000);
}

TEST("a second copy of the time record is kept where VCPUOP_register_vcpu_time_memory_area says")
{
    static struct vcpu_time_info copy;
    struct vcpu_register_time_memory_area area = {.addr.v = &copy};

    CHECK_OK(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area));
    CHECK(copy.version != 0);
    CHECK_EQ(copy.version & 1, 0);
    struct vcpu_time_info time = clock_snapshot(&copy);
    uint64_t now = clock_ns(), other = clock_at(&time, read_tsc());
    CHECK(other - now < 100 * MS);
    CHECK_EQ(copy.tsc_to_system_mul, this_vcpu()->time.tsc_to_system_mul);
}
