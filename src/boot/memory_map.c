// SPDX-License-Identifier: Apache-2.0
// The machine's physical memory: from firmware's list, in any order and with overlaps, to one that
// gives each byte exactly one type.

#include "boot/memory_map.h"

void memory_map_add(struct memory_map *map, uint64_t base, uint64_t bytes, uint32_t type)
{
    if (bytes == 0 || base >= PHYSICAL_ADDRESS_END) {
        return;
    }
    if (map->count == MEMORY_REGIONS_MAX) {
        map->dropped++;
        return;
    }
    if (type < MEMORY_USABLE || type > MEMORY_BAD) {
        type = MEMORY_RESERVED;
    }
    map->regions[map->count++] = (struct memory_region){
        .base = base,
        .bytes = MIN(bytes, PHYSICAL_ADDRESS_END - base),
        .type = (enum memory_type)type,
    };
}

static uint64_t region_end(const struct memory_region *region)
{
    return region->base + region->bytes;
}

/* Of two claims to the same bytes, the one that allows less. */
static unsigned int strictness(enum memory_type type)
{
    switch (type) {
    case MEMORY_USABLE:
        return 0;
    case MEMORY_ACPI:
        return 1;
    case MEMORY_NVS:
        return 2;
    case MEMORY_RESERVED:
        return 3;
    default:
        return 4;
    }
}

/* The next address above `at` where any region starts or ends; UINT64_MAX when there is none. */
static uint64_t next_boundary(const struct memory_map *map, uint64_t at)
{
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < map->count; i++) {
        const struct memory_region *r = &map->regions[i];
        if (r->base > at) {
            next = MIN(next, r->base);
        }
        if (region_end(r) > at) {
            next = MIN(next, region_end(r));
        }
    }
    return next;
}

/* The strictest type that covers `at`; 0 for a hole. */
static unsigned int type_at(const struct memory_map *map, uint64_t at)
{
    unsigned int type = 0;

    for (uint32_t i = 0; i < map->count; i++) {
        const struct memory_region *r = &map->regions[i];
        if (r->base <= at && at < region_end(r) &&
            (type == 0 || strictness(r->type) > strictness((enum memory_type)type))) {
            type = r->type;
        }
    }
    return type;
}

static void append_joined(struct memory_map *map, uint64_t base, uint64_t end, unsigned int type)
{
    struct memory_region *last = map->count != 0 ? &map->regions[map->count - 1] : NULL;

    if (last != NULL && last->type == type && region_end(last) == base) {
        last->bytes = end - last->base;
    } else {
        memory_map_add(map, base, end - base, type);
    }
}

/*
 * Walks from boundary to boundary, asking for each piece who claims it. That is quadratic in a few
 * hundred regions, once; and there is no case it could get wrong.
 */
void memory_map_normalize(struct memory_map *map)
{
    static struct memory_map result;

    result.count = 0;
    result.dropped = map->dropped;
    for (uint64_t at = 0; at != UINT64_MAX;) {
        uint64_t next = next_boundary(map, at);
        unsigned int type = type_at(map, at);
        if (type != 0) {
            append_joined(&result, at, next, type);
        }
        at = next;
    }
    *map = result;
}

uint64_t memory_map_usable_bytes(const struct memory_map *map)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < map->count; i++) {
        bytes += map->regions[i].type == MEMORY_USABLE ? map->regions[i].bytes : 0;
    }
    return bytes;
}

uint64_t memory_map_usable_end(const struct memory_map *map)
{
    for (uint32_t i = map->count; i > 0; i--) {
        if (map->regions[i - 1].type == MEMORY_USABLE) {
            return region_end(&map->regions[i - 1]);
        }
    }
    return 0;
}

const char *memory_type_name(enum memory_type type)
{
    static const char *const names[] = {
        [MEMORY_USABLE] = "usable", [MEMORY_RESERVED] = "reserved", [MEMORY_ACPI] = "ACPI tables",
        [MEMORY_NVS] = "ACPI NVS",  [MEMORY_BAD] = "bad",
    };
    return type >= MEMORY_USABLE && type <= MEMORY_BAD ? names[type] : "unknown";
}
