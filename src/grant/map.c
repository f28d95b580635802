// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_map_grant_ref, unmap_grant_ref and unmap_and_replace.
#include "abi/errno.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "grant/use.h"

/* Before the page-table room says how, nothing is mapped. */
static int16_t refuse(struct vcpu *v, uint64_t address, const struct grant_mapping *mapping)
{
    return GNTST_general_error;
}

static int16_t refuse_replace(struct vcpu *v, uint64_t address, uint64_t new_address,
                              const struct grant_mapping *mapping)
{
    return GNTST_general_error;
}

static void flush_nothing(struct domain *d)
{
}

static void leave_m2p(mfn_t frame, pfn_t slot)
{
}

static const struct grant_mmu_ops no_mmu = {refuse, refuse, refuse_replace, flush_nothing,
                                            leave_m2p};
const struct grant_mmu_ops *grant_mmu = &no_mmu;

void grant_register_mmu(const struct grant_mmu_ops *ops)
{
    grant_mmu = ops;
}

/* ---- map ------------------------------------------------------------------------------------ */

/* Use the entry and put the mapping in place. The handle is busy; on success it is a mapping. */
static int16_t map_with_handle(struct vcpu *v, struct domain *granter, uint32_t handle,
                               struct gnttab_map_grant_ref *op)
{
    bool writable = (op->flags & GNTMAP_readonly) == 0;
    struct maptrack_entry *entry = maptrack_entry(v->domain, handle);
    struct grant_access access;
    int16_t status;

    status = acquire(granter, op->ref, v->domain->id, writable, GRANT_TO_MAP, &access);
    if (status != GNTST_okay) {
        return status;
    }
    if ((op->flags & GNTMAP_host_map) != 0) {
        struct grant_mapping mapping = {access.frame, granter, writable, op->flags, access.cache};
        status = grant_mmu->map(v, op->host_addr, &mapping);
        if (status != GNTST_okay) {
            grant_release(&access);
            return status;
        }
    }
    op->dev_bus_addr = mfn_to_maddr(access.frame).a;
    op->handle = handle;
    /* The reference to the granter passes to the handle. */
    entry->granter = granter;
    entry->ref = op->ref;
    maptrack_publish(entry, op->flags);
    return GNTST_okay;
}

static int16_t map_one(struct vcpu *v, struct gnttab_map_grant_ref *op)
{
    struct domain *granter;
    uint32_t handle;
    int16_t status = GNTST_no_space;

    if ((op->flags & (GNTMAP_host_map | GNTMAP_device_map)) == 0) {
        return GNTST_bad_gntref;
    }
    granter = domain_get(op->dom);
    if (!granter) {
        return GNTST_bad_domain;
    }
    handle = maptrack_alloc(v->domain);
    if (handle != NO_HANDLE) {
        status = map_with_handle(v, granter, handle, op);
        if (status != GNTST_okay) {
            maptrack_free(v->domain, handle);
        }
    }
    if (status != GNTST_okay) {
        domain_put(granter);
    }
    return status;
}

/* ---- unmap ---------------------------------------------------------------------------------- */

/* One unmap on its way: its mapping is gone, the entry it was accounted to is not told yet. */
struct unmapping {
    struct maptrack_entry *entry; /* busy, with nothing mapped; NULL: there is nothing to finish */
    struct grant_active *active;  /* what `entry` accounts for */
    uint32_t handle;
    bool writable;
    bool owes_flush;
};

/*
 * What one element asks for. GNTTABOP_unmap_and_replace has the same layout, with new_addr in the
 * place of dev_bus_addr.
 */
struct unmap_request {
    struct gnttab_unmap_grant_ref op;
    bool replaces;
};
_Static_assert(sizeof(struct gnttab_unmap_and_replace) == sizeof(struct gnttab_unmap_grant_ref) &&
                   offsetof(struct gnttab_unmap_and_replace, new_addr) ==
                       offsetof(struct gnttab_unmap_grant_ref, dev_bus_addr) &&
                   offsetof(struct gnttab_unmap_and_replace, handle) ==
                       offsetof(struct gnttab_unmap_grant_ref, handle) &&
                   offsetof(struct gnttab_unmap_and_replace, status) ==
                       offsetof(struct gnttab_unmap_grant_ref, status),
               "both operations have one layout");

static int16_t remove_host_mapping(struct vcpu *v, const struct unmap_request *r,
                                   const struct grant_mapping *mapping)
{
    return r->replaces ? grant_mmu->replace(v, r->op.host_addr, r->op.dev_bus_addr, mapping)
                       : grant_mmu->unmap(v, r->op.host_addr, mapping);
}

