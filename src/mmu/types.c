// SPDX-License-Identifier: Apache-2.0
// The type state machine: getting and putting table types.
#include "mmu/types.h"

#include "abi/errno.h"
#include "arch/cpu.h"
#include "base/cpu.h"
#include "memory/flush.h"
#include "mmu/pte.h"
#include "mmu/unfinished.h"
#include "mmu/validate.h"

enum take { TAKE_AGAIN, TAKE_REFUSED, TAKE_BUSY, TAKE_SHARED, TAKE_FIRST };

/*
 * One attempt to count one more use as `type`. TAKE_FIRST: the caller has the only count and the
 * lock, and has to validate. TAKE_BUSY: somebody else is at it, for longer.
 */
static enum take try_take(struct frame *f, enum frame_type type, uint64_t *state)
{
    uint64_t s = *state;

    if (state_type_count(s) == 0) {
        uint64_t kept = s & ~(FRAME_TYPE_MASK | FRAME_VALIDATED);
        uint64_t wanted = (kept | (uint64_t)type << FRAME_TYPE_SHIFT | FRAME_LOCKED);
        return frame_state_change(f, state, wanted + FRAME_TYPE_ONE) ? TAKE_FIRST : TAKE_AGAIN;
    }
    if (state_type(s) != type) {
        return TAKE_REFUSED;
    }
    if ((s & FRAME_VALIDATED) != 0) {
        return frame_state_change(f, state, s + FRAME_TYPE_ONE) ? TAKE_SHARED : TAKE_AGAIN;
    }
    if ((s & FRAME_PARTIAL) != 0) {
        return TAKE_BUSY;
    }
    cpu_relax();
    *state = frame_state(f);
    return TAKE_AGAIN;
}

/* The caller's reference has fixed the owner, and becomes the count's. */
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
 * The end of the only count, whose lock the caller has. The lock goes with it; the type stays, to
 * say what the last use was: a processor may have cached paths through a table until it flushes.
 */
static void untake(struct frame *f)
{
    uint64_t state = frame_state(f);
    uint64_t wanted;

    frame_set_entries(f, 0);
    flush_stamp_frame(f);
    do {
        wanted = (state & ~(FRAME_LOCKED | FRAME_VALIDATED | FRAME_PARTIAL)) - FRAME_TYPE_ONE;
    } while (!frame_state_change(f, &state, wanted));
    frame_put(f);
}

/* The lock goes; FRAME_VALIDATED or FRAME_PARTIAL comes. */
static void finish_with(struct frame *f, uint64_t flag)
{
    uint64_t state = frame_state(f);

    while (!frame_state_change(f, &state, (state & ~(FRAME_LOCKED | FRAME_PARTIAL)) | flag)) {
    }
}

/* ---- building ---------------------------------------------------------------------------------
 */

/* What a refused table had claimed is released now, or later where that takes long. */
static void take_back(struct frame *f, unsigned int level)
{
    struct vcpu *v = current_vcpu();

    if (table_release_entries(f, level, unfinished_has_room(v)) == 0) {
        untake(f);
    } else {
        finish_with(f, FRAME_PARTIAL);
        unfinished_add(v, f, UNFINISHED_RELEASE);
    }
}

/* `f` is locked with one count that the caller holds. */
static long validate_locked(struct domain *d, struct frame *f, unsigned int level, bool preemptible)
{
    long result = table_claim_entries(d, f, level, preemptible);

    if (result == 0) {
        finish_with(f, FRAME_VALIDATED);
    } else if (result == TABLE_PARTIAL) {
        finish_with(f, FRAME_PARTIAL);
    } else {
        take_back(f, level);
    }
    return result;
}

static long not_taken(struct frame *f, enum take why)
{
    frame_put(f);
    return why == TAKE_BUSY ? HYPERCALL_RESTART : -EINVAL;
}

long table_claim(struct domain *d, struct frame *f, unsigned int level, bool preemptible)
{
    enum take taken;

    if (!frame_get(f, d->id)) {
        return -EINVAL;
    }
    taken = take(f, table_type(level));
    if (taken == TAKE_SHARED) {
        return 0;
    }
    if (taken != TAKE_FIRST) {
        return not_taken(f, taken);
    }
    /* Whoever could still write the page through a stale translation has to forget it first. */
    flush_for_frame(f);
    frame_set_entries(f, 0);
    return validate_locked(d, f, level, preemptible);
}

bool table_share(struct frame *f, unsigned int level)
{
    uint64_t state = frame_state(f);

    do {
        /* A validated table is in use. */
        if (state_type(state) != table_type(level) || (state & FRAME_VALIDATED) == 0) {
            return false;
        }
    } while (!frame_state_change(f, &state, state + FRAME_TYPE_ONE));
    return true;
}

