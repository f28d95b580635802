// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_set_version and swap_grant_ref: the layout of a table, and the places of its entries.
#include "abi/errno.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "grant/table.h"
#include "lib/string.h"

#define RESERVED GNTTAB_NR_RESERVED_ENTRIES

/* ---- set_version ---------------------------------------------------------------------------- */

/* The reserved entries, in a form that either layout can be written from. */
struct reserved {
    grant_entry_v2_t entry[RESERVED];
    grant_status_t status[RESERVED];
};

/* Version 1 has the marks among the flags. */
static void read_reserved_v1(const struct domain_grants *g, struct reserved *r)
{
    for (grant_ref_t ref = 0; ref < RESERVED; ref++) {
        grant_entry_v1_t entry = *entry_v1(g, ref);
        bool access = (entry.flags & GTF_type_mask) == GTF_permit_access;
        uint16_t marks = access ? entry.flags & (GTF_reading | GTF_writing) : 0;

        r->entry[ref].hdr.flags = entry.flags & (uint16_t)~marks;
        r->entry[ref].hdr.domid = entry.domid;
        r->entry[ref].full_page.frame = entry.frame;
        r->status[ref] = marks;
    }
}

static void read_reserved_v2(const struct domain_grants *g, struct reserved *r)
{
    for (grant_ref_t ref = 0; ref < RESERVED; ref++) {
        r->entry[ref] = *entry_v2(g, ref);
        r->status[ref] = *status_v2(g, ref);
    }
}

/* What version 1 can't say becomes an invalid entry. */
static bool fits_v1(const grant_entry_v2_t *entry)
{
    uint16_t type = entry->hdr.flags & GTF_type_mask;

    return (type == GTF_permit_access || type == GTF_accept_transfer) &&
           (type != GTF_permit_access || (entry->hdr.flags & GTF_sub_page) == 0) &&
           entry->full_page.frame <= UINT32_MAX;
}

static void write_reserved_v1(const struct domain_grants *g, const struct reserved *r)
{
    for (grant_ref_t ref = 0; ref < RESERVED; ref++) {
        const grant_entry_v2_t *from = &r->entry[ref];

        if (fits_v1(from)) {
            grant_entry_v1_t *to = entry_v1(g, ref);
            to->frame = (uint32_t)from->full_page.frame;
            to->domid = from->hdr.domid;
            to->flags = from->hdr.flags | (r->status[ref] & (GTF_reading | GTF_writing));
        }
    }
}

static void write_reserved_v2(const struct domain_grants *g, const struct reserved *r)
{
    for (grant_ref_t ref = 0; ref < RESERVED; ref++) {
        *entry_v2(g, ref) = r->entry[ref];
        *status_v2(g, ref) = r->status[ref];
    }
}

static void lock_reserved(const struct domain_grants *g, bool lock)
{
    for (grant_ref_t ref = 0; ref < RESERVED; ref++) {
        struct grant_active *a = active_if_any(g, ref);
        if (a && lock) {
            byte_lock(&a->lock);
        } else if (a) {
            byte_unlock(&a->lock);
        }
    }
}

/*
 * Write the table anew in the other layout. Nobody uses an entry but reserved ones (the console's
 * and the store's, which their daemons keep mapped), and whoever ends such a use waits.
 */
static void convert(struct domain_grants *g, unsigned int version)
{
    struct reserved reserved = {0};

    lock_reserved(g, true);
    if (g->version == 1) {
        read_reserved_v1(g, &reserved);
    } else {
        read_reserved_v2(g, &reserved);
    }
    for (uint32_t i = 0; i < g->frames; i++) {
        memset(g->shared[i], 0, PAGE_SIZE);
    }
    for (uint32_t i = 0; i < g->status_frames; i++) {
        memset(g->status[i], 0, PAGE_SIZE);
    }
    if (version == 1) {
        write_reserved_v1(g, &reserved);
    } else {
        write_reserved_v2(g, &reserved);
    }
    __atomic_store_n(&g->version, (uint8_t)version, __ATOMIC_SEQ_CST);
    lock_reserved(g, false);
}

/* Whether an entry beyond the reserved ones is in use. Nobody begins a use meanwhile. */
static bool in_use(struct domain_grants *g)
{
    uint32_t end = g->frames * entries_per_frame(g->version);

    for (grant_ref_t ref = RESERVED; ref < end; ref++) {
        struct grant_active *a = active_if_any(g, ref);
        bool used = false;

        if (a) {
            byte_lock(&a->lock);
            used = active_in_use(a);
            byte_unlock(&a->lock);
        }
        if (used) {
            return true;
        }
    }
    return false;
}

