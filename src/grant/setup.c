// SPDX-License-Identifier: Apache-2.0
// Asking about a table: setup_table, query_size, get_status_frames, get_version, dump_table.
#include "abi/errno.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "base/log.h"
#include "grant/table.h"

int16_t grant_get_target(domid_t id, struct domain **target)
{
    struct domain *self = current_vcpu()->domain;
    struct domain *d = domain_get_self_or(id);

    if (!d) {
        return GNTST_bad_domain;
    }
    if (d != self && !self->privileged) {
        domain_put(d);
        return GNTST_permission_denied;
    }
    *target = d;
    return GNTST_okay;
}

static gva_t list_address(const void *handle)
{
    return gva((uint64_t)(uintptr_t)handle);
}

/* ---- setup_table ---------------------------------------------------------------------------- */

static int16_t setup(struct domain *d, uint32_t frames, gva_t list)
{
    if (frames > d->grants->max_frames || table_grow(d, frames) != 0) {
        return GNTST_general_error;
    }
    for (uint32_t i = 0; i < frames; i++) {
        xen_pfn_t frame = grant_shared_frame(d, i).n;
        if (write_guest(list, i, &frame) != 0) {
            return GNTST_bad_virt_addr;
        }
    }
    return GNTST_okay;
}

long grant_setup_table(gva_t uop)
{
    struct gnttab_setup_table op;
    struct domain *d;

    if (read_guest(&op, uop, 0) != 0) {
        return -EFAULT;
    }
    op.status = grant_get_target(op.dom, &d);
    if (op.status == GNTST_okay) {
        op.status = setup(d, op.nr_frames, list_address(op.frame_list.p));
        domain_put(d);
    }
    return write_guest(uop, 0, &op);
}

/* ---- query_size ----------------------------------------------------------------------------- */

long grant_query_size(gva_t uop)
{
    struct gnttab_query_size op;
    struct domain *d;

    if (read_guest(&op, uop, 0) != 0) {
        return -EFAULT;
    }
    op.status = grant_get_target(op.dom, &d);
    if (op.status == GNTST_okay) {
        /* A table has one frame at least, from the moment that anyone asks. */
        if (table_grow(d, 1) != 0) {
            op.status = GNTST_general_error;
        }
        op.nr_frames = table_frames(d->grants);
        op.max_nr_frames = d->grants->max_frames;
        domain_put(d);
    }
    return write_guest(uop, 0, &op);
}

/* ---- get_status_frames ---------------------------------------------------------------------- */

static int16_t list_status_frames(struct domain *d, uint32_t frames, gva_t list)
{
    if (READ_ONCE(d->grants->version) != 2) {
        return GNTST_general_error;
    }
    for (uint32_t i = 0; i < frames; i++) {
        uint64_t frame = grant_status_frame(d, i).n;
        if (frame == MFN_INVALID) {
            return GNTST_general_error;
        }
        if (write_guest(list, i, &frame) != 0) {
            return GNTST_bad_virt_addr;
        }
    }
    return GNTST_okay;
}

long grant_get_status_frames(gva_t uop)
{
    struct gnttab_get_status_frames op;
    struct domain *d;

    if (read_guest(&op, uop, 0) != 0) {
        return -EFAULT;
    }
    op.status = grant_get_target(op.dom, &d);
    if (op.status == GNTST_okay) {
        op.status = list_status_frames(d, op.nr_frames, list_address(op.frame_list.p));
        domain_put(d);
    }
    return write_guest(uop, 0, &op);
}

/* ---- get_version ---------------------------------------------------------------------------- */

long grant_get_version(gva_t uop)
{
    struct gnttab_get_version op;
    struct domain *d;
    int16_t status;

    if (read_guest(&op, uop, 0) != 0) {
        return -EFAULT;
    }
    status = grant_get_target(op.dom, &d);
    if (status != GNTST_okay) {
        return status == GNTST_bad_domain ? -ESRCH : -EPERM;
    }
    op.version = READ_ONCE(d->grants->version);
    domain_put(d);
    return write_guest(uop, 0, &op);
}

/* ---- dump_table ----------------------------------------------------------------------------- */

static void dump_entry(const struct domain *d, grant_ref_t ref, struct grant_active *a)
{
    struct grant_active copy;

    byte_lock(&a->lock);
    copy = *a;
    byte_unlock(&a->lock);
    if (active_in_use(&copy)) {
        guest_info("  %u:%u to %u: frame %#lx, %u readers, %u writers", d->id, ref, copy.grantee,
                   (unsigned long)copy.frame.n, copy.users[0], copy.users[1]);
    }
}

static void dump(const struct domain *d)
{
    const struct domain_grants *g = d->grants;
    uint32_t entries = table_entries(g);

    guest_info("grants of domain %u: version %u, %u frames of %u, %u frames of handles", d->id,
               READ_ONCE(g->version), table_frames(g), g->max_frames,
               READ_ONCE(g->maptrack_frames));
    for (grant_ref_t ref = 0; ref < entries; ref++) {
        struct grant_active *a = active_if_any(g, ref);
        if (a) {
            dump_entry(d, ref, a);
        }
    }
}

long grant_dump_table(gva_t uop)
{
    struct gnttab_dump_table op;
    struct domain *d;

    if (read_guest(&op, uop, 0) != 0) {
        return -EFAULT;
    }
    op.status = grant_get_target(op.dom, &d);
    if (op.status == GNTST_okay) {
        dump(d);
        domain_put(d);
    }
    return write_guest(uop, 0, &op);
}
