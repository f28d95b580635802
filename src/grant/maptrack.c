// SPDX-License-Identifier: Apache-2.0
// Handles: a domain's mappings of others' grants, in pages that are allocated as they are needed.
//
// A handle is free (flags 0, on the list), busy (one vCPU's, which may do anything with it), or a
// mapping (flags say which kind). It becomes busy by maptrack_alloc() or maptrack_claim() only.
#include "abi/errno.h"
#include "arch/index.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "domain/quota.h"
#include "grant/table.h"

#define MAPPED (GNTMAP_host_map | GNTMAP_device_map)

/* Another page of free handles, the lowest first. maptrack_lock is held. */
static bool add_page(struct domain *d)
{
    struct domain_grants *g = d->grants;
    uint32_t first = g->maptrack_frames * (uint32_t)TRACK_PER_PAGE;
    struct maptrack_entry *page;

    if (g->maptrack_frames == g->max_maptrack_frames) {
        return false;
    }
    if (!g->maptrack) {
        g->maptrack = quota_new_array(d, struct maptrack_entry *, g->max_maptrack_frames);
    }
    page = g->maptrack ? quota_page(d) : NULL;
    if (!page) {
        return false;
    }
    for (uint32_t i = 0; i < TRACK_PER_PAGE; i++) {
        page[i].ref = i + 1 < TRACK_PER_PAGE ? first + i + 1 : g->free_handle;
    }
    g->free_handle = first;
    g->maptrack[g->maptrack_frames] = page;
    __atomic_store_n(&g->maptrack_frames, g->maptrack_frames + 1, __ATOMIC_RELEASE);
    return true;
}

uint32_t maptrack_alloc(struct domain *d)
{
    struct domain_grants *g = d->grants;
    uint32_t handle = NO_HANDLE;

    byte_lock(&g->maptrack_lock);
    if (likely(g->free_handle != NO_HANDLE) || add_page(d)) {
        struct maptrack_entry *entry;

        handle = g->free_handle;
        entry = maptrack_entry(d, handle);
        g->free_handle = entry->ref;
        __atomic_store_n(&entry->flags, MAPTRACK_BUSY, __ATOMIC_RELAXED);
    }
    byte_unlock(&g->maptrack_lock);
    return handle;
}

void maptrack_free(struct domain *d, uint32_t handle)
{
    struct domain_grants *g = d->grants;
    struct maptrack_entry *entry = maptrack_entry(d, handle);

    byte_lock(&g->maptrack_lock);
    entry->granter = NULL;
    entry->ref = g->free_handle;
    __atomic_store_n(&entry->flags, 0, __ATOMIC_RELEASE);
    g->free_handle = handle;
    byte_unlock(&g->maptrack_lock);
}

void maptrack_publish(struct maptrack_entry *entry, uint32_t flags)
{
    __atomic_store_n(&entry->flags, flags & ~(uint32_t)MAPTRACK_BUSY, __ATOMIC_RELEASE);
}

struct maptrack_entry *maptrack_claim(struct domain *d, uint32_t handle, uint32_t *flags)
{
    struct domain_grants *g = d->grants;
    struct maptrack_entry *entry;
    uint32_t seen;

    if (handle / TRACK_PER_PAGE >= __atomic_load_n(&g->maptrack_frames, __ATOMIC_ACQUIRE)) {
        return NULL;
    }
    handle =
        (uint32_t)index_below(handle, (uint64_t)READ_ONCE(g->maptrack_frames) * TRACK_PER_PAGE);
    entry = maptrack_entry(d, handle);
    seen = __atomic_load_n(&entry->flags, __ATOMIC_RELAXED);
    if ((seen & MAPPED) == 0 ||
        !__atomic_compare_exchange_n(&entry->flags, &seen, MAPTRACK_BUSY, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED)) {
        return NULL;
    }
    *flags = seen;
    return entry;
}

/* The domain maps nothing any more, and never will. */
static int free_pages(struct domain *d)
{
    struct domain_grants *g = d->grants;

    g->free_handle = NO_HANDLE;
    while (g->maptrack_frames > 0) {
        quota_free_page(d, g->maptrack[--g->maptrack_frames]);
        if (should_stop()) {
            return (int)HYPERCALL_RESTART;
        }
    }
    return 0;
}

#define LOOK_EVERY 16 /* handles: a free one is soon done with */

int maptrack_relinquish(struct domain *d)
{
    struct domain_grants *g = d->grants;
    uint32_t end = g->maptrack_frames * (uint32_t)TRACK_PER_PAGE;

    while (g->relinquished < end) {
        uint32_t handle = g->relinquished++, flags;
        struct maptrack_entry *entry = maptrack_claim(d, handle, &flags);

        if (entry) {
            struct domain *granter = entry->granter;
            struct grant_active *active = active_if_any(granter->grants, entry->ref);
            grant_end_use(granter, entry->ref, active, (flags & GNTMAP_readonly) == 0);
            maptrack_free(d, handle);
            domain_put(granter);
        }
        if (g->relinquished % LOOK_EVERY == 0 && should_stop()) {
            return (int)HYPERCALL_RESTART;
        }
    }
    return free_pages(d);
}

void maptrack_destroy(struct domain *d)
{
    struct domain_grants *g = d->grants;

    while (g->maptrack_frames > 0) {
        quota_free_page(d, g->maptrack[--g->maptrack_frames]);
    }
    quota_free(d, g->maptrack);
}
