// SPDX-License-Identifier: Apache-2.0
// XENMEM_exchange: frames for as many others, contiguous or within a device's reach.
//
// Done in chunks of the larger of the two extents. A chunk's old frames are taken away first, so
// that nobody can use them any more; then the new ones are found, and the guest is told their
// numbers; from then on nothing can fail. Up to there everything is put back as it was.
#include "mmu/memory_op.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "domain/pages.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "mmu/foreign.h"
#include "mmu/m2p.h"

struct extents {
    gva_t list; /* of xen_pfn_t */
    uint64_t count;
    unsigned int order;
    uint64_t in_chunk;
};

struct exchange {
    struct domain *d;
    struct extents in, out;
    unsigned int address_bits; /* of what comes */
    /* of the chunk that is being done: */
    struct frame_list taken; /* old frames, nobody's */
    struct frame_list fresh; /* the first frames of new extents, nobody's yet */
};

/* ---- one chunk ------------------------------------------------------------------------------- */

static int take_extent(struct exchange *x, mfn_t first)
{
    for (uint64_t i = 0; i < 1ULL << x->in.order; i++) {
        mfn_t m = mfn_add(first, i);
        if (!mfn_valid(m) || domain_steal_frame(x->d, frame_of_guests(m)) != 0) {
            return -EINVAL;
        }
        frame_list_add(&x->taken, frame_of(m));
    }
    return 0;
}

static int take_old(struct exchange *x, uint64_t chunk)
{
    uint64_t at = chunk * x->in.in_chunk, end = at + x->in.in_chunk;
    xen_pfn_t first;
    int error = 0;

    while (error == 0 && at < end) {
        error = read_guest(&first, x->in.list, at);
        if (error == 0) {
            error = take_extent(x, mfn(first));
        }
        at++;
    }
    return error;
}

/*
 * The guest's entry says where the new extent goes and becomes the extent's number. The
 * machine-to-physical table remembers the former.
 */
static int find_extent(struct exchange *x, uint64_t index)
{
    xen_pfn_t gpfn, out;
    mfn_t first;

    if (read_guest(&gpfn, x->out.list, index) != 0) {
        return -EFAULT;
    }
    first = frames_alloc_claimed(x->out.order, x->address_bits, &x->d->claimed_pages);
    if (first.n == MFN_INVALID) {
        return -ENOMEM;
    }
    bulk_clear(frame_to_virt(first), PAGE_SIZE << x->out.order);
    for (uint64_t i = 0; i < 1ULL << x->out.order; i++) {
        m2p_set(mfn_add(first, i), gpfn + i);
    }
    frame_list_add(&x->fresh, frame_of(first));
    out = first.n;
    return write_guest(x->out.list, index, &out) != 0 ? -EFAULT : 0;
}

static int find_new(struct exchange *x, uint64_t chunk)
{
    uint64_t at = chunk * x->out.in_chunk, end = at + x->out.in_chunk;
    int error = 0;

    while (error == 0 && at < end) {
        error = find_extent(x, at);
        at++;
    }
    return error;
}

static struct frame *pop(struct frame_list *list)
{
    struct frame *f = &frame_table[list->head];

    frame_list_remove(list, f);
    return f;
}

static void restore_entry(const struct exchange *x, uint64_t index, xen_pfn_t gpfn)
{
    if (write_guest(x->out.list, index, &gpfn) != 0) {
        /* The guest has taken its list away: it will not miss the entry. */
        return;
    }
}

/* From the last extent that was offered back to the first. */
static void undo(struct exchange *x, uint64_t chunk)
{
    uint64_t at = chunk * x->out.in_chunk;

    while (x->fresh.count > 0) {
        mfn_t first = mfn_of(pop(&x->fresh));
        restore_entry(x, at + x->fresh.count, m2p_get(first));
        m2p_set(first, M2P_INVALID);
        frames_free(first, x->out.order);
    }
    while (x->taken.count > 0) {
        domain_return_frames(x->d, mfn_of(pop(&x->taken)), 0);
    }
}

