// SPDX-License-Identifier: Apache-2.0
// The rules of using an entry: is it granted, mark it as used, hold the frame; and the reverse.
//
// The guest may change its entry at any moment. Version 1 has the marks in the same word as the
// grant, so a compare-and-exchange settles it. Version 2 has them apart: Pavise marks first and
// looks again, the guest withdraws first and then looks for marks; one of the two sees the other.
#include "grant/table.h"

#define CACHE_FLAGS (GTF_PWT | GTF_PCD | GTF_PAT)

/* How often an entry may change under our hands before its owner is told to keep still. */
#define MARK_TRIES 16

static uint16_t marks_for(bool writable)
{
    return writable ? GTF_reading | GTF_writing : GTF_reading;
}

/* The guest's entry, at the moment it was found good. */
struct offer {
    struct entry_header header;
    uint64_t frame;
    uint16_t offset, length;
    enum grant_kind kind;
    domid_t through_domain;
    grant_ref_t through_ref;
};

/* Whether an entry with this header offers what is wanted. */
static bool offers(struct entry_header h, unsigned int version, domid_t grantee, bool writable,
                   enum grant_purpose purpose)
{
    unsigned int type = h.flags & GTF_type_mask;
    bool copies_only = type == GTF_transitive || (h.flags & GTF_sub_page) != 0;

    if (h.domid != grantee || (writable && (h.flags & GTF_readonly) != 0)) {
        return false;
    }
    if (copies_only && (version == 1 || purpose != GRANT_TO_COPY)) {
        return false;
    }
    return type == GTF_permit_access || type == GTF_transitive;
}

static bool mark_v1(struct domain_grants *g, grant_ref_t ref, domid_t grantee, bool writable,
                    enum grant_purpose purpose, struct offer *offer)
{
    uint32_t *word = header_word(g, 1, ref);
    uint32_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);

    for (unsigned int i = 0; i < MARK_TRIES; i++) {
        if (!offers(header_of(seen), 1, grantee, writable, purpose)) {
            return false;
        }
        if (__atomic_compare_exchange_n(word, &seen, seen | marks_for(writable), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            offer->header = header_of(seen);
            offer->kind = GRANT_WHOLE;
            offer->frame = READ_ONCE(entry_v1(g, ref)->frame);
            return true;
        }
    }
    return false;
}

static void read_body_v2(const grant_entry_v2_t *entry, struct offer *offer)
{
    if ((offer->header.flags & GTF_type_mask) == GTF_transitive) {
        offer->kind = GRANT_TRANSITIVE;
        offer->through_domain = READ_ONCE(entry->transitive.trans_domid);
        offer->through_ref = READ_ONCE(entry->transitive.gref);
    } else if ((offer->header.flags & GTF_sub_page) != 0) {
        offer->kind = GRANT_PART;
        offer->frame = READ_ONCE(entry->sub_page.frame);
        offer->offset = READ_ONCE(entry->sub_page.page_off);
        offer->length = READ_ONCE(entry->sub_page.length);
    } else {
        offer->kind = GRANT_WHOLE;
        offer->frame = READ_ONCE(entry->full_page.frame);
    }
}

static bool mark_v2(struct domain_grants *g, grant_ref_t ref, domid_t grantee, bool writable,
                    enum grant_purpose purpose, struct offer *offer)
{
    uint32_t *word = header_word(g, 2, ref);
    uint16_t marks = marks_for(writable), before;

    if (!offers(header_of(__atomic_load_n(word, __ATOMIC_ACQUIRE)), 2, grantee, writable,
                purpose)) {
        return false;
    }
    before = __atomic_fetch_or(status_v2(g, ref), marks, __ATOMIC_SEQ_CST);
    offer->header = header_of(__atomic_load_n(word, __ATOMIC_SEQ_CST));
    if (!offers(offer->header, 2, grantee, writable, purpose)) {
        __atomic_fetch_and(status_v2(g, ref), (uint16_t) ~(marks & ~before), __ATOMIC_SEQ_CST);
        return false;
    }
    read_body_v2(entry_v2(g, ref), offer);
    return true;
}

/* Take the marks away that the remaining users do not need. */
static void unmark(struct domain_grants *g, grant_ref_t ref, const struct grant_active *a)
{
    uint16_t needed = a->writers != 0   ? GTF_reading | GTF_writing
                      : a->readers != 0 ? GTF_reading
                                        : 0;
    uint16_t keep = (uint16_t) ~((GTF_reading | GTF_writing) & ~needed);

    if (READ_ONCE(g->state) == TABLE_GONE) {
        return;
    }
    __atomic_fetch_and(g->version == 1 ? &entry_v1(g, ref)->flags : status_v2(g, ref), keep,
                       __ATOMIC_SEQ_CST);
}

/* The first use since the entry was last free decides what it means for the others. */
static int16_t remember(struct grant_active *a, domid_t grantee, const struct offer *offer)
{
    bool part = offer->kind == GRANT_PART;

    if (part && offer->offset + offer->length > PAGE_SIZE) {
        return GNTST_general_error;
    }
    a->kind = (uint8_t)offer->kind;
    a->grantee = grantee;
    a->frame = mfn(offer->frame);
    a->offset = part ? offer->offset : 0;
    a->length = part ? offer->length : (uint16_t)PAGE_SIZE;
    a->through_domain = offer->through_domain;
    a->through_ref = offer->through_ref;
    return GNTST_okay;
}

