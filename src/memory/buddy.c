// SPDX-License-Identifier: Apache-2.0
// Buddy allocator: blocks of 2^order frames, split on demand, merged when both halves are free.
//
// A zone for each number of address bits: zone n has the frames whose numbers take n bits. So
// "below 2^n" is a choice of zones and never a search, however fragmented memory is. Who does not
// ask for low addresses is served from the highest zone first, so that devices with few address
// bits find memory later too.
#include "memory/allocator.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/lock.h"
#include "base/panic.h"
#include "lib/string.h"
#include "memory/flush.h"
#include "memory/low.h"

#define ZONES 33 /* frame numbers have up to 32 bits (struct frame_list) */

static spinlock_t lock = SPINLOCK(RANK_FRAMES);
static struct frame_list free_blocks[ZONES][MAX_ORDER + 1]; /* guarded by lock */
static uint32_t orders_free[ZONES];                         /* guarded by lock: bit per list */
static uint64_t free_frames, total_frames;                  /* guarded by lock */
static uint64_t claimed_frames; /* guarded by lock: sum of open claims */
static uint64_t reserve_frames; /* set at start of day */

static unsigned int zone_of(mfn_t m)
{
    return m.n == 0 ? 0 : 64 - (unsigned int)__builtin_clzll(m.n);
}

/*
 * `m` is the head of a free block of just this order. The owner says first whether the frame is
 * free: of others' frames `order` may be something else, and change meanwhile.
 */
static bool is_free_block(mfn_t m, unsigned int order)
{
    return mfn_valid(m) && READ_ONCE(frame_of(m)->owner) == DOMID_INVALID &&
           frame_of(m)->order == order;
}

/* Heads of free blocks carry their order; all other free frames this. */
#define NOT_A_HEAD 0xffU

static void add_block(mfn_t m, unsigned int order)
{
    unsigned int zone = zone_of(m);

    frame_of(m)->order = order;
    frame_list_add(&free_blocks[zone][order], frame_of(m));
    orders_free[zone] |= 1U << order;
}

static void remove_block(mfn_t m, unsigned int order)
{
    unsigned int zone = zone_of(m);

    frame_list_remove(&free_blocks[zone][order], frame_of(m));
    frame_of(m)->order = NOT_A_HEAD;
    if (free_blocks[zone][order].count == 0) {
        orders_free[zone] &= ~(1U << order);
    }
}

static void free_block(mfn_t m, unsigned int order)
{
    free_frames += 1ULL << order;
    while (order < MAX_ORDER) {
        mfn_t buddy = mfn(m.n ^ (1ULL << order));
        if (!is_free_block(buddy, order) || zone_of(buddy) != zone_of(m)) {
            break;
        }
        remove_block(buddy, order);
        m = mfn(MIN(m.n, buddy.n));
        order++;
    }
    add_block(m, order);
}

static void mark_free(mfn_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct frame *f = frame_of(mfn_add(first, i));
        WRITE_ONCE(f->state, 0);
        WRITE_ONCE(f->owner, DOMID_INVALID);
        f->order = NOT_A_HEAD;
        frame_set_entries(f, 0);
    }
}

void frames_reset(void)
{
    for (unsigned int zone = 0; zone < ZONES; zone++) {
        for (unsigned int order = 0; order <= MAX_ORDER; order++) {
            frame_list_init(&free_blocks[zone][order]);
        }
        orders_free[zone] = 0;
    }
    free_frames = total_frames = claimed_frames = reserve_frames = 0;
    memory_watch(0);
    heap_reset();
}

void frames_add_range(mfn_t first, uint64_t count)
{
    ASSERT(mfn_valid(first) && mfn_valid(mfn(first.n + count - 1)));
    spin_lock(&lock);
    mark_free(first, count);
    total_frames += count;
    while (count > 0) {
        unsigned int order = first.n == 0 ? 0 : (unsigned int)__builtin_ctzll(first.n);
        order = MIN(order, (unsigned int)MAX_ORDER);
        order = MIN(order, 63 - (unsigned int)__builtin_clzll(count));
        free_block(first, order);
        first = mfn_add(first, 1ULL << order);
        count -= 1ULL << order;
    }
    spin_unlock(&lock);
}

/* The smallest free block of at least `order` in the highest of the zones up to `zone`. */
static mfn_t find_block(unsigned int zone, unsigned int order, unsigned int *found)
{
    for (;; zone--) {
        uint32_t large_enough = orders_free[zone] >> order;
        if (large_enough != 0) {
            *found = order + (unsigned int)__builtin_ctz(large_enough);
            return mfn(free_blocks[zone][*found].head);
        }
        if (zone == 0) {
            return mfn(MFN_INVALID);
        }
    }
}

static mfn_t take_block(unsigned int order, unsigned int top_zone)
{
    unsigned int found = 0;
    mfn_t m = find_block(top_zone, order, &found);

    if (m.n == MFN_INVALID) {
        return m;
    }
    remove_block(m, found);
    while (found > order) {
        found--;
        add_block(mfn_add(m, 1ULL << found), found);
    }
    free_frames -= 1ULL << order;
    return m;
}

uint64_t frames_youngest_stamp(mfn_t first, unsigned int order)
{
    uint64_t stamp = 0;

    for (uint64_t i = 0; i < 1ULL << order; i++) {
        stamp = MAX(stamp, READ_ONCE(frame_of(mfn_add(first, i))->flush_stamp));
    }
    return stamp;
}

