// SPDX-License-Identifier: Apache-2.0
// The direct map on the machine: all RAM from one fixed address on.
#pragma once

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
