// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_cache_flush: clean or invalidate a range of a granted page in the caches.
//
// On x86, devices and CPUs see each other's writes whatever the caches hold, as long as a page is
// mapped write-back everywhere. Only a domain that owns devices can have it otherwise; for others
// there is nothing to do once the request is found good. GNTTAB_CACHE_SOURCE_GREF, the form that
// names a grant reference, is refused here as the reference refuses it.
#include "abi/errno.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "arch/tlb.h"
#include "base/cpu.h"
#include "grant/table.h"

/* Whether `owner` lets `grantee` use the frame at this moment. */
static bool is_granted(const struct domain *owner, domid_t grantee, mfn_t frame)
{
    const struct domain_grants *g = owner->grants;
    uint32_t entries = table_entries(g);

    for (grant_ref_t ref = 0; ref < entries; ref++) {
        struct grant_active *a = active_if_any(g, ref);
        bool found = false;

        if (a) {
            byte_lock(&a->lock);
            found = active_in_use(a) && a->kind != GRANT_TRANSITIVE && a->grantee == grantee &&
                    mfn_equal(a->frame, frame);
            byte_unlock(&a->lock);
        }
        if (found) {
            return true;
        }
    }
    return false;
}

static int may_flush(const struct domain *d, mfn_t frame)
{
    struct domain *owner;
    int error;

    if (!mfn_valid(frame)) {
        return -EINVAL;
    }
    owner = domain_get(READ_ONCE(frame_of(frame)->owner));
    if (!owner) {
        return -EPERM;
    }
    error = owner == d || is_granted(owner, d->id, frame) ? 0 : -EINVAL;
    domain_put(owner);
    return error;
}

static int flush_one(const struct domain *d, const struct gnttab_cache_flush *op)
{
    mfn_t frame = maddr_to_mfn(maddr(op->a.dev_bus_addr));
    int error;

    if ((uint32_t)op->offset + op->length > PAGE_SIZE ||
        (op->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)) != 0) {
        return -EINVAL;
    }
    if (op->length == 0 || op->op == 0) {
        return 0;
    }
    error = may_flush(d, frame);
    if (error == 0 && d->hardware) {
        /* Lines are flushed out of all CPUs' caches; a flush of them cleans as it invalidates. */
        arch_cache_flush_lines((char *)frame_to_virt(frame) + op->offset, op->length);
    }
    return error;
}

long step_cache_flush(gva_t uop, uint64_t done, uint64_t count)
{
    struct gnttab_cache_flush op;
    int error;

    if (read_guest(&op, uop, done) != 0) {
        return -EFAULT;
    }
    error = flush_one(current_vcpu()->domain, &op);
    return error != 0 ? error : 1;
}
