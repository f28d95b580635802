// SPDX-License-Identifier: Apache-2.0
// Physical memory in a process: an arena that host_memory_create() made.
#pragma once

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
