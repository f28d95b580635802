// SPDX-License-Identifier: Apache-2.0
// A block of memory handed out from its start and given back as a whole: what a decompressor gets
// to work in, so that no image, however made, takes more memory than was meant for it.
#pragma once

#include "lib/compiler.h"

struct arena {
    uint8_t *base;
    size_t size_bytes;
    size_t used_bytes;
    size_t newest; /* where the last allocation still held begins */
};

static inline struct arena arena_over(void *base, size_t size_bytes)
{
    return (struct arena){.base = base, .size_bytes = size_bytes};
}

/* `bytes` bytes, aligned for any type, of undefined content; NULL where they are not left. */
static inline void *arena_alloc(struct arena *arena, size_t bytes)
{
    size_t misaligned = -((uintptr_t)arena->base + arena->used_bytes) & 15;
    size_t left = arena->size_bytes - arena->used_bytes;

    if (misaligned > left || bytes > left - misaligned) {
        return NULL;
    }
    arena->newest = arena->used_bytes + misaligned;
    arena->used_bytes = arena->newest + bytes;
    return arena->base + arena->newest;
}

/*
 * Give back. Only the newest allocation's memory is used again, which is enough: decoders hold what
 * they allocate to the end, but for the short-lived options of each block of a stream.
 */
static inline void arena_free(struct arena *arena, const void *p)
{
    if (p == arena->base + arena->newest) {
        arena->used_bytes = arena->newest;
    }
}
