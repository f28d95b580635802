// SPDX-License-Identifier: Apache-2.0
// The machine-to-physical table: for each machine frame, what its owner calls it.
#pragma once

#include "lib/address.h"
#include "memory/frame.h"

#define M2P_INVALID 0x5555555555555555ULL /* what the interface stores for "no such frame" */

/* The table, writable, one entry a frame; set at start of day, frame_count entries. */
extern uint64_t *m2p;

/*
 * Start of day: the frames that hold the table may be mapped, read-only, by those who may see it
 * all (DOMID_XEN). `frame_at` says which frame holds the table's byte `offset`, MFN_INVALID where
 * none does. Once the frame records are there.
 */
void m2p_publish(mfn_t (*frame_at)(uint64_t offset));

/* The frame published for the table's byte `offset`; frame 0 where there is none. */
mfn_t m2p_frame_at(uint64_t offset);
bool frame_is_m2p(const struct frame *f);

static inline void m2p_set(mfn_t m, uint64_t pfn_value)
{
    __atomic_store_n(&m2p[m.n], pfn_value, __ATOMIC_RELAXED);
}

static inline uint64_t m2p_get(mfn_t m)
{
    return __atomic_load_n(&m2p[m.n], __ATOMIC_RELAXED);
}
