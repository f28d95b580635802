// SPDX-License-Identifier: Apache-2.0
// Physical memory in a process: an arena that host_memory_create() made.
#pragma once

#include <stddef.h>
#include <string.h>

#include "lib/address.h"

extern unsigned char *host_ram;

static inline void *frame_to_virt(mfn_t m)
{
    return host_ram + (m.n << PAGE_SHIFT);
}

static inline mfn_t virt_to_frame(const void *p)
{
    return mfn((uint64_t)((const unsigned char *)p - host_ram) >> PAGE_SHIFT);
}

/* Allocations until one fails, and only that one; 0: none does. For one thread's tests. */
extern uint64_t host_allocations_left;

static inline bool arch_allocation_fails(void)
{
    return host_allocations_left != 0 && --host_allocations_left == 0;
}

#ifdef __SANITIZE_THREAD__
/*
 * Whoever walks page tables without a lock may look at a frame that is another's by now, and finds
 * that out afterwards (mmu/walk.h). A processor stores whole words; so that TSan sees them as such
 * they are stored one by one. From zeros where `from` is NULL.
 */
static inline void bulk_store(void *to, const void *from, size_t bytes)
{
    const unsigned char *source = from;
    uint64_t word = 0;

    for (size_t at = 0; at < bytes; at += sizeof(word)) {
        if (source) {
            memcpy(&word, source + at, sizeof(word));
        }
        __atomic_store_n((uint64_t *)((unsigned char *)to + at), word, __ATOMIC_RELAXED);
    }
}
#define BULK_IS_WORDS(to, bytes) ((((uintptr_t)(to) | (bytes)) & 7) == 0)
#else
static inline void bulk_store(void *to, const void *from, size_t bytes)
{
}
#define BULK_IS_WORDS(to, bytes) false
#endif

static inline void bulk_clear(void *to, size_t bytes)
{
    if (BULK_IS_WORDS(to, bytes)) {
        bulk_store(to, NULL, bytes);
    } else {
        memset(to, 0, bytes);
    }
}

static inline void bulk_copy(void *to, const void *from, size_t bytes)
{
    if (BULK_IS_WORDS(to, bytes)) {
        bulk_store(to, from, bytes);
    } else {
        memcpy(to, from, bytes);
    }
}
