// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_copy: bytes from one frame to another, each the caller's own or granted to it.
#include "abi/errno.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "grant/use.h"
#include "lib/string.h"

/* One end of a copy, held. */
struct end {
    struct grant_access access; /* with no uses: the caller's own frame */
    struct domain *domain;      /* the granter, borrowed */
};

static always_inline_fn int16_t hold_granted(struct domain *d, const struct gnttab_copy_ptr *p,
                                             bool writable, struct end *end)
{
    int16_t status;

    end->domain = domain_borrow(p->domid);
    if (!end->domain) {
        return GNTST_bad_domain;
    }
    status = acquire(end->domain, p->u.ref, d->id, writable, GRANT_TO_COPY, &end->access);
    if (status != GNTST_okay) {
        domain_return(end->domain);
    }
    return status;
}

static always_inline_fn int16_t hold_own(struct domain *d, const struct gnttab_copy_ptr *p,
                                         bool writable, struct end *end)
{
    struct grant_access *access = &end->access;

    if (p->domid != DOMID_SELF) {
        return GNTST_permission_denied;
    }
    access->frame = mfn(p->u.gmfn);
    access->writable = writable;
    access->offset = 0;
    access->length = PAGE_SIZE;
    access->uses = 0;
    return grant_hold_frame(access->frame, d->id, writable);
}

static always_inline_fn int16_t hold_end(struct domain *d, const struct gnttab_copy_ptr *p,
                                         bool by_ref, bool writable, struct end *end)
{
    return by_ref ? hold_granted(d, p, writable, end) : hold_own(d, p, writable, end);
}

static always_inline_fn void let_go_of_end(struct end *end)
{
    if (end->access.uses > 0) {
        release(&end->access);
        domain_return(end->domain);
    } else if (end->access.writable) {
        frame_put_writable(frame_of(end->access.frame));
    } else {
        frame_put(frame_of(end->access.frame));
    }
}

static char *byte_of(const struct end *end, uint32_t offset)
{
    return (char *)frame_to_virt(end->access.frame) + offset;
}

/* The processor's loop takes its time to begin; and within one page the ends may overlap. */
#define BULK_BYTES 256

static void move_bytes(const struct end *to, uint32_t to_offset, const struct end *from,
                       uint32_t from_offset, uint32_t bytes)
{
    if (bytes >= BULK_BYTES && !mfn_equal(to->access.frame, from->access.frame)) {
        bulk_copy(byte_of(to, to_offset), byte_of(from, from_offset), bytes);
    } else {
        memmove(byte_of(to, to_offset), byte_of(from, from_offset), bytes);
    }
}

/* Bytes of a page, as the caller knows. Mostly all of it may be used. */
static bool covers(const struct end *end, uint32_t offset, uint32_t length)
{
    const struct grant_access *access = &end->access;

    return likely(access->length == PAGE_SIZE) ||
           (offset >= access->offset &&
            offset + length <= (uint32_t)access->offset + access->length);
}

static always_inline_fn int16_t copy_one(struct domain *d, const struct gnttab_copy *op)
{
    struct end from, to;
    int16_t status;

    if ((uint32_t)op->source.offset + op->len > PAGE_SIZE ||
        (uint32_t)op->dest.offset + op->len > PAGE_SIZE) {
        return GNTST_bad_copy_arg;
    }
    status = hold_end(d, &op->source, (op->flags & GNTCOPY_source_gref) != 0, false, &from);
    if (status != GNTST_okay) {
        return status;
    }
    status = hold_end(d, &op->dest, (op->flags & GNTCOPY_dest_gref) != 0, true, &to);
    if (status == GNTST_okay) {
        if (covers(&from, op->source.offset, op->len) && covers(&to, op->dest.offset, op->len)) {
            move_bytes(&to, op->dest.offset, &from, op->source.offset, op->len);
        } else {
            status = GNTST_general_error;
        }
        let_go_of_end(&to);
    }
    let_go_of_end(&from);
    return status;
}

long step_copy(gva_t uop, uint64_t done, uint64_t count)
{
    struct gnttab_copy op;
    int16_t status;

    if (fetch_guest(&op, uop, done) != 0) {
        return -EFAULT;
    }
    status = copy_one(current_vcpu()->domain, &op);
    if (guest_write16(gva_add(uop, done * sizeof(op) + offsetof(struct gnttab_copy, status)),
                      (uint16_t)status) != 0) {
        return -EFAULT;
    }
    return 1;
}