/* As many frames come as went. */
static void commit(struct exchange *x)
{
    while (x->taken.count > 0) {
        struct frame *f = pop(&x->taken);
        m2p_set(mfn_of(f), M2P_INVALID);
        frames_free(mfn_of(f), 0);
    }
    while (x->fresh.count > 0) {
        domain_return_frames(x->d, mfn_of(pop(&x->fresh)), x->out.order);
    }
}

static int exchange_chunk(struct exchange *x, uint64_t chunk)
{
    int error;

    frame_list_init(&x->taken);
    frame_list_init(&x->fresh);
    error = take_old(x, chunk);
    if (error == 0) {
        error = find_new(x, chunk);
    }
    if (error != 0) {
        undo(x, chunk);
    } else {
        commit(x);
    }
    return error;
}

/* ---- the call -------------------------------------------------------------------------------- */

static bool amounts_agree(const struct xen_memory_exchange *e)
{
    return e->in.domid == e->out.domid && e->in.nr_extents <= frame_count &&
           e->out.nr_extents <= frame_count &&
           e->in.nr_extents << e->in.extent_order == e->out.nr_extents << e->out.extent_order;
}

static bool ranges_meet(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

/* Extents of the smaller kind that make one of the larger. */
static void decode(const struct xen_memory_exchange *e, struct exchange *x)
{
    unsigned int larger = MAX(e->in.extent_order, e->out.extent_order);

    x->in = (struct extents){gva((uint64_t)e->in.extent_start.p), e->in.nr_extents,
                             e->in.extent_order, 1ULL << (larger - e->in.extent_order)};
    x->out = (struct extents){gva((uint64_t)e->out.extent_start.p), e->out.nr_extents,
                              e->out.extent_order, 1ULL << (larger - e->out.extent_order)};
    x->address_bits = XENMEMF_get_address_bits(e->out.mem_flags);
    if (x->address_bits == 0) {
        x->address_bits = 64;
    }
}

static int check(const struct xen_memory_exchange *e)
{
    unsigned int max_order = memop_max_order(current_vcpu()->domain);

    if (e->in.extent_order > max_order || e->out.extent_order > max_order) {
        return -EPERM;
    }
    if (!amounts_agree(e) || e->nr_exchanged > e->in.nr_extents) {
        return -EINVAL;
    }
    if (!guest_range_ok(gva((uint64_t)e->in.extent_start.p), e->in.nr_extents * 8) ||
        !guest_range_ok(gva((uint64_t)e->out.extent_start.p), e->out.nr_extents * 8)) {
        return -EFAULT;
    }
    if (ranges_meet((uint64_t)e->in.extent_start.p, e->in.nr_extents * 8,
                    (uint64_t)e->out.extent_start.p, e->out.nr_extents * 8)) {
        return -EINVAL;
    }
    return 0;
}

/* Progress is the count in the guest's structure, which the same call finds there again. */
static long run(struct exchange *x, gva_t argument, xen_ulong_t exchanged)
{
    uint64_t first = exchanged / x->in.in_chunk, end = x->in.count / x->in.in_chunk;
    uint64_t chunk = first;
    gva_t progress = gva_add(argument, offsetof(struct xen_memory_exchange, nr_exchanged));
    long result = 0;

    while (result == 0 && chunk < end) {
        if (chunk > first && should_stop()) {
            result = HYPERCALL_RESTART;
            break;
        }
        result = exchange_chunk(x, chunk);
        chunk += result == 0;
    }
    exchanged = chunk * x->in.in_chunk;
    return write_guest(progress, 0, &exchanged) != 0 ? -EFAULT : result;
}

long memop_exchange(gva_t argument)
{
    struct xen_memory_exchange e;
    struct exchange x;
    long result;

    if (read_guest(&e, argument, 0) != 0) {
        return -EFAULT;
    }
    result = check(&e);
    if (result == 0) {
        result = foreign_domain(e.in.domid, &x.d);
    }
    if (result != 0) {
        return result;
    }
    decode(&e, &x);
    result = run(&x, argument, e.nr_exchanged);
    domain_put(x.d);
    return result;
}
