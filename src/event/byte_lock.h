// SPDX-License-Identifier: Apache-2.0
// One-byte locks, for records that there are a hundred thousand of: a channel, a grant entry.
//
// They come after all locks with ranks that their users hold, and before those whose holders never
// take a byte lock (the scheduler's, a domain's frames, the heap's, the list of domains). So they
// need no rank. Where two of a kind are taken, their owner states the order. A holder never waits
// for a guest, and never touches guest memory that can fault.
#pragma once

#include "arch/cpu.h"
#include "lib/compiler.h"

typedef uint8_t byte_lock_t;

static inline bool byte_trylock(byte_lock_t *lock)
{
    return __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) == 0;
}

/* Somebody else has it: wait until it is the caller's. */
void byte_lock_slowly(byte_lock_t *lock);

static inline void byte_lock(byte_lock_t *lock)
{
    if (unlikely(!byte_trylock(lock))) {
        byte_lock_slowly(lock);
    }
}

static inline void byte_unlock(byte_lock_t *lock)
{
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
