// SPDX-License-Identifier: Apache-2.0
// Spin locks with ranks. A CPU takes locks in rising rank only; debug builds check.
//
// Interrupts are off wherever a lock can be taken (see arch/cpu.h), so there is one flavour. A
// waiter serves other CPUs' TLB-flush requests: a holder may wait for such a flush.
#pragma once

#include "arch/cpu.h"
#include "lib/compiler.h"

/* The one lock order, outermost first. */
enum lock_rank {
    RANK_DOMCTL, /* only ever tried; no interrupt's handler wants it */
    RANK_DOMAIN_LIST,
    RANK_DOMAIN,
    RANK_GRANT,
    RANK_EVENT,
    RANK_IRQ, /* held while an interrupt's events are sent, which wakes vCPUs */
    RANK_SHUTDOWN,
    RANK_PAGES, /* a domain's list of frames */
    RANK_TIMER,
    RANK_SCHED,
    RANK_ACCESS, /* a domain's rights to devices */
    RANK_HEAP,
    RANK_FRAMES, /* the frame allocator */
    RANK_DEVICE,
    RANK_CONSOLE,
    RANK_FORBIDDEN, /* no lock has it: "held" where none of the above may be taken */
    RANK_CLOCK,     /* time may be asked for with any lock held */
    RANK_COUNT,
};

typedef struct {
    uint32_t held;
    uint32_t rank;
} spinlock_t;

#define SPINLOCK(lock_rank) \
    {                       \
        0, (lock_rank)      \
    }

static inline void spin_init(spinlock_t *lock, enum lock_rank rank)
{
    lock->held = 0;
    lock->rank = rank;
}

/* Debug builds: panics where the order is broken. */
void lock_rank_acquire(const spinlock_t *lock);
void lock_rank_release(const spinlock_t *lock);

/* Debug builds: from here to there this CPU takes no lock but the clock's. They don't nest. */
void lock_forbid(void);
void lock_permit(void);
bool lock_is_forbidden(void);

/* Somebody else has it: wait until it is the caller's. */
void spin_lock_slowly(spinlock_t *lock);

static inline void spin_lock(spinlock_t *lock)
{
#ifdef PAVISE_DEBUG
    lock_rank_acquire(lock);
#endif
    if (unlikely(__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0)) {
        spin_lock_slowly(lock);
    }
}

static inline bool spin_trylock(spinlock_t *lock)
{
    if (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0) {
        return false;
    }
#ifdef PAVISE_DEBUG
    lock_rank_acquire(lock);
#endif
    return true;
}

static inline void spin_unlock(spinlock_t *lock)
{
#ifdef PAVISE_DEBUG
    lock_rank_release(lock);
#endif
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}