/* Not free any more, before the lock is let go; whose they will be is for who allocates to say. */
static void mark_taken(mfn_t first, unsigned int order)
{
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        WRITE_ONCE(frame_of(mfn_add(first, i))->owner, DOMID_XEN);
    }
}

/* What of the free frames others have set aside. The lock is held. */
static uint64_t claimed_by_others(const uint64_t *claim)
{
    return claim ? claimed_frames - *claim : 0;
}

/* `keep`: frames that have to be left afterwards, beside what others than `claim` have set aside.
 */
static mfn_t alloc(unsigned int order, unsigned int address_bits, uint64_t *claim, uint64_t keep)
{
    mfn_t m = mfn(MFN_INVALID);

    if (order > MAX_ORDER || address_bits < PAGE_SHIFT || arch_allocation_fails()) {
        return m;
    }
    spin_lock(&lock);
    if (keep + claimed_by_others(claim) + (1ULL << order) <= free_frames) {
        m = take_block(order, MIN(address_bits - PAGE_SHIFT, ZONES - 1U));
    }
    if (m.n != MFN_INVALID) {
        mark_taken(m, order);
        memory_watch_taken(free_frames);
    } else if (order == 0) {
        memory_watch_refused();
    }
    if (m.n != MFN_INVALID && claim) {
        uint64_t consumed = MIN(*claim, 1ULL << order);
        WRITE_ONCE(*claim, *claim - consumed);
        claimed_frames -= consumed;
    }
    spin_unlock(&lock);
    if (m.n != MFN_INVALID) {
        flush_older_than(frames_youngest_stamp(m, order));
    }
    return m;
}

mfn_t frames_alloc(unsigned int order, unsigned int address_bits)
{
    return alloc(order, address_bits, NULL, 0);
}

mfn_t frames_alloc_claimed(unsigned int order, unsigned int address_bits, uint64_t *claim)
{
    return alloc(order, address_bits, claim, reserve_frames);
}

void frames_set_reserve(uint64_t frames)
{
    reserve_frames = frames;
}

int frames_claim(uint64_t *claim, uint64_t count)
{
    uint64_t others;
    int error = 0;

    spin_lock(&lock);
    others = reserve_frames + claimed_by_others(claim);
    if (count > 0 && (others > free_frames || count > free_frames - others)) {
        error = -ENOMEM;
    } else {
        claimed_frames = claimed_by_others(claim) + count;
        WRITE_ONCE(*claim, count);
    }
    spin_unlock(&lock);
    return error;
}

void frames_free(mfn_t first, unsigned int order)
{
    ASSERT(order <= MAX_ORDER && (first.n & ((1ULL << order) - 1)) == 0);
    spin_lock(&lock);
    mark_free(first, 1ULL << order);
    free_block(first, order);
    memory_watch_freed(free_frames);
    spin_unlock(&lock);
}

static uint64_t free_in_zone(unsigned int zone)
{
    uint64_t frames = 0;

    for (unsigned int order = 0; order <= MAX_ORDER; order++) {
        frames += (uint64_t)free_blocks[zone][order].count << order;
    }
    return frames;
}

/* A zone's frames take as many bits as its number says, and their addresses PAGE_SHIFT more. */
uint64_t frames_free_of_width(unsigned int min_bits, unsigned int max_bits)
{
    uint64_t frames = 0;

    spin_lock(&lock);
    for (unsigned int zone = 0; zone < ZONES; zone++) {
        if (zone + PAGE_SHIFT >= min_bits && (max_bits == 0 || zone + PAGE_SHIFT <= max_bits)) {
            frames += free_in_zone(zone);
        }
    }
    spin_unlock(&lock);
    return frames;
}

uint64_t frames_free_count(void)
{
    return READ_ONCE(free_frames);
}

uint64_t frames_total_count(void)
{
    return READ_ONCE(total_frames);
}

/* ---- Pavise's own pages -------------------------------------------------------------------- */

void *pages_alloc_keeping(enum frames_kept kept, unsigned int order)
{
    mfn_t m = alloc(order, 64, NULL, kept == KEEP_RESERVE ? reserve_frames : 0);

    if (m.n == MFN_INVALID) {
        return NULL;
    }
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        __atomic_store_n(&frame_of(mfn_add(m, i))->state, FRAME_ALLOCATED | FRAME_REF_ONE,
                         __ATOMIC_RELEASE);
    }
    frame_of(m)->order = order;
    bulk_clear(frame_to_virt(m), PAGE_SIZE << order);
    return frame_to_virt(m);
}

void *pages_alloc(unsigned int order)
{
    return pages_alloc_keeping(KEEP_NOTHING, order);
}

void pages_free(void *pages, unsigned int order)
{
    mfn_t first;

    if (!pages) {
        return;
    }
    /* A guest that names the frame in a call may have a reference for a moment: it frees it then.
     */
    first = virt_to_frame(pages);
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        frame_put(frame_of(mfn_add(first, i)));
    }
}

void *page_alloc(void)
{
    return pages_alloc_keeping(KEEP_NOTHING, 0);
}

void page_free(void *page)
{
    pages_free(page, 0);
}
