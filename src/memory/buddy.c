// SPDX-License-Identifier: Apache-2.0
// Buddy allocator: blocks of 2^order frames, split on demand, merged when both halves are free.
//
// Two zones, below and above 4 GiB: whoever does not ask for low addresses is served from the
// high zone first, so that devices with 32-bit addresses find memory later too.
#include "memory/allocator.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/lock.h"
#include "base/panic.h"
#include "lib/string.h"
#include "memory/flush.h"

#define LOW_ZONE_FRAMES (1ULL << (32 - PAGE_SHIFT))

enum zone { ZONE_LOW, ZONE_HIGH, ZONES };

static spinlock_t lock = SPINLOCK(RANK_FRAMES);
static struct frame_list free_blocks[ZONES][MAX_ORDER + 1]; /* guarded by lock */
static uint64_t free_frames, total_frames;                  /* guarded by lock */
static uint64_t claimed_frames; /* guarded by lock: sum of open claims */

static enum zone zone_of(mfn_t m)
{
    return m.n < LOW_ZONE_FRAMES ? ZONE_LOW : ZONE_HIGH;
}

/* `m` is the head of a free block of just this order. */
static bool is_free_block(mfn_t m, unsigned int order)
{
    return mfn_valid(m) && frame_of(m)->owner == DOMID_INVALID && frame_of(m)->order == order;
}

/* Heads of free blocks carry their order; all other free frames this. */
#define NOT_A_HEAD 0xffU

static void add_block(mfn_t m, unsigned int order)
{
    frame_of(m)->order = order;
    frame_list_add(&free_blocks[zone_of(m)][order], frame_of(m));
}

static void remove_block(mfn_t m, unsigned int order)
{
    frame_list_remove(&free_blocks[zone_of(m)][order], frame_of(m));
    frame_of(m)->order = NOT_A_HEAD;
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
        f->state = 0;
        f->owner = DOMID_INVALID;
        f->order = NOT_A_HEAD;
        f->validated_entries = 0;
    }
}

void frames_reset(void)
{
    for (unsigned int i = 0; i <= MAX_ORDER; i++) {
        frame_list_init(&free_blocks[ZONE_LOW][i]);
        frame_list_init(&free_blocks[ZONE_HIGH][i]);
    }
    free_frames = total_frames = claimed_frames = 0;
    heap_reset();
}

void frames_add_range(mfn_t first, uint64_t count)
{
    ASSERT(mfn_valid(first) && mfn_valid(mfn(first.n + count - 1)));
    spin_lock(&lock);
    mark_free(first, count);
    total_frames += count;
    while (count > 0) {
        unsigned int order = first.n == 0 ? MAX_ORDER : (unsigned int)__builtin_ctzll(first.n);
        order = MIN(order, (unsigned int)MAX_ORDER);
        order = MIN(order, 63 - (unsigned int)__builtin_clzll(count));
        free_block(first, order);
        first = mfn_add(first, 1ULL << order);
        count -= 1ULL << order;
    }
    spin_unlock(&lock);
}

/* A free block of at least `order` that ends below frame `limit`; its own order in *found. */
static mfn_t find_block(enum zone zone, unsigned int order, uint64_t limit, unsigned int *found)
{
    for (unsigned int o = order; o <= MAX_ORDER; o++) {
        for (uint32_t n = free_blocks[zone][o].head; n != FRAME_LIST_END; n = frame_table[n].next) {
            /* Splitting takes the lower half, so only the part that is handed out counts. */
            if (n + (1ULL << order) <= limit) {
                *found = o;
                return mfn(n);
            }
        }
    }
    return mfn(MFN_INVALID);
}

static mfn_t take_block(unsigned int order, uint64_t limit)
{
    unsigned int found = 0;
    mfn_t m = mfn(MFN_INVALID);

    if (limit > LOW_ZONE_FRAMES) {
        m = find_block(ZONE_HIGH, order, limit, &found);
    }
    if (m.n == MFN_INVALID) {
        m = find_block(ZONE_LOW, order, limit, &found);
    }
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
        stamp = MAX(stamp, frame_of(mfn_add(first, i))->flush_stamp);
    }
    return stamp;
}

/* The first frame number that is out of reach with so many address bits. */
static uint64_t frame_limit(unsigned int address_bits)
{
    if (address_bits >= 64) {
        return UINT64_MAX;
    }
    return address_bits <= PAGE_SHIFT ? 0 : 1ULL << (address_bits - PAGE_SHIFT);
}

/* What of the free frames others have set aside. The lock is held. */
static uint64_t claimed_by_others(const uint64_t *claim)
{
    return claim ? claimed_frames - *claim : 0;
}

static mfn_t alloc(unsigned int order, unsigned int address_bits, uint64_t *claim)
{
    mfn_t m = mfn(MFN_INVALID);

    if (order > MAX_ORDER) {
        return m;
    }
    spin_lock(&lock);
    if (claimed_by_others(claim) + (1ULL << order) <= free_frames || !claim) {
        m = take_block(order, frame_limit(address_bits));
    }
    if (m.n != MFN_INVALID && claim) {
        uint64_t consumed = MIN(*claim, 1ULL << order);
        *claim -= consumed;
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
    return alloc(order, address_bits, NULL);
}

mfn_t frames_alloc_claimed(unsigned int order, unsigned int address_bits, uint64_t *claim)
{
    return alloc(order, address_bits, claim);
}

int frames_claim(uint64_t *claim, uint64_t count)
{
    uint64_t others;
    int error = 0;

    spin_lock(&lock);
    others = claimed_by_others(claim);
    if (count > 0 && (others > free_frames || count > free_frames - others)) {
        error = -ENOMEM;
    } else {
        claimed_frames = others + count;
        *claim = count;
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
    spin_unlock(&lock);
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

void *pages_alloc(unsigned int order)
{
    mfn_t m = frames_alloc(order, 64);

    if (m.n == MFN_INVALID) {
        return NULL;
    }
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        struct frame *f = frame_of(mfn_add(m, i));
        f->owner = DOMID_XEN;
        f->state = FRAME_ALLOCATED | FRAME_REF_ONE;
    }
    frame_of(m)->order = order;
    return memset(frame_to_virt(m), 0, PAGE_SIZE << order);
}

void pages_free(void *pages, unsigned int order)
{
    if (pages) {
        frames_free(virt_to_frame(pages), order);
    }
}

void *page_alloc(void)
{
    return pages_alloc(0);
}

void page_free(void *page)
{
    pages_free(page, 0);
}
