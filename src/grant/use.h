// SPDX-License-Identifier: Apache-2.0
// The rules of using an entry: is it granted, mark it as used, hold the frame; and the reverse.
// Inline, for what is known of a use where it begins (that it only reads, say) costs nothing then.
//
// The guest may change its entry at any moment. Version 1 has the marks in the same word as the
// grant, so a compare-and-exchange settles it. Version 2 has them apart: Pavise marks first and
// looks again, the guest withdraws first and then looks for marks; one of the two sees the other.
#pragma once

#include "grant/table.h"

/* How often an entry may change under our hands before its owner is told to keep still. */
#define MARK_TRIES 16

#define CACHE_FLAGS (GTF_PWT | GTF_PCD | GTF_PAT)

/* What an entry's header has to be: `value` in the bits of `mask`. */
struct wanted {
    uint32_t mask, value;
    uint16_t marks; /* to set in it */
};

/*
 * Whole frames only, unless a version 2 entry is wanted to copy: then a part of one, or a
 * transitive entry, will do. These are the types that have the bit of GTF_permit_access.
 */
static always_inline_fn struct wanted header_wanted(unsigned int version, domid_t grantee,
                                                    bool writable, enum grant_purpose purpose)
{
    bool any = version == 2 && purpose == GRANT_TO_COPY;

    return (struct wanted){
        .mask = 0xffff0000U | (any ? GTF_permit_access : GTF_type_mask | GTF_sub_page) |
                (writable ? GTF_readonly : 0),
        .value = (uint32_t)grantee << 16 | GTF_permit_access,
        .marks = writable ? GTF_reading | GTF_writing : GTF_reading,
    };
}

static always_inline_fn bool is_wanted(uint32_t header, const struct wanted *want)
{
    return ((header ^ want->value) & want->mask) == 0;
}

/* Mark the entry if it offers what is wanted. *header is what it was when that was decided. */
static always_inline_fn bool mark_v1(struct domain_grants *g, grant_ref_t ref,
                                     const struct wanted *want, uint32_t *header)
{
    uint32_t *word = (uint32_t *)entry_v1(g, ref);
    unsigned int tries = MARK_TRIES;

    *header = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    while (likely(is_wanted(*header, want))) {
        uint32_t seen = *header;

        if (likely(__atomic_compare_exchange_n(word, &seen, seen | want->marks, false,
                                               __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))) {
            return true;
        }
        *header = seen;
        if (--tries == 0) {
            return false;
        }
    }
    return false;
}

static inline bool mark_v2(struct domain_grants *g, grant_ref_t ref, const struct wanted *want,
                           uint32_t *header)
{
    uint32_t *word = (uint32_t *)entry_v2(g, ref);
    uint16_t before;

    *header = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (!is_wanted(*header, want)) {
        return false;
    }
    before = __atomic_fetch_or(status_v2(g, ref), want->marks, __ATOMIC_SEQ_CST);
    *header = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    if (!is_wanted(*header, want)) {
        __atomic_fetch_and(status_v2(g, ref), (uint16_t) ~(want->marks & ~before),
                           __ATOMIC_SEQ_CST);
        return false;
    }
    return true;
}

/* Take the marks away that the remaining users do not need. */
static always_inline_fn void unmark(struct domain_grants *g, grant_ref_t ref,
                                    const struct grant_active *a)
{
    uint16_t needless = a->users[1] != 0   ? 0
                        : a->users[0] != 0 ? GTF_writing
                                           : GTF_reading | GTF_writing;

    if (likely(READ_ONCE(g->state) != TABLE_GONE)) {
        __atomic_fetch_and(g->version == 1 ? &entry_v1(g, ref)->flags : status_v2(g, ref),
                           (uint16_t)~needless, __ATOMIC_SEQ_CST);
    }
}

static always_inline_fn void remember_v1(struct grant_active *a, const grant_entry_v1_t *entry)
{
    a->kind = GRANT_WHOLE;
    a->frame = mfn(READ_ONCE(entry->frame));
    a->offset = 0;
    a->length = PAGE_SIZE;
}

_Static_assert(offsetof(grant_entry_v2_t, full_page.frame) ==
                   offsetof(grant_entry_v2_t, sub_page.frame),
               "both kinds of version 2 entries have their frame in one place");

/* False: the part it grants is not inside a page. */
static inline bool remember_v2(struct grant_active *a, const grant_entry_v2_t *entry,
                               uint32_t header)
{
    a->kind = GRANT_WHOLE;
    a->offset = 0;
    a->length = PAGE_SIZE;
    if ((header & GTF_type_mask) == GTF_transitive) {
        a->kind = GRANT_TRANSITIVE;
        a->through_domain = READ_ONCE(entry->transitive.trans_domid);
        a->through_ref = READ_ONCE(entry->transitive.gref);
        return true;
    }
    a->frame = mfn(READ_ONCE(entry->full_page.frame));
    if ((header & GTF_sub_page) != 0) {
        a->kind = GRANT_PART;
        a->offset = READ_ONCE(entry->sub_page.page_off);
        a->length = READ_ONCE(entry->sub_page.length);
    }
    return a->offset + a->length <= PAGE_SIZE;
}

