// SPDX-License-Identifier: Apache-2.0
// The start-of-day layout as the tests of several images look at it, each linked or noted
// differently.
#pragma once

#include "tap.h"

// Elements of the bootstrap region, by virtual address; `end` is the first byte after.
struct span {
    uint64_t start, end;
};

struct span layout_kernel(void);
struct span layout_module(void);
struct span layout_frame_list(void);
struct span layout_start_info(void);
struct span layout_page_tables(void);
struct span layout_stack(void);
uint64_t layout_region_start(void);

// The PTE of an address, 0 if there is none.
uint64_t layout_pte(uint64_t va);

#define MIB               (1ul << 20)
#define REGION_ALIGNMENT  (4 * MIB)
#define REGION_PADDING    (512ul << 10)
#define ALIGN_UP(x, unit) (((x) + (unit)-1) / (unit) * (unit))
