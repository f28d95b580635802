// SPDX-License-Identifier: Apache-2.0
// Memory before there is an allocator: a sorted table of free ranges.

#include "boot/early_memory.h"

#include "base/panic.h"
#include "lib/address.h"

/* A reservation can split a range in two, so there are more of them than regions. */
#define RANGES_MAX (MEMORY_REGIONS_MAX + 64)

/* Ascending, disjoint, whole pages, not empty. */
static struct range {
    uint64_t start, end;
} ranges[RANGES_MAX];
static uint32_t range_count;

static void insert_range(uint32_t at, uint64_t start, uint64_t end)
{
    if (range_count == RANGES_MAX) {
        panic("the memory map is in too many pieces");
    }
    for (uint32_t i = range_count++; i > at; i--) {
        ranges[i] = ranges[i - 1];
    }
    ranges[at] = (struct range){start, end};
}

static void remove_range(uint32_t at)
{
    range_count--;
    for (uint32_t i = at; i < range_count; i++) {
        ranges[i] = ranges[i + 1];
    }
}

void early_memory_init(const struct memory_map *map, uint64_t lowest)
{
    range_count = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct memory_region *region = &map->regions[i];
        uint64_t end = ROUND_DOWN(region->base + region->bytes, PAGE_SIZE);
        uint64_t start = MAX(ROUND_UP(region->base, PAGE_SIZE), lowest);
        if (region->type == MEMORY_USABLE && start < end) {
            insert_range(range_count, start, end);
        }
    }
}

/* Takes [start, end) out of the range at `at`, which overlaps it; what is left may be two ranges.
 */
static void cut_range(uint32_t at, uint64_t start, uint64_t end)
{
    struct range whole = ranges[at];

    remove_range(at);
    if (end < whole.end) {
        insert_range(at, end, whole.end);
    }
    if (start > whole.start) {
        insert_range(at, whole.start, start);
    }
}

void early_memory_reserve(uint64_t base, uint64_t bytes)
{
    uint64_t start = ROUND_DOWN(base, PAGE_SIZE);
    uint64_t end = ROUND_UP(base + bytes, PAGE_SIZE);

    for (uint32_t i = range_count; i > 0; i--) {
        if (ranges[i - 1].start < end && start < ranges[i - 1].end) {
            cut_range(i - 1, start, end);
        }
    }
}

uint64_t early_memory_alloc(uint64_t bytes, uint64_t align, uint64_t limit)
{
    bytes = ROUND_UP(bytes, PAGE_SIZE);
    for (uint32_t i = range_count; i > 0; i--) {
        uint64_t end = MIN(ranges[i - 1].end, limit);
        if (end < bytes) {
            continue;
        }
        uint64_t start = ROUND_DOWN(end - bytes, align);
        if (start >= ranges[i - 1].start) {
            cut_range(i - 1, start, start + bytes);
            return start;
        }
    }
    return 0;
}

void early_memory_hand_over(void (*give)(uint64_t base, uint64_t bytes))
{
    for (uint32_t i = 0; i < range_count; i++) {
        give(ranges[i].start, ranges[i].end - ranges[i].start);
    }
    range_count = 0;
}

uint64_t early_memory_free_bytes(void)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < range_count; i++) {
        bytes += ranges[i].end - ranges[i].start;
    }
    return bytes;
}
