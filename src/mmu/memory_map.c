// SPDX-License-Identifier: Apache-2.0
// XENMEM_memory_map, set_memory_map, machine_memory_map.
#include "mmu/memory_map.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "domain/quota.h"
#include "lib/string.h"
#include "mmu/foreign.h"
#include "mmu/memory_op.h"

struct memory_map {
    uint32_t count;
    struct e820entry entry[];
};

static const struct e820entry *machine_map; /* constant after start of day */
static uint32_t machine_entries;

void memory_map_set_machine(const struct e820entry *entries, uint32_t count)
{
    machine_map = entries;
    machine_entries = count;
}

static gva_t buffer_of(const struct xen_memory_map *map)
{
    return gva((uint64_t)map->buffer.p);
}

/* A guest with no room for all of it is told nothing; one that only asks, how much it is. */
long memop_machine_memory_map(gva_t argument)
{
    struct xen_memory_map map;

    if (!current_vcpu()->domain->privileged) {
        return -EPERM;
    }
    if (read_guest(&map, argument, 0) != 0) {
        return -EFAULT;
    }
    if (!gva_is_null(buffer_of(&map))) {
        if (map.nr_entries < machine_entries) {
            return -EINVAL;
        }
        if (copy_to_guest(buffer_of(&map), machine_map, machine_entries * sizeof(*machine_map)) !=
            0) {
            return -EFAULT;
        }
    }
    map.nr_entries = machine_entries;
    return write_guest(argument, 0, &map) != 0 ? -EFAULT : 0;
}

/* As much as there is room for. The domain's lock is not held while the guest is written to. */
long memop_memory_map(gva_t argument)
{
    struct domain *d = current_vcpu()->domain;
    struct e820entry copy[16];
    struct xen_memory_map map;
    uint32_t count = 0;

    if (read_guest(&map, argument, 0) != 0) {
        return -EFAULT;
    }
    for (uint32_t first = 0;; first += ARRAY_SIZE(copy)) {
        uint32_t n;
        spin_lock(&d->lock);
        count = d->memory_map ? d->memory_map->count : 0;
        n = MIN(count, map.nr_entries) > first
                ? MIN(MIN(count, map.nr_entries) - first, (uint32_t)ARRAY_SIZE(copy))
                : 0;
        if (n > 0) {
            memcpy(copy, &d->memory_map->entry[first], n * sizeof(copy[0]));
        }
        spin_unlock(&d->lock);
        if (n == 0) {
            break;
        }
        if (copy_to_guest(gva_add(buffer_of(&map), first * sizeof(copy[0])), copy,
                          n * sizeof(copy[0])) != 0) {
            return -EFAULT;
        }
    }
    if (count == 0) {
        return -ENOSYS;
    }
    map.nr_entries = MIN(count, map.nr_entries);
    return write_guest(argument, 0, &map) != 0 ? -EFAULT : 0;
}

static void replace(struct domain *d, struct memory_map *map)
{
    struct memory_map *old;

    spin_lock(&d->lock);
    old = d->memory_map;
    d->memory_map = map;
    spin_unlock(&d->lock);
    quota_free(d, old);
}

static long set(struct domain *d, const struct xen_memory_map *request)
{
    struct memory_map *map;

    if (request->nr_entries > E820_MAX_ENTRIES) {
        return -EINVAL;
    }
    map = quota_alloc(d, sizeof(*map) + request->nr_entries * sizeof(map->entry[0]));
    if (!map) {
        return -ENOMEM;
    }
    map->count = request->nr_entries;
    if (copy_from_guest(map->entry, buffer_of(request), map->count * sizeof(map->entry[0])) != 0) {
        quota_free(d, map);
        return -EFAULT;
    }
    replace(d, map);
    return 0;
}

long memop_set_memory_map(gva_t argument)
{
    struct xen_foreign_memory_map request;
    struct domain *d;
    long result;

    if (read_guest(&request, argument, 0) != 0) {
        return -EFAULT;
    }
    result = foreign_domain(request.domid, &d);
    if (result != 0) {
        return result;
    }
    /* Made by whoever builds the domain; one without privilege does not change its own. */
    result = current_vcpu()->domain->privileged ? set(d, &request.map) : -EPERM;
    domain_put(d);
    return result;
}

void memory_map_free(struct domain *d)
{
    quota_free(d, d->memory_map);
}

/* The new one is there before the old one goes. */
uint64_t memory_map_most_heap(void)
{
    return 2 *
           quota_cost(1, sizeof(struct memory_map) + E820_MAX_ENTRIES * sizeof(struct e820entry));
}
