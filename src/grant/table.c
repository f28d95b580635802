// SPDX-License-Identifier: Apache-2.0
// A domain's table: its pages, which only grow, and the records of what is in use.
#include "grant/table.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/hypercall.h"
#include "domain/quota.h"
#include "domain/share.h"

int table_create(struct domain *d)
{
    struct domain_grants *g = quota_new(d, struct domain_grants);

    if (!g) {
        return -ENOMEM;
    }
    spin_init(&g->lock, RANK_GRANT);
    g->version = 1;
    g->max_version = 2;
    g->max_frames = GRANT_DEFAULT_FRAMES;
    g->max_maptrack_frames = GRANT_DEFAULT_MAPTRACK_FRAMES;
    g->free_handle = NO_HANDLE;
    d->grants = g;
    return 0;
}

/* Pages of active records, at most: a version 1 table has more entries a page. */
static uint32_t active_pages(const struct domain_grants *g)
{
    return g->max_frames * (uint32_t)(V1_PER_PAGE / ACTIVE_PER_PAGE);
}

void table_destroy(struct domain *d)
{
    struct domain_grants *g = d->grants;

    maptrack_destroy(d);
    for (uint32_t i = 0; g->active && i < active_pages(g); i++) {
        if (g->active[i]) {
            quota_free_page(d, g->active[i]);
        }
    }
    quota_free(d, g->shared);
    quota_free(d, g->status);
    quota_free(d, g->active);
    quota_free(d, g);
    d->grants = NULL;
}

uint64_t table_most_heap(const struct domain *d)
{
    const struct domain_grants *g = d->grants;
    uint64_t status = status_frames_for(g->max_frames), active = active_pages(g);
    uint64_t pages = g->max_frames + status + active + g->max_maptrack_frames;

    return quota_cost(1, sizeof(*g)) + pages * PAGE_SIZE +
           quota_cost(g->max_frames, sizeof(g->shared[0])) +
           quota_cost(status, sizeof(g->status[0])) + quota_cost(active, sizeof(g->active[0])) +
           quota_cost(g->max_maptrack_frames, sizeof(g->maptrack[0]));
}

int grant_set_limits(struct domain *d, uint32_t frames, uint32_t maptrack_frames, uint32_t version)
{
    struct domain_grants *g = d->grants;
    int error = 0;

    if (frames == 0 || frames > GRANT_MAX_FRAMES || maptrack_frames > GRANT_MAX_MAPTRACK_FRAMES ||
        version < 1 || version > 2) {
        return -EINVAL;
    }
    spin_lock(&g->lock);
    if (g->frames != 0 || g->maptrack) {
        error = -EBUSY;
    } else {
        g->max_frames = frames;
        g->max_maptrack_frames = maptrack_frames;
        g->max_version = (uint8_t)version;
    }
    spin_unlock(&g->lock);
    return error;
}

/* The arrays of pages, all or none. */
static int make_arrays(struct domain *d)
{
    struct domain_grants *g = d->grants;
    void **shared = quota_new_array(d, void *, g->max_frames);
    grant_status_t **status =
        quota_new_array(d, grant_status_t *, status_frames_for(g->max_frames));
    struct grant_active **active = quota_new_array(d, struct grant_active *, active_pages(g));

    if (!shared || !status || !active) {
        quota_free(d, shared);
        quota_free(d, status);
        quota_free(d, active);
        return -ENOMEM;
    }
    g->shared = shared;
    g->status = status;
    g->active = active;
    return 0;
}

/* A zeroed page that the domain may map writable; NULL where there is no memory, or it is dying. */
static void *new_shared_page(struct domain *d)
{
    void *page = quota_page(d);

    if (page && domain_share_page(d, page, true) != 0) {
        quota_free_page(d, page);
        page = NULL;
    }
    return page;
}

int table_grow_status(struct domain *d, uint32_t frames)
{
    struct domain_grants *g = d->grants;

    while (g->status_frames < frames) {
        grant_status_t *page = new_shared_page(d);
        if (!page) {
            return -ENOMEM;
        }
        g->status[g->status_frames] = page;
        __atomic_store_n(&g->status_frames, g->status_frames + 1, __ATOMIC_RELEASE);
    }
    return 0;
}

static int grow_locked(struct domain *d, uint32_t frames)
{
    struct domain_grants *g = d->grants;
    int error = 0;

    if (frames > g->max_frames || g->state == TABLE_GONE) {
        return -EINVAL;
    }
    if (!g->shared) {
        error = make_arrays(d);
    }
    if (error == 0 && g->version == 2) {
        error = table_grow_status(d, status_frames_for(frames));
    }
    while (error == 0 && g->frames < frames) {
        void *page = new_shared_page(d);
        if (!page) {
            error = -ENOMEM;
            break;
        }
        g->shared[g->frames] = page;
        __atomic_store_n(&g->frames, g->frames + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&g->entries, g->frames * entries_per_frame(g->version), __ATOMIC_RELEASE);
    }
    return error;
}

