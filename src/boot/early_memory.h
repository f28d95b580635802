// SPDX-License-Identifier: Apache-2.0
// Memory before there is an allocator: pieces of the memory map, taken and never given back.
//
// First CPU, start of day. Addresses are physical.
#pragma once

#include "boot/memory_map.h"

/* Starts with all usable memory of a normalized map, in whole pages, from `lowest` on. */
void early_memory_init(const struct memory_map *map, uint64_t lowest);

/* What must not be given out: the image, modules. Widened to whole pages; may lie anywhere. */
void early_memory_reserve(uint64_t base, uint64_t bytes);

/*
 * The highest `bytes` that are free below `limit`, aligned to `align` (a power of two, at least a
 * page): the memory that devices of few address bits reach is left for domain 0. 0: there is none.
 */
must_check uint64_t early_memory_alloc(uint64_t bytes, uint64_t align, uint64_t limit);

/*
 * The end of this allocator: hands each free range to `give`, ascending, and keeps none; every
 * later early_memory_alloc() returns 0.
 */
void early_memory_hand_over(void (*give)(uint64_t base, uint64_t bytes));

/* Bytes that are still free. */
uint64_t early_memory_free_bytes(void);
