// SPDX-License-Identifier: Apache-2.0
// The run-time check of the lock order, in debug builds.
#include "base/lock.h"

#include "base/cpu.h"
#include "base/panic.h"

void lock_rank_acquire(const spinlock_t *lock)
{
    struct cpu *cpu = this_cpu();
    uint32_t bit = 1U << lock->rank;

    /* Equal ranks nest where the caller orders them itself (by domain id, by frame number). */
    if (cpu->lock_rank_bits >= bit << 1) {
        panic("lock order: rank %u taken while ranks %#x are held", lock->rank,
              cpu->lock_rank_bits);
    }
    cpu->lock_rank_bits |= bit;
}

void lock_rank_release(const spinlock_t *lock)
{
    this_cpu()->lock_rank_bits &= ~(1U << lock->rank);
}
