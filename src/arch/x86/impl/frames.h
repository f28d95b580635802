// SPDX-License-Identifier: Apache-2.0
// The direct map on the machine: all RAM from one fixed address on.
#pragma once

#include <stddef.h>

#include "lib/address.h"

#define DIRECT_MAP_START 0xffff830000000000UL
#define DIRECT_MAP_END   0xffff880000000000UL

static inline void *frame_to_virt(mfn_t m)
{
    return (void *)(DIRECT_MAP_START + (m.n << PAGE_SHIFT));
}

static inline mfn_t virt_to_frame(const void *p)
{
    return mfn(((uint64_t)p - DIRECT_MAP_START) >> PAGE_SHIFT);
}

static inline bool arch_allocation_fails(void)
{
    return false;
}

/* The processor's own loops: they fill and copy whole lines (manual volume 1, 7.3.9.3). */
static inline void bulk_clear(void *to, size_t bytes)
{
    size_t words = bytes / 8, rest = bytes % 8;

    asm volatile("rep stosq\n"
                 "mov %2, %%rcx\n"
                 "rep stosb"
                 : "+D"(to), "+c"(words)
                 : "r"(rest), "a"(0UL)
                 : "memory");
}

static inline void bulk_copy(void *to, const void *from, size_t bytes)
{
    size_t words = bytes / 8, rest = bytes % 8;

    asm volatile("rep movsq\n"
                 "mov %3, %%rcx\n"
                 "rep movsb"
                 : "+D"(to), "+S"(from), "+c"(words)
                 : "r"(rest)
                 : "memory");
}