/* Take away what the request names; *left says what the handle still stands for. */
static always_inline_fn int16_t remove_mappings(struct vcpu *v, const struct unmap_request *r,
                                                const struct unmapping *u, uint32_t flags,
                                                uint32_t *left)
{
    /* A frame that is in use does not change, so no lock is needed to look at it. */
    struct grant_mapping mapping = {u->active->frame, u->entry->granter, u->writable, flags, 0};
    int16_t status;

    *left = flags;
    if (!r->replaces && r->op.dev_bus_addr != 0 && (flags & GNTMAP_device_map) != 0) {
        if (r->op.dev_bus_addr != mfn_to_maddr(mapping.frame).a) {
            return GNTST_bad_dev_addr;
        }
        *left &= ~(uint32_t)GNTMAP_device_map;
    }
    if (r->op.host_addr != 0 && (flags & GNTMAP_host_map) != 0) {
        status = remove_host_mapping(v, r, &mapping);
        if (status != GNTST_okay) {
            *left = flags;
            return status;
        }
        *left &= ~(uint32_t)GNTMAP_host_map;
    }
    return GNTST_okay;
}

static int16_t begin_unmap(struct vcpu *v, const struct unmap_request *r, struct unmapping *u)
{
    uint32_t flags, left;
    int16_t status;

    u->handle = r->op.handle;
    u->owes_flush = false;
    u->entry = maptrack_claim(v->domain, r->op.handle, &flags);
    if (!u->entry) {
        return GNTST_bad_handle;
    }
    u->active = active_if_any(u->entry->granter->grants, u->entry->ref);
    u->writable = (flags & GNTMAP_readonly) == 0;
    status = remove_mappings(v, r, u, flags, &left);
    u->owes_flush = ((flags ^ left) & GNTMAP_host_map) != 0;
    if ((left & (GNTMAP_host_map | GNTMAP_device_map)) != 0) {
        maptrack_publish(u->entry, left);
        u->entry = NULL;
    }
    return status;
}

static void finish_unmap(struct vcpu *v, struct unmapping *u)
{
    if (u->entry) {
        struct domain *granter = u->entry->granter;

        grant_end_use(granter, u->entry->ref, u->active, u->writable);
        maptrack_free(v->domain, u->handle);
        domain_put(granter);
    }
}

/* Every CPU forgets the translations; only then may granters hear that their frames are free. */
static void finish_unmaps(struct vcpu *v, struct unmapping *unmapping, unsigned int count,
                          bool owe_flush)
{
    if (owe_flush) {
        grant_mmu->flush(v->domain);
    }
    for (unsigned int i = 0; i < count; i++) {
        finish_unmap(v, &unmapping[i]);
    }
}

/* ---- batches -------------------------------------------------------------------------------- */

_Static_assert(offsetof(struct gnttab_map_grant_ref, dev_bus_addr) == 24 &&
                   offsetof(struct gnttab_map_grant_ref, handle) == 20 &&
                   offsetof(struct gnttab_map_grant_ref, status) == 18,
               "what a mapping answers lies in the last two words");

static int tell(gva_t to, const struct gnttab_map_grant_ref *op)
{
    return guest_write_words(gva_add(to, 16), (const uint64_t *)op + 2, 2);
}

/*
 * One element a step: mapping is as preemptible as can be. A guest that can't be told its handle
 * does not keep the mapping.
 */
long step_map(gva_t uop, uint64_t done, uint64_t count)
{
    struct vcpu *v = current_vcpu();
    struct gnttab_map_grant_ref op;

    if (fetch_guest(&op, uop, done) != 0) {
        return -EFAULT;
    }
    op.status = map_one(v, &op);
    if (tell(gva_add(uop, done * sizeof(op)), &op) != 0) {
        if (op.status == GNTST_okay) {
            struct unmap_request r = {
                {.host_addr = op.host_addr, .dev_bus_addr = op.dev_bus_addr, .handle = op.handle},
                false};
            struct unmapping u;

            (void)begin_unmap(v, &r, &u);
            finish_unmaps(v, &u, 1, u.owes_flush);
        }
        return -EFAULT;
    }
    return 1;
}

/* How many unmaps share one flush. */
#define UNMAP_BATCH 32U

static gva_t status_of(gva_t unmaps, unsigned int index)
{
    return gva_add(unmaps, index * sizeof(struct gnttab_unmap_grant_ref) +
                               offsetof(struct gnttab_unmap_grant_ref, status));
}

/* The mappings go one by one; then one flush; then the granters are told. */
static long unmap_some(gva_t uop, uint64_t done, uint64_t count, bool replaces)
{
    struct vcpu *v = current_vcpu();
    struct unmapping unmapping[UNMAP_BATCH];
    unsigned int some = (unsigned int)MIN(count - done, (uint64_t)UNMAP_BATCH), n = 0;
    gva_t at = gva_add(uop, done * sizeof(struct gnttab_unmap_grant_ref));
    bool owe_flush = false;
    int error = 0;

    while (n < some && error == 0) {
        struct unmap_request r;

        r.replaces = replaces;
        error = fetch_guest(&r.op, at, n);
        if (error == 0) {
            int16_t status = begin_unmap(v, &r, &unmapping[n]);
            owe_flush |= unmapping[n].owes_flush;
            error = guest_write16(status_of(at, n++), (uint16_t)status);
        }
    }
    finish_unmaps(v, unmapping, n, owe_flush);
    return error != 0 ? -EFAULT : (long)some;
}

long step_unmap(gva_t uop, uint64_t done, uint64_t count)
{
    return unmap_some(uop, done, count, false);
}

long step_unmap_and_replace(gva_t uop, uint64_t done, uint64_t count)
{
    return unmap_some(uop, done, count, true);
}