/* One more use of a table that has some already: the count and its reference in one step. */
static bool get_used(const struct domain *d, struct frame *f, unsigned int level)
{
    const uint64_t wanted = (uint64_t)table_type(level) << FRAME_TYPE_SHIFT | FRAME_VALIDATED;
    uint64_t state = frame_state(f);

    /* A validated table is in use. */
    if ((state & (FRAME_TYPE_MASK | FRAME_VALIDATED)) != wanted || READ_ONCE(f->owner) != d->id ||
        (state & FRAME_REF_MASK) >= FRAME_COUNT_LIMIT ||
        !frame_state_change(f, &state, state + FRAME_TYPE_ONE + FRAME_REF_ONE)) {
        return false;
    }
    if (unlikely(READ_ONCE(f->owner) != d->id)) {
        /* It was freed, and is another's table now. */
        table_put(f);
        return false;
    }
    return true;
}

long table_get(struct domain *d, struct frame *f, unsigned int level)
{
    struct vcpu *v = current_vcpu();
    long result;

    if (get_used(d, f, level)) {
        return 0;
    }
    result = unfinished_failure(v, f);
    if (result == 0) {
        result = table_claim(d, f, level, unfinished_has_room(v));
    }
    if (result == TABLE_PARTIAL) {
        unfinished_add(v, f, UNFINISHED_BUILD);
        result = HYPERCALL_RESTART;
    }
    return result;
}

/* ---- releasing ---------------------------------------------------------------------------------
 */

/*
 * Drop one of several counts at once. False: it is the last; the lock is the caller's then, and the
 * frame is not validated any more.
 */
static bool drop_shared(struct frame *f)
{
    uint64_t state = frame_state(f);

    for (;;) {
        if (state_type_count(state) > 1) {
            /* The others have references too: this is not the last one. */
            if (frame_state_change(f, &state, state - FRAME_TYPE_ONE - FRAME_REF_ONE)) {
                return true;
            }
        } else if ((state & FRAME_LOCKED) != 0) {
            cpu_relax();
            state = frame_state(f);
        } else if (frame_state_change(f, &state, (state & ~FRAME_VALIDATED) | FRAME_LOCKED)) {
            return false;
        }
    }
}

/* `f` is locked with one count that the caller holds: release entries, then that count. */
static long release_locked(struct frame *f, bool preemptible)
{
    unsigned int level = type_level(state_type(frame_state(f)));

    if (table_release_entries(f, level, preemptible) != 0) {
        finish_with(f, FRAME_PARTIAL);
        return TABLE_PARTIAL;
    }
    untake(f);
    return 0;
}

long table_drop(struct frame *f, bool preemptible)
{
    if (drop_shared(f)) {
        return 0;
    }
    frame_set_entries(f, TABLE_ENTRIES);
    return release_locked(f, preemptible);
}

void table_put(struct frame *f)
{
    struct vcpu *v = current_vcpu();

    if (table_drop(f, unfinished_has_room(v)) != 0) {
        unfinished_add(v, f, UNFINISHED_RELEASE);
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

/* ---- going on ----------------------------------------------------------------------------------
 */

/* Only who holds the count of a partial table goes on with it. */
static void lock_partial(struct frame *f)
{
    uint64_t state = frame_state(f);

    while (!frame_state_change(f, &state, (state & ~FRAME_PARTIAL) | FRAME_LOCKED)) {
    }
}

long table_build_on(struct domain *d, struct frame *f, bool preemptible)
{
    lock_partial(f);
    return validate_locked(d, f, type_level(state_type(frame_state(f))), preemptible);
}

long table_release_on(struct frame *f, bool preemptible)
{
    lock_partial(f);
    return release_locked(f, preemptible);
}

/* ---- locks ---------------------------------------------------------------------------------- */

unsigned int table_lock_slowly(const struct domain *d, struct frame *f)
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
        } else if (frame_state_change(f, &state, state | FRAME_LOCKED)) {
            if (likely(READ_ONCE(f->owner) == d->id)) {
                return level;
            }
            table_unlock(f);
            return 0;
        }
    }
}

/* ---- descriptor pages ----------------------------------------------------------------------- */

int descriptors_get(struct domain *d, struct frame *f)
{
    enum take taken;

    if (!frame_get(f, d->id)) {
        return -EINVAL;
    }
    taken = take(f, FRAME_DESCRIPTORS);
    if (taken == TAKE_SHARED) {
        return 0;
    }
    if (taken != TAKE_FIRST) {
        frame_put(f);
        return -EINVAL;
    }
    flush_for_frame(f);
    if (!descriptors_valid(f)) {
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
