// SPDX-License-Identifier: Apache-2.0
// Waiting for a byte lock.
#include "event/byte_lock.h"

cold_fn void byte_lock_slowly(byte_lock_t *lock)
{
    do {
        while (READ_ONCE(*lock) != 0) {
            cpu_relax();
        }
    } while (!byte_trylock(lock));
}