/* The table's lock is held, so it stays as large as it is. */
static int set_version(struct domain *d, unsigned int version)
{
    struct domain_grants *g = d->grants;
    int error = 0;

    if (version == g->version) {
        return 0;
    }
    if (g->state != TABLE_OPEN) {
        return -EINVAL;
    }
    if (version == 2 && g->shared) {
        error = table_grow_status(d, status_frames_for(g->frames));
        if (error != 0) {
            return error;
        }
    }
    /* Whoever holds an entry's lock now works by the old layout; in_use() and convert() wait. */
    __atomic_store_n(&g->state, TABLE_CHANGING, __ATOMIC_SEQ_CST);
    __atomic_store_n(&g->entries, 0, __ATOMIC_SEQ_CST);
    if (in_use(g)) {
        error = -EBUSY;
    } else if (g->frames == 0) {
        __atomic_store_n(&g->version, (uint8_t)version, __ATOMIC_SEQ_CST);
    } else {
        convert(g, version);
    }
    __atomic_store_n(&g->state, TABLE_OPEN, __ATOMIC_SEQ_CST);
    __atomic_store_n(&g->entries, g->frames * entries_per_frame(g->version), __ATOMIC_SEQ_CST);
    return error;
}

long grant_set_version(gva_t uop)
{
    struct domain *d = current_vcpu()->domain;
    struct gnttab_set_version op;
    long error;

    if (read_guest(&op, uop, 0) != 0) {
        return -EFAULT;
    }
    if (op.version != 1 && op.version != 2) {
        error = -EINVAL;
    } else if (op.version > d->grants->max_version) {
        error = -ENOSYS;
    } else {
        spin_lock(&d->grants->lock);
        error = set_version(d, op.version);
        spin_unlock(&d->grants->lock);
    }
    /* The answer is the version in effect, whatever came of the wish. */
    op.version = READ_ONCE(d->grants->version);
    return write_guest(uop, 0, &op) != 0 ? -EFAULT : error;
}

/* ---- swap_grant_ref ------------------------------------------------------------------------- */

/* Both entries' locks are held. */
static void swap_entries(struct domain_grants *g, grant_ref_t a, grant_ref_t b)
{
    if (g->version == 1) {
        grant_entry_v1_t spare = *entry_v1(g, a);
        *entry_v1(g, a) = *entry_v1(g, b);
        *entry_v1(g, b) = spare;
    } else {
        grant_entry_v2_t spare = *entry_v2(g, a);
        grant_status_t status = *status_v2(g, a);
        *entry_v2(g, a) = *entry_v2(g, b);
        *entry_v2(g, b) = spare;
        *status_v2(g, a) = *status_v2(g, b);
        *status_v2(g, b) = status;
    }
}

/* `a` is the lower reference, which is the order of locking. */
static int16_t swap_ordered(struct domain *d, grant_ref_t a, grant_ref_t b)
{
    struct grant_active *first, *second;
    int16_t status = active_lock(d, b, &second);

    if (status != GNTST_okay) {
        return status;
    }
    /* Its record exists now: below, nothing is allocated under the other's lock. */
    byte_unlock(&second->lock);
    status = active_lock(d, a, &first);
    if (status != GNTST_okay) {
        return status;
    }
    status = active_lock(d, b, &second);
    if (status == GNTST_okay) {
        if (active_in_use(first) || active_in_use(second)) {
            status = GNTST_eagain;
        } else {
            swap_entries(d->grants, a, b);
        }
        byte_unlock(&second->lock);
    }
    byte_unlock(&first->lock);
    return status;
}

long step_swap(gva_t uop, uint64_t done, uint64_t count)
{
    struct domain *d = current_vcpu()->domain;
    struct gnttab_swap_grant_ref op;

    if (read_guest(&op, uop, done) != 0) {
        return -EFAULT;
    }
    if (op.ref_a == op.ref_b) {
        op.status = op.ref_a < table_entries(d->grants) ? GNTST_okay : GNTST_bad_gntref;
    } else {
        op.status = swap_ordered(d, MIN(op.ref_a, op.ref_b), MAX(op.ref_a, op.ref_b));
    }
    return write_guest(uop, done, &op) != 0 ? -EFAULT : 1;
}
