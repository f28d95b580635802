// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_transfer: a frame changes its owner, if the new one has said that it wants one.
//
// As the interface has it, the frame is gone from the caller with any status but GNTST_bad_page.
#include "abi/errno.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "domain/pages.h"
#include "grant/table.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "memory/flush.h"

/* Take the frame away from its owner, so that no CPU can reach it by an old translation. */
static bool steal(struct domain *d, mfn_t frame)
{
    if (!mfn_valid(frame) || domain_steal_frame(d, frame_of_guests(frame)) != 0) {
        return false;
    }
    flush_stamp_frame(frame_of_guests(frame));
    flush_older_than(frame_of_guests(frame)->flush_stamp);
    return true;
}

/* From "accepts a frame of `from`'s" to "committed". The entry's lock is held. */
static bool commit_entry(struct domain_grants *g, grant_ref_t ref, domid_t from)
{
    uint32_t *word = header_word(g, ref);
    uint32_t wanted = GTF_accept_transfer | (uint32_t)from << 16;

    return __atomic_compare_exchange_n(word, &wanted, wanted | GTF_transfer_committed, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* The frame has its new owner: tell it which frame it got, then that it did. */
static void complete_entry(struct domain_grants *g, grant_ref_t ref, mfn_t frame)
{
    uint64_t slot;

    if (g->version == 1) {
        grant_entry_v1_t *entry = entry_v1(g, ref);
        slot = READ_ONCE(entry->frame);
        WRITE_ONCE(entry->frame, (uint32_t)frame.n);
    } else {
        grant_entry_v2_t *entry = entry_v2(g, ref);
        slot = READ_ONCE(entry->full_page.frame);
        WRITE_ONCE(entry->full_page.frame, frame.n);
    }
    grant_mmu->set_m2p(frame, pfn(slot));
    __atomic_fetch_or(header_word(g, ref), GTF_transfer_completed, __ATOMIC_SEQ_CST);
}

static int16_t give(struct domain *from, struct domain *to, grant_ref_t ref, mfn_t frame)
{
    struct domain_grants *g = to->grants;
    struct grant_active *a;
    int16_t status = active_lock(to, ref, &a);

    if (status != GNTST_okay) {
        return GNTST_general_error;
    }
    if (g->version == 1 && frame.n > UINT32_MAX) {
        status = GNTST_address_too_big;
    } else if (!commit_entry(g, ref, from->id)) {
        status = GNTST_general_error;
    } else if (domain_assign_frames(to, frame, 1) != 0) {
        /* Dying, or at its limit: as if nothing had been committed. */
        __atomic_fetch_and(header_word(g, ref), ~GTF_transfer_committed, __ATOMIC_SEQ_CST);
        status = GNTST_general_error;
    } else {
        complete_entry(g, ref, frame);
    }
    byte_unlock(&a->lock);
    return status;
}

static int16_t transfer_one(struct domain *d, const struct gnttab_transfer *op)
{
    mfn_t frame = mfn(op->mfn);
    struct domain *to;
    int16_t status;

    if (!steal(d, frame)) {
        return GNTST_bad_page;
    }
    to = domain_get(op->domid);
    status = to ? give(d, to, op->ref, frame) : GNTST_bad_domain;
    domain_put(to);
    if (status != GNTST_okay) {
        bulk_clear(frame_to_virt(frame), PAGE_SIZE);
        frames_free(frame, 0);
    }
    return status;
}

long step_transfer(gva_t uop, uint64_t done, uint64_t count)
{
    struct gnttab_transfer op;

    if (read_guest(&op, uop, done) != 0) {
        return -EFAULT;
    }
    op.status = transfer_one(current_vcpu()->domain, &op);
    return write_guest(uop, done, &op) != 0 ? -EFAULT : 1;
}
