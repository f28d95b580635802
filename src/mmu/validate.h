// SPDX-License-Identifier: Apache-2.0
// What a frame must hold to be a table or a page of descriptors.
#pragma once

#include "domain/domain.h"
#include "memory/frame.h"

/*
 * Claim entries of the locked table `f`, from where f->validated_entries says that it stopped, and
 * store them as they are allowed. 0; TABLE_PARTIAL: preempted, or a table it needs is being worked
 * on elsewhere; else an error, about the first entry that holds no claim.
 */
must_check long table_claim_entries(struct domain *d, struct frame *f, unsigned int level,
                                    bool preemptible);

/* Release them from the last to the first: 0 or, where it is preempted, TABLE_PARTIAL. */
must_check long table_release_entries(struct frame *f, unsigned int level, bool preemptible);

/* Whether a validated L4 has what it should in the hypervisor's slots. */
bool hypervisor_slots_intact(const struct frame *f);

/*
 * A descriptor a guest may have in its tables: not present, or a code or data segment of ring 3
 * (adjusted where it says ring 0 to 2); never a gate or a system descriptor.
 */
bool descriptor_fix(uint64_t *descriptor);
bool descriptors_valid(const struct frame *f);
