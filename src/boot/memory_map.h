// SPDX-License-Identifier: Apache-2.0
// The machine's physical memory as firmware describes it, with the meaning of E820's types.
#pragma once

#include "lib/compiler.h"

/* Numbers as in E820 and in the guest interface (XENMEM_memory_map). */
enum memory_type {
    MEMORY_USABLE = 1,
    MEMORY_RESERVED = 2,
    MEMORY_ACPI = 3, /* tables; usable once they have been read */
    MEMORY_NVS = 4,  /* firmware's own, to be kept over sleep */
    MEMORY_BAD = 5,
};

struct memory_region {
    uint64_t base, bytes;
    enum memory_type type;
};

#define MEMORY_REGIONS_MAX 512

/* No processor has more address bits than 52; so no sum of an address and a size wraps. */
#define PHYSICAL_ADDRESS_END (1ULL << 52)

/* Between memory_map_normalize() and the next memory_map_add(): ascending, disjoint, not empty. */
struct memory_map {
    uint32_t count;
    uint32_t dropped; /* regions that there was no room for, or that made no sense */
    struct memory_region regions[MEMORY_REGIONS_MAX];
};

/*
 * Appends a region as firmware gave it. An unknown type counts as reserved. What lies beyond
 * PHYSICAL_ADDRESS_END is cut off, an empty region ignored.
 */
void memory_map_add(struct memory_map *map, uint64_t base, uint64_t bytes, uint32_t type);

/*
 * Sorts, resolves overlaps (the type less free to use wins, as firmware means it) and joins
 * neighbours of one type.
 */
void memory_map_normalize(struct memory_map *map);

/* Of a normalized map: bytes of usable memory, and the end of the highest usable region. */
uint64_t memory_map_usable_bytes(const struct memory_map *map);
uint64_t memory_map_usable_end(const struct memory_map *map);

const char *memory_type_name(enum memory_type type);
