// SPDX-License-Identifier: Apache-2.0
// The type state machine: getting and putting table types.
#include "mmu/types.h"

#include "abi/errno.h"
#include "arch/cpu.h"
#include "base/cpu.h"
#include "base/panic.h"
#include "memory/flush.h"
#include "mmu/pte.h"
#include "mmu/unfinished.h"
#include "mmu/validate.h"

static bool change_state(struct frame *f, uint64_t *seen, uint64_t wanted)
{
    return __atomic_compare_exchange_n(&f->state, seen, wanted, true, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

static bool count_is_full(uint64_t state)
{
    return (state & FRAME_REF_MASK) >= FRAME_REF_MASK - MAX_CPUS;
}

enum take { TAKE_AGAIN, TAKE_REFUSED, TAKE_BUSY, TAKE_SHARED, TAKE_FIRST };

/*
 * One attempt to count one more use as `type`. TAKE_FIRST: the caller has the only count and the
 * lock, and has to validate. TAKE_BUSY: somebody else is at it, for longer.
 */
static enum take try_take(struct frame *f, enum frame_type type, uint64_t *state)
{
    uint64_t s = *state;
    const uint64_t one = FRAME_TYPE_ONE + FRAME_REF_ONE;

    if ((s & FRAME_REF_MASK) == 0 || count_is_full(s)) {
        return TAKE_REFUSED;
    }
    if (state_type_count(s) == 0) {
        uint64_t kept = s & ~(FRAME_TYPE_MASK | FRAME_VALIDATED | FRAME_PARTIAL);
        uint64_t wanted = (kept | (uint64_t)type << FRAME_TYPE_SHIFT | FRAME_LOCKED) + one;
        if ((s & FRAME_LOCKED) != 0) {
            *state = frame_state(f);
            return TAKE_AGAIN;
        }
        return change_state(f, state, wanted) ? TAKE_FIRST : TAKE_AGAIN;
    }
    if (state_type(s) != type) {
        return TAKE_REFUSED;
    }
    if ((s & FRAME_VALIDATED) != 0) {
        return change_state(f, state, s + one) ? TAKE_SHARED : TAKE_AGAIN;
    }
    if ((s & FRAME_PARTIAL) != 0) {
        return TAKE_BUSY;
    }
    cpu_relax();
    *state = frame_state(f);
    return TAKE_AGAIN;
}

static enum take take(struct frame *f, enum frame_type type)
{
    uint64_t state = frame_state(f);
    enum take result;

    do {
        result = try_take(f, type, &state);
    } while (result == TAKE_AGAIN);
    return result;
}

/*
 * Undo TAKE_FIRST. The lock goes with the count; the type stays, to say what the last use was: a
 * processor may have cached paths through a table until it flushes.
 */
static void untake(struct frame *f)
{
    uint64_t state = frame_state(f);
    uint64_t wanted;

    f->validated_entries = 0;
    flush_stamp_frame(f);
    do {
        wanted = (state & ~(FRAME_LOCKED | FRAME_VALIDATED | FRAME_PARTIAL)) - FRAME_TYPE_ONE -
                 FRAME_REF_ONE;
    } while (!change_state(f, &state, wanted));
    if ((wanted & FRAME_REF_MASK) == 0) {
        frame_released(f);
    }
}

/* The lock goes; FRAME_VALIDATED or FRAME_PARTIAL comes. */
static void finish_with(struct frame *f, uint64_t flag)
{
    uint64_t state = frame_state(f);

    while (!change_state(f, &state, (state & ~(FRAME_LOCKED | FRAME_PARTIAL)) | flag)) {
    }
}

/* Owner is checked once the reference keeps it from changing. */
static bool owned_by(const struct frame *f, const struct domain *d)
{
    return READ_ONCE(f->owner) == d->id && f->validated_entries != FRAME_SHARED;
}

/* `f` is locked with one count that the caller holds. */
static long validate_locked(struct domain *d, struct frame *f, unsigned int level)
{
    long result = table_claim_entries(d, f, level);

    if (result == 0) {
        finish_with(f, FRAME_VALIDATED);
    } else if (result == HYPERCALL_RESTART) {
        finish_with(f, FRAME_PARTIAL);
    } else {
        /* Taking back what was claimed is bounded by what was done without a preemption. */
        table_release_entries(f, level, false);
        untake(f);
    }
    return result;
}

long table_get(struct domain *d, struct frame *f, unsigned int level)
{
    long result;

    switch (take(f, table_type(level))) {
    case TAKE_FIRST:
        break;
    case TAKE_SHARED:
        if (owned_by(f, d)) {
            return 0;
        }
        table_put(f);
        return -EINVAL;
    case TAKE_BUSY:
        return HYPERCALL_RESTART;
    default:
        return -EINVAL;
    }
    if (!owned_by(f, d)) {
        untake(f);
        return -EINVAL;
    }
    /* Whoever could still write the page through a stale translation has to forget it first. */
    flush_older_than(f->flush_stamp);
    f->validated_entries = 0;
    result = validate_locked(d, f, level);
    if (result == HYPERCALL_RESTART) {
        unfinished_add(current_vcpu(), f, UNFINISHED_BUILD);
    }
    return result;
}

/*
 * Drop one of several counts at once. False: it is the last; the lock is the caller's then, and the
 * frame is not validated any more.
 */
static bool drop_shared(struct frame *f)
{
    uint64_t state = frame_state(f);

    for (;;) {
        if (state_type_count(state) > 1) {
            if (change_state(f, &state, state - FRAME_TYPE_ONE - FRAME_REF_ONE)) {
                return true;
            }
        } else if ((state & FRAME_LOCKED) != 0) {
            cpu_relax();
            state = frame_state(f);
        } else if (change_state(f, &state,
                                (state & ~(FRAME_VALIDATED | FRAME_PARTIAL)) | FRAME_LOCKED)) {
            return false;
        }
    }
}

/* `f` is locked with one count that the caller holds: release entries, then that count. */
static void take_apart(struct frame *f)
{
    unsigned int level = type_level(state_type(frame_state(f)));

    if (table_release_entries(f, level, true) == 0) {
        untake(f);
        return;
    }
    finish_with(f, FRAME_PARTIAL);
    unfinished_add(current_vcpu(), f, UNFINISHED_RELEASE);
}

void table_put(struct frame *f)
{
    if (!drop_shared(f)) {
        f->validated_entries = TABLE_ENTRIES;
        take_apart(f);
    }
}

bool table_unpin(struct frame *f)
{
    if ((__atomic_fetch_and(&f->state, ~FRAME_PINNED, __ATOMIC_ACQ_REL) & FRAME_PINNED) == 0) {
        return false;
    }
    table_put(f);
    return true;
}

/* ---- unfinished work ------------------------------------------------------------------------ */

static void lock_partial(struct frame *f)
{
    uint64_t state = frame_state(f);

    while (!change_state(f, &state, (state & ~FRAME_PARTIAL) | FRAME_LOCKED)) {
    }
}

long table_build_on(struct frame *f)
{
    struct domain *d = domain_get(f->owner);
    long result;

    BUG_ON(!d);
    lock_partial(f);
    result = validate_locked(d, f, type_level(state_type(frame_state(f))));
    domain_put(d);
    return result;
}

long table_release_on(struct frame *f)
{
    lock_partial(f);
    if (table_release_entries(f, type_level(state_type(frame_state(f))), true) == 0) {
        untake(f);
        return 0;
    }
    finish_with(f, FRAME_PARTIAL);
    return HYPERCALL_RESTART;
}

/* ---- locks ---------------------------------------------------------------------------------- */

unsigned int table_lock(struct domain *d, struct frame *f)
{
    uint64_t state = frame_state(f);

    for (;;) {
        unsigned int level = type_level(state_type(state));
        if (level == 0 || state_type_count(state) == 0 || (state & FRAME_VALIDATED) == 0) {
            return 0;
        }
        if ((state & FRAME_LOCKED) != 0) {
            cpu_relax();
            state = frame_state(f);
        } else if (change_state(f, &state, state | FRAME_LOCKED)) {
            if (likely(READ_ONCE(f->owner) == d->id)) {
                return level;
            }
            table_unlock(f);
            return 0;
        }
    }
}

void table_unlock(struct frame *f)
{
    __atomic_fetch_and(&f->state, ~FRAME_LOCKED, __ATOMIC_RELEASE);
}

/* ---- descriptor pages ----------------------------------------------------------------------- */

int descriptors_get(struct domain *d, struct frame *f)
{
    switch (take(f, FRAME_DESCRIPTORS)) {
    case TAKE_FIRST:
        break;
    case TAKE_SHARED:
        if (owned_by(f, d)) {
            return 0;
        }
        descriptors_put(f);
        return -EINVAL;
    default:
        return -EINVAL;
    }
    flush_older_than(f->flush_stamp);
    if (!owned_by(f, d) || !descriptors_valid(f)) {
        untake(f);
        return -EINVAL;
    }
    finish_with(f, FRAME_VALIDATED);
    return 0;
}

void descriptors_put(struct frame *f)
{
    if (!drop_shared(f)) {
        untake(f);
    }
}