int table_grow(struct domain *d, uint32_t frames)
{
    int error;

    spin_lock(&d->grants->lock);
    error = grow_locked(d, frames);
    spin_unlock(&d->grants->lock);
    return error;
}

/*
 * The first use of an entry among ACTIVE_PER_PAGE. Under the table's lock, so that who changes the
 * table, and looks at all records, finds all there are.
 */
static cold_fn struct grant_active *active_make(struct domain *d, grant_ref_t ref)
{
    struct domain_grants *g = d->grants;
    struct grant_active **page = &g->active[ref / ACTIVE_PER_PAGE];

    spin_lock(&g->lock);
    if (!*page) {
        __atomic_store_n(page, quota_page(d), __ATOMIC_RELEASE);
    }
    spin_unlock(&g->lock);
    return active_if_any(g, ref);
}

static int16_t why_not(const struct domain_grants *g)
{
    switch (__atomic_load_n(&g->state, __ATOMIC_SEQ_CST)) {
    case TABLE_OPEN:
        return GNTST_bad_gntref;
    case TABLE_CHANGING:
        return GNTST_eagain;
    default:
        return GNTST_bad_domain;
    }
}

int16_t active_lock_slowly(struct domain *d, grant_ref_t ref, struct grant_active **active)
{
    struct domain_grants *g = d->grants;
    struct grant_active *a;

    if (ref >= table_entries(g)) {
        return why_not(g);
    }
    a = active_make(d, ref);
    if (!a) {
        return GNTST_no_space;
    }
    byte_lock(&a->lock);
    if (ref >= table_entries(g)) {
        byte_unlock(&a->lock);
        return why_not(g);
    }
    *active = a;
    return GNTST_okay;
}

/* Whoever works on one of these entries has to be through before the pages go. */
static void pass_through(const struct domain_grants *g, grant_ref_t first)
{
    struct grant_active *page = active_if_any(g, first);

    for (uint32_t i = 0; page && i < ACTIVE_PER_PAGE; i++) {
        byte_lock(&page[i].lock);
        byte_unlock(&page[i].lock);
    }
}

static void close_table(struct domain_grants *g)
{
    spin_lock(&g->lock);
    __atomic_store_n(&g->state, TABLE_GONE, __ATOMIC_SEQ_CST);
    __atomic_store_n(&g->entries, 0, __ATOMIC_SEQ_CST);
    spin_unlock(&g->lock);
}

/* One of the frames and status frames, which nobody uses any more. */
static void give_up_page(struct domain *d, uint32_t index)
{
    struct domain_grants *g = d->grants;

    domain_unshare_page(d, index < g->frames ? g->shared[index] : g->status[index - g->frames]);
}

/* A table that is gone does not grow: its sizes stay. */
int table_relinquish(struct domain *d)
{
    struct domain_grants *g = d->grants;
    uint32_t actives, pages;

    close_table(g);
    actives = g->frames * (uint32_t)(V1_PER_PAGE / ACTIVE_PER_PAGE);
    pages = g->frames + g->status_frames;
    while (d->relinquish_next < actives + pages) {
        uint32_t next = d->relinquish_next++;

        if (next < actives) {
            pass_through(g, next * (uint32_t)ACTIVE_PER_PAGE);
        } else {
            give_up_page(d, next - actives);
        }
        if (should_stop()) {
            return (int)HYPERCALL_RESTART;
        }
    }
    return 0;
}

int table_bury(struct domain *d)
{
    struct domain_grants *g = d->grants;

    for (uint32_t i = 0; g->active && i < active_pages(g); i++) {
        if (g->active[i]) {
            quota_free_page(d, g->active[i]);
            g->active[i] = NULL;
            if (should_stop()) {
                return (int)HYPERCALL_RESTART;
            }
        }
    }
    return 0;
}

uint32_t grant_most_frames(const struct domain *d)
{
    return d->grants->max_frames;
}

int grant_have_frames(struct domain *d, uint32_t frames)
{
    return frames <= table_frames(d->grants) ? 0 : table_grow(d, frames);
}

mfn_t grant_shared_frame(struct domain *d, uint32_t index)
{
    const struct domain_grants *g = d->grants;

    if (READ_ONCE(g->state) == TABLE_GONE || index >= table_frames(g)) {
        return mfn(MFN_INVALID);
    }
    return virt_to_frame(g->shared[index]);
}

mfn_t grant_status_frame(struct domain *d, uint32_t index)
{
    const struct domain_grants *g = d->grants;

    if (READ_ONCE(g->state) == TABLE_GONE ||
        index >= __atomic_load_n(&g->status_frames, __ATOMIC_ACQUIRE)) {
        return mfn(MFN_INVALID);
    }
    return virt_to_frame(g->status[index]);
}
