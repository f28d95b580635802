// SPDX-License-Identifier: Apache-2.0
// Work on page tables that a preemption interrupted, kept by the vCPU that began it. Each item but
// a failure holds the one type count of its table.
//
// A call that is interrupted returns HYPERCALL_RESTART, and the guest issues it again. Then it
// finds the table that it needed validated, or learns that it can't be, or what it replaced is
// released. A call that fails may leave something to release too: the next call does that first.
#pragma once

#include "mmu/vcpu_mmu.h"
#include "memory/frame.h"

static inline bool unfinished_none(const struct vcpu *v)
{
    return v->mmu->count == 0;
}

/* The calls below, where there is something. */
must_check long unfinished_go_on(struct vcpu *v);
bool unfinished_waits(const struct vcpu *v);
void unfinished_drop(struct vcpu *v);

/*
 * Whether work may be left to it. The idle vCPU has no list: what runs there runs to the end, and
 * so does what finds the list nearly full.
 */
bool unfinished_has_room(const struct vcpu *v);

/* There must be room. */
void unfinished_add(struct vcpu *v, struct frame *f, enum unfinished_kind kind);

/* Why an earlier turn of the same call could not validate `f`; 0 where nothing is known. */
long unfinished_failure(const struct vcpu *v, const struct frame *f);

/*
 * Go on. 0 when nothing is left to do; HYPERCALL_RESTART when it was preempted again. Every call
 * that changes page tables begins with it.
 */
static inline must_check long unfinished_resume(struct vcpu *v)
{
    return likely(unfinished_none(v)) ? 0 : unfinished_go_on(v);
}

/* Whether the call in progress has left something that it should wait for. */
static inline bool unfinished_pending(const struct vcpu *v)
{
    return unlikely(!unfinished_none(v)) && unfinished_waits(v);
}

/* The end of a call, or of its turn: what nobody waits for any more is forgotten. */
static inline void unfinished_end(struct vcpu *v)
{
    if (unlikely(!unfinished_none(v))) {
        unfinished_drop(v);
    }
}

/* The vCPU is not coming back: nothing is built any more. 0 or HYPERCALL_RESTART. */
must_check long unfinished_abandon(struct vcpu *v);

/* The vCPU's part of the room, at its creation (-ENOMEM) and end. */
must_check int unfinished_create(struct vcpu *v);
void unfinished_destroy(struct vcpu *v);

/* For the audit: the table of item `index` with a count; NULL at the end. */
struct frame *unfinished_held(const struct vcpu *v, unsigned int index);
