// SPDX-License-Identifier: Apache-2.0
// What a frame must hold to be a table or a page of descriptors.
#pragma once

#include "domain/domain.h"
#include "memory/frame.h"

/*
 * Claim entries of the locked table `f` from f->validated_entries on. 0; HYPERCALL_RESTART where it
 * was preempted; else an error. f->validated_entries says how many entries hold claims.
 */
must_check long table_claim_entries(struct domain *d, struct frame *f, unsigned int level);

/* Release them from the end, with or without looking at pending work. 0 or HYPERCALL_RESTART. */
long table_release_entries(struct frame *f, unsigned int level, bool preemptible);

/* The type machine's steps for unfinished work (types.c). */
must_check long table_build_on(struct frame *f);
must_check long table_release_on(struct frame *f);

/*
 * A descriptor a guest may have in its tables: not present, or a code or data segment or a call
 * gate of ring 3 (adjusted where it says ring 0 to 2); never a system descriptor.
 */
bool descriptor_fix(uint64_t *descriptor);
bool descriptors_valid(const struct frame *f);
