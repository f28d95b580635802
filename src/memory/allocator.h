// SPDX-License-Identifier: Apache-2.0
// Buddy allocator for machine frames, and the heap for Pavise's own objects.
#pragma once

#include "lib/address.h"
#include "lib/compiler.h"
#include "memory/frame.h"

#define MAX_ORDER 18 /* the largest block: 2^18 frames, 1 GiB */

/* Start of day, before anything else here: empty lists. heap_reset() is called by frames_reset().
 */
void frames_reset(void);
void heap_reset(void);

/* Start of day: give a range of usable frames to the allocator. Whole frames; not in use. */
void frames_add_range(mfn_t first, uint64_t count);

/*
 * A block of 2^order frames whose numbers lie below 2^`address_bits` / PAGE_SIZE (64: anywhere),
 * aligned to its size, or MFN_INVALID. Contents are undefined; owner is DOMID_INVALID, no
 * references. Stale translations of the block have been flushed. Takes RANK_FRAMES.
 */
must_check mfn_t frames_alloc(unsigned int order, unsigned int address_bits);

/*
 * A reserve of so many frames: guests' memory never comes from it, nor does what guests make
 * Pavise allocate, so that who controls the machine still can when all else is gone. Pavise itself
 * may use it. 0 until start of day is over.
 */
void frames_set_reserve(uint64_t frames);

enum frames_kept {
    KEEP_NOTHING,
    KEEP_RESERVE,
};

/*
 * Claims: frames set aside for someone without saying which. *claim is the part of a claim that is
 * still open, kept by its holder (0: none) and changed only through these calls.
 * frames_claim() makes it `count`; -ENOMEM (12) where so many are not free and unclaimed.
 * frames_alloc_claimed() is frames_alloc() that leaves what others claimed and the reserve, and
 * consumes *claim.
 */
must_check int frames_claim(uint64_t *claim, uint64_t count);
must_check mfn_t frames_alloc_claimed(unsigned int order, unsigned int address_bits,
                                      uint64_t *claim);

void frames_free(mfn_t first, unsigned int order);

/* How recently any of 2^order frames was mapped, on the flush clock. */
uint64_t frames_youngest_stamp(mfn_t first, unsigned int order);
uint64_t frames_free_count(void);
/* Of these, frames whose addresses take at least `min_bits` and at most `max_bits` (0: any). */
uint64_t frames_free_of_width(unsigned int min_bits, unsigned int max_bits);
uint64_t frames_total_count(void);

/* One zeroed frame of Pavise's own (owner DOMID_XEN), through the direct map; NULL when out. */
must_check void *page_alloc(void);
void page_free(void *page);
/* 2^order such frames, contiguous. */
must_check void *pages_alloc(unsigned int order);
must_check void *pages_alloc_keeping(enum frames_kept kept, unsigned int order);
void pages_free(void *pages, unsigned int order);

/*
 * Zeroed memory of any size up to 4 MiB, 16-byte aligned (64 from 64 bytes on); NULL when out.
 * Takes RANK_HEAP. Freeing NULL is fine.
 */
must_check void *heap_alloc(size_t bytes);
void heap_free(void *p);
#define heap_new(type)               ((type *)heap_alloc(sizeof(type)))
#define heap_new_array(type, number) ((type *)heap_alloc_array((number), sizeof(type)))
must_check void *heap_alloc_array(size_t number, size_t each);
must_check void *heap_alloc_keeping(enum frames_kept kept, size_t bytes);

/* What an object of so many bytes, or this one, takes of the heap. */
size_t heap_cost(size_t bytes);
size_t heap_cost_of(const void *p);
