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

static inline void bulk_clear(void *to, size_t bytes)
{
    memset(to, 0, bytes);
}

static inline void bulk_copy(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
}
