// SPDX-License-Identifier: Apache-2.0
// Waiting for a lock, and the run-time check of the lock order in debug builds.
#include "base/lock.h"

#include "base/cpu.h"
#include "base/panic.h"

cold_fn void spin_lock_slowly(spinlock_t *lock)
{
    do {
        while (READ_ONCE(lock->held) != 0) {
            cpu_relax();
        }
    } while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0);
}

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

/* One line where it does something, none where not. */
#ifdef PAVISE_DEBUG
#define IN_DEBUG(statement) statement
#else
#define IN_DEBUG(statement)
#endif

void lock_forbid(void)
{
    IN_DEBUG(this_cpu()->lock_rank_bits |= 1U << RANK_FORBIDDEN);
}

void lock_permit(void)
{
    IN_DEBUG(this_cpu()->lock_rank_bits &= ~(1U << RANK_FORBIDDEN));
}

bool lock_is_forbidden(void)
{
    return (this_cpu()->lock_rank_bits >> RANK_FORBIDDEN & 1) != 0;
}
