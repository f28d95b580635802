// SPDX-License-Identifier: Apache-2.0
// Frames of domains: lists, counts, and the way back to the allocator.
#include "domain/pages.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "arch/race.h"
#include "base/cpu.h"
#include "base/panic.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "memory/flush.h"

long (*frame_unpin)(struct frame *f);

/* A page that Pavise shares is on own_pages and does not count as the domain's memory. */
static bool is_memory(const struct frame *f)
{
    return frame_entries(f) != FRAME_SHARED;
}

static bool has_frames(const struct domain *d)
{
    return d->pages.count + d->own_pages.count + d->lingering_pages.count +
               d->released_pages.count >
           0;
}

static struct frame_list *list_of(struct domain *d, const struct frame *f)
{
    return is_memory(f) ? &d->pages : &d->own_pages;
}

void domain_list_frame(struct domain *d, struct frame *f)
{
    if (!has_frames(d)) {
        __atomic_add_fetch(&d->references, 1, __ATOMIC_RELAXED);
    }
    frame_list_add(list_of(d, f), f);
    WRITE_ONCE(d->total_pages, d->total_pages + is_memory(f));
}

/* Off all lists. Read-only mappings leave translations too, and no stamp of their own. */
static void free_frame(struct frame *f)
{
    bulk_clear(frame_to_virt(mfn_of(f)), PAGE_SIZE);
    flush_stamp_frame(f);
    frames_free(mfn_of(f), 0);
}

/*
 * The last reference went: nobody can see the frame but its owner's list. While its owner dies it
 * is only put aside: a table that goes may be the last to hold 512 frames.
 */
static void release_frame(struct frame *f)
{
    struct domain *d = domain_get_owner(f->owner);
    bool last, aside;

    ASSERT(d && state_type_count(frame_state(f)) == 0);
    spin_lock(&d->page_lock);
    frame_list_remove(&d->lingering_pages, f);
    WRITE_ONCE(d->total_pages, d->total_pages - 1);
    aside = d->collecting;
    if (aside) {
        frame_list_add(&d->released_pages, f);
    }
    last = !has_frames(d);
    spin_unlock(&d->page_lock);
    if (!aside) {
        free_frame(f);
    }
    if (last) {
        domain_put(d);
    }
    domain_put(d);
}

void domain_pages_init(void)
{
    frame_released = release_frame;
}

/* A frame that is nobody's becomes the domain's. page_lock is held. */
static void assign_frame(struct domain *d, struct frame *f)
{
    f->linear_uses = 0;
    frame_set_entries(f, 0);
    WRITE_ONCE(f->owner, d->id);
    domain_list_frame(d, f);
    __atomic_store_n(&f->state, FRAME_ALLOCATED | FRAME_REF_ONE, __ATOMIC_RELEASE);
}

int domain_assign_frames(struct domain *d, mfn_t first, uint64_t count)
{
    int error = 0;

    spin_lock(&d->page_lock);
    /* Death is announced before its own hold of page_lock: it sees what comes before, or is seen.
     */
    if (READ_ONCE(d->life) != DOMAIN_ALIVE) {
        error = -EINVAL;
    } else if (d->total_pages + count > d->max_pages || d->total_pages + count < count) {
        error = -E2BIG;
    } else {
        for (uint64_t i = 0; i < count; i++) {
            assign_frame(d, frame_of(mfn_add(first, i)));
        }
    }
    spin_unlock(&d->page_lock);
    return error;
}

int domain_add_frames(struct domain *d, unsigned int order, unsigned int address_bits, mfn_t *first)
{
    int error;

    *first = frames_alloc_claimed(order, address_bits, &d->claimed_pages);
    if (first->n == MFN_INVALID) {
        return -ENOMEM;
    }
    bulk_clear(frame_to_virt(*first), PAGE_SIZE << order);
    error = domain_assign_frames(d, *first, 1ULL << order);
    if (error != 0) {
        frames_free(*first, order);
    }
    return error;
}

int domain_give_back(struct domain *d, mfn_t m)
{
    struct frame *f;
    int error;

    if (!mfn_valid(m) || !frame_get(frame_of_guests(m), d->id)) {
        return -EINVAL;
    }
    f = frame_of(m);
    error = is_memory(f) && domain_drop_ownership(d, f) ? 0 : -EINVAL;
    frame_put(f);
    return error;
}

/* Clear the mark of ownership; its reference is the caller's to drop. page_lock is held. */
static bool disown(struct domain *d, struct frame *f)
{
    uint64_t before = __atomic_fetch_and(&f->state, ~FRAME_ALLOCATED, __ATOMIC_ACQ_REL);

    if ((before & FRAME_ALLOCATED) == 0) {
        return false;
    }
    frame_list_remove(list_of(d, f), f);
    frame_list_add(&d->lingering_pages, f);
    return true;
}

