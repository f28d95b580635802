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
must_check bool domain_drop_ownership(struct frame *f);

/* Teardown: drop every frame's ownership, in pieces. 0 or HYPERCALL_RESTART. */
must_check long domain_release_pages(struct domain *d);

/*
 * Take a frame with no references but its owner's away from `d` without freeing it, for a change
 * of owner. -EBUSY where it is in use. Takes page_lock.
 */
must_check int domain_steal_frame(struct domain *d, struct frame *f);
