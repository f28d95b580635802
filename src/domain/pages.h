// SPDX-License-Identifier: Apache-2.0
// The frames a domain owns: giving, taking back, and what happens when the last reference goes.
#pragma once

#include "domain/domain.h"

/* Start of day: take over frame_released. */
void domain_pages_init(void);

/*
 * Put a frame on the right list of its owner and count it. While a domain has frames, its record
 * stays: an owner's id always means the same domain. page_lock is held.
 */
void domain_list_frame(struct domain *d, struct frame *f);

/*
 * Drop the reference that came with ownership. False where someone else already did: only one
 * caller ever gets to free a frame, however many race.
 */
must_check bool domain_drop_ownership(struct domain *d, struct frame *f);

/*
 * Pavise does not want a page that it shares any more: where others still have it, it is memory of
 * the domain's like any other from now on, and may become a table. The references of sharing are
 * the caller's to drop; until then nobody gives it another type.
 */
void domain_disown_shared(struct domain *d, struct frame *f);

/*
 * Teardown: drop every frame's ownership and pin, in pieces. 0 or HYPERCALL_RESTART. Frames that
 * others still map linger, and go with their last reference.
 */
must_check long domain_release_pages(struct domain *d);

/*
 * The room of page tables, which knows what a pin holds, sets it at start of day: drop the frame's
 * pin. HYPERCALL_RESTART where that left work for the next time around, which begins with NULL.
 */
extern long (*frame_unpin)(struct frame *f);

/*
 * 2^order cleared frames from the allocator as the domain's memory, their numbers within
 * `address_bits`. -ENOMEM, and what domain_assign_frames() says. Not for long with `order`: the
 * clearing is not preempted.
 */
must_check int domain_add_frames(struct domain *d, unsigned int order, unsigned int address_bits,
                                 mfn_t *first);

/*
 * The domain does not want a frame of its memory any more. It goes back to the allocator with its
 * last reference, which may be now. -EINVAL: not its memory, or it was given back before.
 */
must_check int domain_give_back(struct domain *d, mfn_t m);

/*
 * Take a frame with no references but its owner's away from `d` without freeing it, for a change
 * of owner. -EBUSY where it is in use. Takes page_lock. Translations of it may still be cached: its
 * flush stamp says so, and a new owner other than `d` needs flush_older_than() first.
 */
must_check int domain_steal_frame(struct domain *d, struct frame *f);

/*
 * Undo a theft, or replace what was stolen: 2^order frames become the domain's, whatever its limit
 * is by now. A dying domain's are freed.
 */
void domain_return_frames(struct domain *d, mfn_t first, unsigned int order);
