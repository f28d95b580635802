// SPDX-License-Identifier: Apache-2.0
// Wall-clock time.
#include "time/wall_clock.h"

#include "arch/clock.h"
#include "base/lock.h"
#include "time/time.h"

/* Guards `epoch` and every domain's wc_* words, so that no two writers interleave there. */
static spinlock_t wall_clock_lock = SPINLOCK(RANK_TIMER);

/* The date at system time 0, in Unix time; nanoseconds below a second. */
static struct {
    uint64_t seconds; /* wraps where a guest says so */
    uint32_t nanoseconds;
} epoch;

/*
 * Readers take a version that is even and the same before and after for a consistent one. The
 * version is the guest's to overwrite: only its parity is relied on.
 */
static void write_words(struct shared_info *shared, uint64_t seconds, uint32_t nanoseconds)
{
    uint32_t version = READ_ONCE(shared->wc_version) | 1;

    WRITE_ONCE(shared->wc_version, version);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    WRITE_ONCE(shared->wc_sec, (uint32_t)seconds);
    WRITE_ONCE(shared->wc_sec_hi, (uint32_t)(seconds >> 32));
    WRITE_ONCE(shared->wc_nsec, nanoseconds);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    WRITE_ONCE(shared->wc_version, version + 1);
}

void wall_clock_publish(struct domain *d)
{
    spin_lock(&d->lock); /* shared_info goes only after a domain is marked dead */
    if (d->life != DOMAIN_DEAD && d->shared) {
        spin_lock(&wall_clock_lock);
        write_words(d->shared, epoch.seconds + (uint64_t)d->time_offset_seconds, epoch.nanoseconds);
        spin_unlock(&wall_clock_lock);
    }
    spin_unlock(&d->lock);
}

static void set_epoch(uint64_t seconds, uint64_t nanoseconds, uint64_t system_time_ns)
{
    uint64_t earlier = system_time_ns % NS_PER_SECOND;

    seconds += nanoseconds / NS_PER_SECOND - system_time_ns / NS_PER_SECOND;
    nanoseconds %= NS_PER_SECOND;
    if (nanoseconds < earlier) {
        nanoseconds += NS_PER_SECOND;
        seconds--;
    }
    spin_lock(&wall_clock_lock);
    epoch.seconds = seconds;
    epoch.nanoseconds = (uint32_t)(nanoseconds - earlier);
    spin_unlock(&wall_clock_lock);
}

void wall_clock_set(uint64_t seconds, uint32_t nanoseconds, uint64_t system_time_ns)
{
    struct domain *d;
    int id = -1;

    set_epoch(seconds, nanoseconds, system_time_ns);
    while ((d = domain_get_next(id)) != NULL) {
        id = d->id;
        wall_clock_publish(d);
        domain_put(d);
    }
}

uint64_t wall_clock_now_ns(void)
{
    uint64_t at_start;

    spin_lock(&wall_clock_lock);
    at_start = epoch.seconds * NS_PER_SECOND + epoch.nanoseconds;
    spin_unlock(&wall_clock_lock);
    return at_start + time_now_ns();
}

void wall_clock_init(void)
{
    set_epoch(arch_read_wall_clock(), 0, time_now_ns());
}
