// SPDX-License-Identifier: Apache-2.0
// Page-table types: a frame becomes a table when all its entries are allowed, and stops being one
// when its last use goes.
//
// States of a frame with a table type (see memory/frame.h for the bits):
//   locked, not validated       one CPU claims its entries, or releases them
//   partial, not locked         that work was preempted; the count is held by some vCPU's list of
//                               unfinished work, which goes on before that vCPU does anything else
//                               here; whoever else wants the table has to try again
//   validated                   every entry holds its claim; any number of uses
// The first `validated_entries` entries of a table that is not validated hold claims.
#pragma once

#include "domain/domain.h"

static inline enum frame_type table_type(unsigned int level)
{
    return (enum frame_type)(FRAME_L1 + level - 1);
}

static inline unsigned int type_level(enum frame_type type)
{
    return type >= FRAME_L1 && type <= FRAME_L4 ? (unsigned int)(type - FRAME_L1) + 1 : 0;
}

/*
 * Take a type count and a reference on `f` as `d`'s table of `level`, validating it if it is the
 * first. 0; -EINVAL: not the domain's, in use as something else, or an entry is not allowed;
 * HYPERCALL_RESTART: preempted; the caller passes that on, and the work goes on when the guest
 * issues its call again.
 */
must_check long table_get(struct domain *d, struct frame *f, unsigned int level);

/*
 * Drop such a count; the last one releases all entries. That may be preempted: the rest is then
 * left to the current vCPU's unfinished work.
 */
void table_put(struct frame *f);

/* Drop the pin of a table that the caller has a reference on. False where it has none. */
bool table_unpin(struct frame *f);

/* The same for a page of descriptors (GDT, LDT): every descriptor must be harmless. */
must_check int descriptors_get(struct domain *d, struct frame *f);
void descriptors_put(struct frame *f);

/*
 * Lock a validated table of `d` for editing, whatever its level. Returns the level, 0 where it is
 * no table of that domain (nothing is locked then). While it is locked its type can't change.
 */
must_check unsigned int table_lock(struct domain *d, struct frame *f);
void table_unlock(struct frame *f);

/*
 * Go on with what this vCPU left unfinished. 0 when nothing is left; HYPERCALL_RESTART when it was
 * preempted again. Every call that changes page tables begins with it.
 */
must_check long unfinished_resume(struct vcpu *v);

/* Whether the vCPU has unfinished work, and the end of a call: drop tables built but not used. */
void unfinished_drop_built(struct vcpu *v);

/* Teardown: all of it, without preemption by the vCPU's own doing. 0 or HYPERCALL_RESTART. */
must_check long unfinished_finish(struct vcpu *v);

/* Start of day: registers the room's part of domains. */
void mmu_init(void);

/* The address space template: what slots 256 to 271 of every L4 hold. Set at start of day. */
void l4_template_set(const uint64_t *hypervisor_slots);
