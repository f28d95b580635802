// SPDX-License-Identifier: Apache-2.0
// The seam to physical memory: where a machine frame can be read and written.
//
// All RAM is mapped, always (the direct map), so reaching a frame costs an addition and can't fail.
#pragma once

#include <stddef.h>

#include "impl/frames.h"
#include "lib/address.h"

/* First byte of frame `m`, which must be RAM (below max_frame()). */
static inline void *frame_to_virt(mfn_t m);

/* A byte of such a frame. */
static inline void *maddr_to_virt(maddr_t address)
{
    return (char *)frame_to_virt(maddr_to_mfn(address)) + address.a % PAGE_SIZE;
}

/* The frame that holds `p`, a pointer into the direct map. */
static inline mfn_t virt_to_frame(const void *p);

/* Only in a process: a test wants the allocation that asks to fail. */
static inline bool arch_allocation_fails(void);

/*
 * Clear or copy much of the direct map at once; the copy's ends do not overlap. What memset() and
 * memcpy() do too, which have small sizes in mind.
 */
static inline void bulk_clear(void *to, size_t bytes);
static inline void bulk_copy(void *to, const void *from, size_t bytes);