int16_t grant_hold_frame(mfn_t frame, domid_t owner, bool writable)
{
    struct frame *f = mfn_valid(frame) ? frame_of(frame) : NULL;

    if (f && (writable ? frame_get_writable(f, owner) : frame_get(f, owner))) {
        return GNTST_okay;
    }
    return f && READ_ONCE(f->owner) == owner ? GNTST_general_error : GNTST_bad_page;
}

/* The reference that a use needs, unless others of its kind hold it already. */
static int16_t hold_frame(const struct grant_active *a, domid_t owner, bool writable)
{
    if (a->kind == GRANT_TRANSITIVE || (writable ? a->writers : a->readers) != 0) {
        return GNTST_okay;
    }
    return grant_hold_frame(a->frame, owner, writable);
}

static void let_go_of_frame(const struct grant_active *a, bool writable)
{
    if (a->kind == GRANT_TRANSITIVE || (writable ? a->writers : a->readers) != 0) {
        return;
    }
    if (writable) {
        frame_put_writable(frame_of(a->frame));
    } else {
        frame_put(frame_of(a->frame));
    }
}

/* The entry's lock is held. */
static int16_t begin_use(struct domain *granter, grant_ref_t ref, struct grant_active *a,
                         domid_t grantee, bool writable, enum grant_purpose purpose,
                         uint16_t *cache)
{
    struct domain_grants *g = granter->grants;
    struct offer offer = {.kind = GRANT_WHOLE};
    int16_t status = GNTST_okay;

    if (active_in_use(a) && a->grantee != grantee) {
        return GNTST_general_error;
    }
    if (!(g->version == 1 ? mark_v1 : mark_v2)(g, ref, grantee, writable, purpose, &offer)) {
        return GNTST_general_error;
    }
    if (!active_in_use(a)) {
        status = remember(a, grantee, &offer);
    } else if (a->kind != GRANT_WHOLE && purpose == GRANT_TO_MAP) {
        status = GNTST_general_error;
    }
    if (status == GNTST_okay) {
        status = hold_frame(a, granter->id, writable);
    }
    if (status != GNTST_okay) {
        unmark(g, ref, a);
        return status;
    }
    *(writable ? &a->writers : &a->readers) += 1;
    *cache = offer.header.flags & CACHE_FLAGS;
    return GNTST_okay;
}

/*
 * The entry's lock is held. The frame goes before the marks do: a guest that sees them gone may
 * make a page table of it at once.
 */
static void end_use(struct domain_grants *g, grant_ref_t ref, struct grant_active *a, bool writable)
{
    *(writable ? &a->writers : &a->readers) -= 1;
    let_go_of_frame(a, writable);
    unmark(g, ref, a);
}

void grant_end_use(struct domain *granter, grant_ref_t ref, bool writable)
{
    struct grant_active *a = active_if_any(granter->grants, ref);

    byte_lock(&a->lock);
    end_use(granter->grants, ref, a, writable);
    byte_unlock(&a->lock);
}

/* Use one entry, whatever it is, and say what it gives. */
static int16_t use_entry(struct domain *granter, grant_ref_t ref, domid_t grantee,
                         enum grant_purpose purpose, struct grant_access *access,
                         struct grant_active *found)
{
    struct grant_active *a;
    int16_t status = active_lock(granter->grants, ref, &a);

    if (unlikely(status != GNTST_okay)) {
        return status;
    }
    status = begin_use(granter, ref, a, grantee, access->writable, purpose, &access->cache);
    if (likely(status == GNTST_okay)) {
        access->use[access->uses++] = (struct grant_use){granter, a, ref};
        *found = *a;
    }
    byte_unlock(&a->lock);
    return status;
}

static void take_frame_of(struct grant_access *access, const struct grant_active *found)
{
    access->frame = found->frame;
    access->owner = access->use[access->uses - 1].granter->id;
    access->offset = found->offset;
    access->length = found->length;
}

/*
 * The entry behind a transitive one: granted to the first granter by a third domain. A chain of two
 * transitive entries is refused, as is one that leads back to the first granter.
 */
static int16_t follow(struct grant_access *access, const struct grant_active *first)
{
    struct domain *granter = access->use[0].granter;
    struct domain *third =
        first->through_domain == granter->id ? NULL : domain_get(first->through_domain);
    struct grant_active found;
    int16_t status;

    if (!third) {
        return GNTST_general_error;
    }
    status = use_entry(third, first->through_ref, granter->id, GRANT_TO_COPY, access, &found);
    if (status != GNTST_okay) {
        domain_put(third);
        return status;
    }
    if (found.kind == GRANT_TRANSITIVE) {
        return GNTST_general_error; /* and the caller releases both */
    }
    take_frame_of(access, &found);
    return GNTST_okay;
}

int16_t grant_acquire(struct domain *granter, grant_ref_t ref, domid_t grantee, bool writable,
                      enum grant_purpose purpose, struct grant_access *access)
{
    struct grant_active found;
    int16_t status;

    access->writable = writable;
    access->uses = 0;
    status = use_entry(granter, ref, grantee, purpose, access, &found);
    if (unlikely(status != GNTST_okay)) {
        return status;
    }
    if (likely(found.kind != GRANT_TRANSITIVE)) {
        take_frame_of(access, &found);
        return GNTST_okay;
    }
    status = follow(access, &found);
    if (status != GNTST_okay) {
        grant_release(access);
    }
    return status;
}

void grant_release(struct grant_access *access)
{
    while (access->uses > 0) {
        struct grant_use *use = &access->use[--access->uses];

        byte_lock(&use->active->lock);
        end_use(use->granter->grants, use->ref, use->active, access->writable);
        byte_unlock(&use->active->lock);
        if (access->uses > 0) {
            domain_put(use->granter);
        }
    }
}
