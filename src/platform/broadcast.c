// SPDX-License-Identifier: Apache-2.0
// Who sleeps until when, and the comparator that follows the first of them.
#include "platform/broadcast.h"

#include "abi/errno.h"
#include "arch/clock.h"
#include "base/cpu.h"
#include "base/lock.h"
#include "platform/hpet.h"
#include "time/scale.h"

// Moments are compared by their signed difference, so all lie within 2^31 ticks.
#define FARTHEST_TICKS (1U << 30)

static struct {
    spinlock_t lock;
    unsigned comparator;
    struct time_scale tsc_to_ticks;
    uint64_t sleepers;        // [lock] a bit per CPU
    uint32_t until[MAX_CPUS]; // [lock] the HPET's counter
    bool armed;               // [lock] for `next`
    uint32_t next;            // [lock]
} broadcast = {.lock = SPINLOCK(RANK_DEVICE)};

int broadcast_init(uint64_t tsc_hz, const struct msi_message *message, unsigned gsi,
                   bool *by_message)
{
    for (unsigned i = 0; i < hpet_comparators(); i++) {
        *by_message = hpet_comparator_send(i, message) == 0;
        if (*by_message || hpet_comparator_route(i, gsi) == 0) {
            broadcast.comparator = i;
            broadcast.tsc_to_ticks = time_scale_make(tsc_hz, hpet_hz());
            return 0;
        }
    }
    return -ENODEV;
}

static uint32_t now(void)
{
    return (uint32_t)hpet_read();
}

// Wakes everyone whose time has come. Returns the first of the others, MAX_CPUS if there are none.
static unsigned wake_due(void)
{
    unsigned first = MAX_CPUS;
    uint32_t present = now();

    for (uint64_t rest = broadcast.sleepers; rest != 0; rest &= rest - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(rest);
        if ((int32_t)(broadcast.until[cpu] - present) <= 0) {
            broadcast.sleepers &= ~(1ULL << cpu);
            cpu_raise(cpu, WORK_TIMER);
        } else if (first == MAX_CPUS ||
                   (int32_t)(broadcast.until[cpu] - broadcast.until[first]) < 0) {
            first = cpu;
        }
    }
    return first;
}

// Until the comparator is set for a moment that is still to come, or nobody sleeps.
static void follow(void)
{
    unsigned first;

    broadcast.armed = false;
    while (!broadcast.armed && (first = wake_due()) != MAX_CPUS) {
        uint32_t left = broadcast.until[first] - now();
        broadcast.next = broadcast.until[first];
        broadcast.armed = (int32_t)left > 0 && hpet_comparator_arm(broadcast.comparator, left) == 0;
    }
}

// Rounded up, so that nobody is woken a tick early and for nothing.
static uint32_t ticks_until(uint64_t tsc)
{
    uint64_t present = arch_read_tsc();

    if (tsc <= present) {
        return 0;
    }
    return (uint32_t)MIN(time_scale_apply(&broadcast.tsc_to_ticks, tsc - present) + 1,
                         0UL + FARTHEST_TICKS);
}

void broadcast_sleep(unsigned cpu, uint64_t tsc)
{
    if (tsc == UINT64_MAX) {
        return;
    }
    spin_lock(&broadcast.lock);
    broadcast.until[cpu] = now() + ticks_until(tsc);
    broadcast.sleepers |= 1ULL << cpu;
    if (!broadcast.armed || (int32_t)(broadcast.until[cpu] - broadcast.next) < 0 ||
        (int32_t)(broadcast.next - now()) <= 0) {
        follow();
    }
    spin_unlock(&broadcast.lock);
}

void broadcast_wake(unsigned cpu)
{
    spin_lock(&broadcast.lock);
    broadcast.sleepers &= ~(1ULL << cpu);
    spin_unlock(&broadcast.lock);
}

void broadcast_interrupt(void)
{
    spin_lock(&broadcast.lock);
    follow();
    spin_unlock(&broadcast.lock);
}