static always_inline_fn void let_go_of_frame(const struct grant_active *a, bool writable)
{
    if (unlikely(a->kind == GRANT_TRANSITIVE)) {
        return;
    }
    if (writable) {
        frame_put_writable(frame_of(a->frame));
    } else {
        frame_put(frame_of(a->frame));
    }
}

/*
 * The entry is marked and its lock is held. The first use since it was last free decides what it
 * means for the others: the guest may have changed it since.
 */
static always_inline_fn int16_t settle(struct domain *granter, grant_ref_t ref,
                                       struct grant_active *a, domid_t grantee, bool writable,
                                       enum grant_purpose purpose, uint32_t header)
{
    struct domain_grants *g = granter->grants;

    if (!active_in_use(a)) {
        a->grantee = grantee;
        if (likely(g->version == 1)) {
            remember_v1(a, entry_v1(g, ref));
        } else if (!remember_v2(a, entry_v2(g, ref), header)) {
            return GNTST_general_error;
        }
    } else if (a->grantee != grantee || (a->kind != GRANT_WHOLE && purpose == GRANT_TO_MAP)) {
        return GNTST_general_error;
    }
    if (a->users[writable] != 0 || a->kind == GRANT_TRANSITIVE) {
        return GNTST_okay;
    }
    return grant_hold_frame(a->frame, granter->id, writable);
}

/* Begin to use one entry, whatever it is. Its record is left locked where that succeeds. */
static always_inline_fn int16_t begin_use(struct domain *granter, grant_ref_t ref, domid_t grantee,
                                          enum grant_purpose purpose, struct grant_access *access,
                                          struct grant_active **active)
{
    struct domain_grants *g = granter->grants;
    bool writable = access->writable;
    struct grant_active *a;
    struct wanted want;
    uint32_t header;
    int16_t status = active_lock(granter, ref, &a);

    if (unlikely(status != GNTST_okay)) {
        return status;
    }
    want = header_wanted(g->version, grantee, writable, purpose);
    if (unlikely(!(likely(g->version == 1) ? mark_v1(g, ref, &want, &header)
                                           : mark_v2(g, ref, &want, &header)))) {
        byte_unlock(&a->lock);
        return GNTST_general_error;
    }
    status = settle(granter, ref, a, grantee, writable, purpose, header);
    if (unlikely(status != GNTST_okay)) {
        unmark(g, ref, a);
        byte_unlock(&a->lock);
        return status;
    }
    a->users[writable]++;
    access->cache = header & CACHE_FLAGS;
    access->use[access->uses++] = (struct grant_use){granter, a, ref};
    *active = a;
    return GNTST_okay;
}

/*
 * The frame goes before the marks do: a guest that sees them gone may make a page table of it at
 * once.
 */
static always_inline_fn void end_use(struct domain_grants *g, grant_ref_t ref,
                                     struct grant_active *a, bool writable)
{
    byte_lock(&a->lock);
    if (--a->users[writable] == 0) {
        let_go_of_frame(a, writable);
        unmark(g, ref, a);
    }
    byte_unlock(&a->lock);
}

/* What the entry gives. Its lock is held. */
static always_inline_fn void take(struct grant_access *access, const struct grant_active *a)
{
    access->frame = a->frame;
    access->offset = a->offset;
    access->length = a->length;
}

/* acquire.c: the entry behind a transitive one, which is access->use[0]. */
must_check int16_t grant_follow(struct grant_access *access, domid_t through, grant_ref_t ref);

/* grant_acquire(). */
static always_inline_fn int16_t acquire(struct domain *granter, grant_ref_t ref, domid_t grantee,
                                        bool writable, enum grant_purpose purpose,
                                        struct grant_access *access)
{
    struct grant_active *a;
    domid_t through;
    int16_t status;

    access->writable = writable;
    access->uses = 0;
    status = begin_use(granter, ref, grantee, purpose, access, &a);
    if (unlikely(status != GNTST_okay)) {
        return status;
    }
    take(access, a);
    if (likely(a->kind != GRANT_TRANSITIVE)) {
        byte_unlock(&a->lock);
        return GNTST_okay;
    }
    through = a->through_domain;
    ref = a->through_ref;
    byte_unlock(&a->lock);
    status = grant_follow(access, through, ref);
    if (status != GNTST_okay) {
        grant_release(access);
    }
    return status;
}

/* grant_release(). */
static always_inline_fn void release(struct grant_access *access)
{
    const struct grant_use *use = &access->use[0];

    if (unlikely(access->uses != 1)) {
        grant_release(access);
        return;
    }
    access->uses = 0;
    end_use(use->granter->grants, use->ref, use->active, access->writable);
}
