// SPDX-License-Identifier: Apache-2.0
// A domain's reservation of memory: more, less, how much.
#include "base/cpu.h"
#include "mmu/memory_op.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "arch/race.h"
#include "base/hypercall.h"
#include "domain/pages.h"
#include "memory/allocator.h"
#include "mmu/foreign.h"
#include "mmu/m2p.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"

/* What a call asks for, checked. */
struct change {
    struct domain *d;
    gva_t list; /* of xen_pfn_t, one an extent */
    unsigned int order;
    unsigned int address_bits;
};

static void give_back_extent(struct domain *d, mfn_t first, unsigned int order)
{
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        mfn_t m = mfn_add(first, i);
        m2p_set(m, M2P_INVALID);
        if (domain_give_back(d, m) != 0) {
            /* Another vCPU of the domain's found it already, and gave it back itself. */
            continue;
        }
    }
}

/* Where the frames appear is the guest's business: it sets the machine-to-physical table later. */
static int increase_one(const struct change *change, uint64_t index)
{
    xen_pfn_t out;
    mfn_t first;
    int error = domain_add_frames(change->d, change->order, change->address_bits, &first);

    if (error != 0) {
        return error;
    }
    for (uint64_t i = 0; i < 1ULL << change->order; i++) {
        m2p_set(mfn_add(first, i), M2P_INVALID);
    }
    out = first.n;
    if (!gva_is_null(change->list) && write_guest(change->list, index, &out) != 0) {
        give_back_extent(change->d, first, change->order);
        return -EFAULT;
    }
    return 0;
}

static int populate_one(const struct change *change, uint64_t index)
{
    xen_pfn_t gpfn, out;
    mfn_t first;
    int error = read_guest(&gpfn, change->list, index);

    if (error == 0) {
        error = domain_add_frames(change->d, change->order, change->address_bits, &first);
    }
    if (error != 0) {
        return error;
    }
    for (uint64_t i = 0; i < 1ULL << change->order; i++) {
        m2p_set(mfn_add(first, i), gpfn + i);
    }
    out = first.n;
    if (write_guest(change->list, index, &out) != 0) {
        give_back_extent(change->d, first, change->order);
        return -EFAULT;
    }
    return 0;
}

/*
 * A frame that is still mapped, granted or a table stays the domain's until that ends; a pin ends
 * here, as nobody else would end it.
 */
static int release_page(struct domain *d, mfn_t m)
{
    int error;

    if (!mfn_valid(m) || !frame_get(frame_of_guests(m), d->id)) {
        return -EINVAL;
    }
    error = domain_give_back(d, m);
    if (error == 0) {
        m2p_set(m, M2P_INVALID);
        (void)table_unpin(frame_of(m));
    }
    frame_put(frame_of(m));
    return error;
}

static int decrease_one(const struct change *change, uint64_t index)
{
    xen_pfn_t first;
    int error = read_guest(&first, change->list, index);

    for (uint64_t i = 0; error == 0 && i < 1ULL << change->order; i++) {
        error = release_page(change->d, mfn(first + i));
    }
    return error;
}

/* Each extent is done whole or not at all; the first that can't be ends the call. */
static long change_extents(unsigned int command, const struct change *change, uint64_t done,
                           uint64_t count)
{
    uint64_t start = done;
    int error = 0;

    while (done < count) {
        if (done > start && (unfinished_pending(current_vcpu()) || should_stop())) {
            hypercall_set_argument(0, done << MEMOP_EXTENT_SHIFT | command);
            return HYPERCALL_RESTART;
        }
        switch (command) {
        case XENMEM_increase_reservation:
            error = increase_one(change, done);
            break;
        case XENMEM_decrease_reservation:
            error = decrease_one(change, done);
            break;
        default:
            error = populate_one(change, done);
            break;
        }
        if (error != 0) {
            break;
        }
        done++;
    }
    return (long)done;
}

/* There is one node; a guest that insists on another gets nothing. */
static bool can_serve(const struct xen_memory_reservation *r, unsigned int command)
{
    if (command == XENMEM_decrease_reservation) {
        return true;
    }
    if (command == XENMEM_populate_physmap && (r->mem_flags & XENMEMF_populate_on_demand) != 0) {
        return false;
    }
    return (r->mem_flags & XENMEMF_exact_node_request) == 0 || XENMEMF_get_node(r->mem_flags) == 0;
}