bool domain_drop_ownership(struct domain *d, struct frame *f)
{
    bool dropped;

    spin_lock(&d->page_lock);
    dropped = disown(d, f);
    spin_unlock(&d->page_lock);
    if (dropped) {
        frame_put(f);
    }
    return dropped;
}

void domain_disown_shared(struct domain *d, struct frame *f)
{
    spin_lock(&d->page_lock);
    if (!disown(d, f)) {
        panic("shared frame %#lx given up twice", (unsigned long)mfn_of(f).n);
    }
    frame_set_entries(f, 0);
    WRITE_ONCE(d->total_pages, d->total_pages + 1);
    spin_unlock(&d->page_lock);
}

int domain_steal_frame(struct domain *d, struct frame *f)
{
    uint64_t state = frame_state(f);
    bool last = false;
    int error = 0;

    race_window();
    spin_lock(&d->page_lock);
    if (READ_ONCE(f->owner) != d->id || (state & FRAME_ALLOCATED) == 0 || !is_memory(f) ||
        (state & FRAME_REF_MASK) != FRAME_REF_ONE ||
        !__atomic_compare_exchange_n(&f->state, &state, 0, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        error = -EBUSY;
    } else {
        flush_stamp_frame(f);
        frame_list_remove(&d->pages, f);
        WRITE_ONCE(d->total_pages, d->total_pages - 1);
        last = !has_frames(d);
    }
    spin_unlock(&d->page_lock);
    if (last) {
        domain_put(d);
    }
    return error;
}

void domain_return_frames(struct domain *d, mfn_t first, unsigned int order)
{
    bool alive;

    /* A frame's record forgets that it may have been a table: so has whoever may remember. */
    flush_older_than(frames_youngest_stamp(first, order));
    spin_lock(&d->page_lock);
    alive = READ_ONCE(d->life) == DOMAIN_ALIVE;
    for (uint64_t i = 0; alive && i < 1ULL << order; i++) {
        assign_frame(d, frame_of(mfn_add(first, i)));
    }
    spin_unlock(&d->page_lock);
    if (!alive) {
        frames_free(first, order);
    }
}

/* The ownership of some frame, with the reference that came with it; NULL when all is dropped. */
static struct frame *disown_next(struct domain *d)
{
    struct frame *f = NULL;

    spin_lock(&d->page_lock);
    if (d->pages.head != FRAME_LIST_END) {
        f = &frame_table[d->pages.head];
        if (!disown(d, f)) {
            panic("frame %#lx is listed without an owner", (unsigned long)mfn_of(f).n);
        }
    }
    spin_unlock(&d->page_lock);
    return f;
}

/* Free one that was put aside; false where there is none. */
static bool free_released(struct domain *d)
{
    struct frame *f = NULL;
    bool last = false;

    spin_lock(&d->page_lock);
    if (d->released_pages.head != FRAME_LIST_END) {
        f = &frame_table[d->released_pages.head];
        frame_list_remove(&d->released_pages, f);
        last = !has_frames(d);
    }
    spin_unlock(&d->page_lock);
    if (f) {
        free_frame(f);
    }
    if (last) {
        domain_put(d);
    }
    return f != NULL;
}

/* Give up one that the domain owns; false where there is none. */
static bool give_up_next(struct domain *d, long *result)
{
    struct frame *f = disown_next(d);

    if (f && (frame_state(f) & FRAME_PINNED) != 0) {
        *result = frame_unpin(f);
    }
    if (f) {
        frame_put(f);
    }
    return f != NULL;
}

static void begin_collection(struct domain *d)
{
    spin_lock(&d->page_lock);
    d->collecting = true;
    spin_unlock(&d->page_lock);
}

/* What others let go of from now on, they free. False where some was put aside meanwhile. */
static bool end_collection(struct domain *d)
{
    bool none;

    spin_lock(&d->page_lock);
    none = d->released_pages.count == 0;
    d->collecting = !none;
    spin_unlock(&d->page_lock);
    return none;
}

long domain_release_pages(struct domain *d)
{
    long result = frame_unpin ? frame_unpin(NULL) : 0;

    begin_collection(d);
    while (result == 0) {
        if (!free_released(d) && !give_up_next(d, &result) && end_collection(d)) {
            break;
        }
        if (should_stop()) {
            result = HYPERCALL_RESTART;
        }
    }
    return result;
}
