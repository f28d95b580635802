// SPDX-License-Identifier: Apache-2.0
// Using an entry, by those who do not care what each call costs; and the entry behind another.
#include "grant/use.h"

void grant_end_use(struct domain *granter, grant_ref_t ref, struct grant_active *active,
                   bool writable)
{
    end_use(granter->grants, ref, active, writable);
}

/*
 * The entry behind a transitive one: granted to the first granter by a third domain. A chain of two
 * transitive entries is refused, as is one that leads back to the first granter.
 */
cold_fn int16_t grant_follow(struct grant_access *access, domid_t through, grant_ref_t ref)
{
    struct domain *granter = access->use[0].granter;
    struct domain *third = through == granter->id ? NULL : domain_get(through);
    struct grant_active *a;
    int16_t status;

    if (!third) {
        return GNTST_general_error;
    }
    status = begin_use(third, ref, granter->id, GRANT_TO_COPY, access, &a);
    if (status != GNTST_okay) {
        domain_put(third);
        return status;
    }
    /* From here on, grant_release() ends both uses and drops the third. */
    take(access, a);
    status = a->kind == GRANT_TRANSITIVE ? GNTST_general_error : GNTST_okay;
    byte_unlock(&a->lock);
    return status;
}

int16_t grant_acquire(struct domain *granter, grant_ref_t ref, domid_t grantee, bool writable,
                      enum grant_purpose purpose, struct grant_access *access)
{
    return acquire(granter, ref, grantee, writable, purpose, access);
}

void grant_release(struct grant_access *access)
{
    while (access->uses > 0) {
        struct grant_use *use = &access->use[--access->uses];

        end_use(use->granter->grants, use->ref, use->active, access->writable);
        if (unlikely(access->uses > 0)) {
            domain_put(use->granter);
        }
    }
}