long memop_reservation(unsigned int command, uint64_t done, gva_t argument)
{
    struct vcpu *v = current_vcpu();
    struct xen_memory_reservation r;
    struct change change;
    long result = unfinished_resume(v);

    if (result != 0) {
        return result;
    }
    /* The interface's answer to whatever is wrong with the request: nothing was done. */
    if (read_guest(&r, argument, 0) != 0 || r.nr_extents > MEMOP_MAX_EXTENTS ||
        done >= r.nr_extents || r.extent_order > memop_max_order(v->domain) ||
        !can_serve(&r, command)) {
        return (long)done;
    }
    result = foreign_domain(r.domid, &change.d);
    if (result != 0) {
        return result == -ESRCH ? (long)done : result;
    }
    change.list = gva((uint64_t)r.extent_start.p);
    change.order = r.extent_order;
    change.address_bits = XENMEMF_get_address_bits(r.mem_flags);
    if (change.address_bits == 0) {
        change.address_bits = 64;
    }
    result = change_extents(command, &change, done, r.nr_extents);
    domain_put(change.d);
    return result;
}

/* ---- how much -------------------------------------------------------------------------------- */

/*
 * What the guest itself notes in shared_info, so any value at all; it must not look like an error.
 * The page goes when the domain has died, which the lock keeps from happening meanwhile.
 */
static long highest_page(struct domain *d)
{
    uint64_t end = 0;

    spin_lock(&d->lock);
    if (d->life != DOMAIN_DEAD) {
        const struct shared_info *shared = d->shared;
        race_window();
        end = READ_ONCE(shared->arch.max_pfn);
    }
    spin_unlock(&d->lock);
    return end == 0 ? 0 : (long)MIN(end - 1, (uint64_t)INT64_MAX);
}

static long count_of(struct domain *d, unsigned int command)
{
    switch (command) {
    case XENMEM_current_reservation:
        return (long)READ_ONCE(d->total_pages);
    case XENMEM_maximum_reservation:
        /* "No limit" must not look like an error. */
        return (long)MIN(READ_ONCE(d->max_pages), (uint64_t)UINT32_MAX);
    default:
        return highest_page(d);
    }
}

long memop_count(unsigned int command, gva_t argument)
{
    struct domain *d;
    domid_t id;
    long result;

    if (read_guest(&id, argument, 0) != 0) {
        return -EFAULT;
    }
    result = foreign_domain(id, &d);
    if (result == 0) {
        result = count_of(d, command);
        domain_put(d);
    }
    return result;
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* `pages` in all: what the domain has already counts. One claim at a time, and none ends it. */
static long claim_locked(struct domain *d, uint64_t pages)
{
    uint64_t have = READ_ONCE(d->total_pages);

    if (d->life != DOMAIN_ALIVE) {
        return -EINVAL;
    }
    if (pages == 0) {
        return frames_claim(&d->claimed_pages, 0);
    }
    if (READ_ONCE(d->claimed_pages) != 0 || pages < have || pages > READ_ONCE(d->max_pages)) {
        return -EINVAL;
    }
    return frames_claim(&d->claimed_pages, pages - have);
}

static long claim(struct domain *d, uint64_t pages)
{
    long result;

    spin_lock(&d->lock);
    result = claim_locked(d, pages);
    spin_unlock(&d->lock);
    return result;
}

long memop_claim(gva_t argument)
{
    const struct domain *self = current_vcpu()->domain;
    struct xen_memory_reservation r;
    struct domain *d;
    long result;

    if (read_guest(&r, argument, 0) != 0) {
        return -EFAULT;
    }
    if (r.extent_start.p || r.extent_order != 0 || r.mem_flags != 0) {
        return -EINVAL;
    }
    if (!self->privileged) {
        return -EPERM;
    }
    result = foreign_domain(r.domid, &d);
    if (result == 0) {
        result = claim(d, r.nr_extents);
        domain_put(d);
    }
    return result;
}
