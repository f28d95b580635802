// SPDX-License-Identifier: Apache-2.0
// Page-table types: a frame becomes a table when all its entries are allowed, and stops being one
// when its last use goes.
//
// States of a frame with a table type (see memory/frame.h for the bits):
//   locked, not validated       one CPU claims its entries, or releases them
//   partial, not locked         that work was preempted. The one type count is held by whoever will
//                               go on: a vCPU's list of unfinished work, or the entry of a table
//                               that is partial itself. Whoever else wants the table tries again
//   validated                   every entry holds its claim; any number of uses
// Of a table that is not validated the first `validated_entries` entries hold claims; with
// TABLE_CHILD_PARTIAL the last of these is on a table that is partial.
#pragma once

#include "domain/domain.h"

#define TABLE_CHILD_PARTIAL 0x1000U

/* A result between success and an error: a count is held, on a table that is partial. */
#define TABLE_PARTIAL 1L

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
 * -EPERM: an entry is for device memory the domain may not map; HYPERCALL_RESTART: preempted; the
 * caller passes that on, and the work goes on when the guest issues its call again.
 */
must_check long table_get(struct domain *d, struct frame *f, unsigned int level);

/*
 * Drop such a count; the last one releases all entries. That may be preempted: the rest is then
 * left to the current vCPU's unfinished work.
 */
void table_put(struct frame *f);

/* Drop the pin of a table that the caller has a reference on. False where it has none. */
bool table_unpin(struct frame *f);

/* One more count on a table that is validated and that the caller has a reference on; the reference
 * then belongs to the count. False where it is not. */
must_check bool table_share(struct frame *f, unsigned int level);

/* The same for a page of descriptors (GDT, LDT): every descriptor must be harmless. */
must_check int descriptors_get(struct domain *d, struct frame *f);
void descriptors_put(struct frame *f);

/* table_lock() of a table that is not of level 1, or locked already. */
must_check unsigned int table_lock_slowly(const struct domain *d, struct frame *f);

static inline void table_unlock(struct frame *f)
{
    __atomic_fetch_and(&f->state, ~FRAME_LOCKED, __ATOMIC_RELEASE);
}

/*
 * Lock a validated table of `d` for editing, whatever its level. Returns the level, 0 where it is
 * no table of that domain (nothing is locked then). While it is locked its type can't change.
 */
static inline must_check unsigned int table_lock(const struct domain *d, struct frame *f)
{
    const uint64_t ready = (uint64_t)FRAME_L1 << FRAME_TYPE_SHIFT | FRAME_VALIDATED;
    uint64_t state = frame_state(f);

    /* A validated table is in use. */
    if (unlikely((state & (FRAME_TYPE_MASK | FRAME_VALIDATED | FRAME_LOCKED)) != ready ||
                 !frame_state_change(f, &state, state | FRAME_LOCKED))) {
        return table_lock_slowly(d, f);
    }
    if (unlikely(READ_ONCE(f->owner) != d->id)) {
        table_unlock(f);
        return 0;
    }
    return 1;
}

/* The same for a table of level 1 only. */
static inline must_check bool table_lock_l1(const struct domain *d, struct frame *f)
{
    unsigned int level = table_lock(d, f);

    if (unlikely(level > 1)) {
        table_unlock(f);
    }
    return level == 1;
}

/* Start of day: registers the room's part of domains. */
void mmu_init(void);

/* The address space template: what slots 256 to 271 of every L4 hold. Set at start of day. */
void l4_template_set(const uint64_t *hypervisor_slots);

/* ---- pieces of larger work: the caller keeps track of what is partial --------------------------
 */

/* table_get() that returns TABLE_PARTIAL where it is preempted; only if it may be. */
must_check long table_claim(struct domain *d, struct frame *f, unsigned int level,
                            bool preemptible);

/* table_put(): 0, or TABLE_PARTIAL when it was preempted; the count is the caller's still. */
must_check long table_drop(struct frame *f, bool preemptible);

/*
 * Go on with a partial table: towards being validated (0, TABLE_PARTIAL, or an error, with which
 * the count is gone), or towards the end of its one count.
 */
must_check long table_build_on(struct domain *d, struct frame *f, bool preemptible);
must_check long table_release_on(struct frame *f, bool preemptible);
