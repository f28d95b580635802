// SPDX-License-Identifier: Apache-2.0
// The machine-to-physical table: for each machine frame, what its owner calls it.
#pragma once

#include "lib/address.h"

#define M2P_INVALID 0x5555555555555555ULL /* what the interface stores for "no such frame" */

/* The table, writable, one entry a frame; set at start of day, frame_count entries. */
extern uint64_t *m2p;
/* The frames that hold it, for guests that ask for them. */
extern mfn_t m2p_first_frame;
extern uint64_t m2p_frames;

static inline void m2p_set(mfn_t m, uint64_t pfn_value)
{
    __atomic_store_n(&m2p[m.n], pfn_value, __ATOMIC_RELAXED);
}

static inline uint64_t m2p_get(mfn_t m)
{
    return __atomic_load_n(&m2p[m.n], __ATOMIC_RELAXED);
}
