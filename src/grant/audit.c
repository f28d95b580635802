// SPDX-License-Identifier: Apache-2.0
// What the grants of a domain hold on its frames, for the audit.
#include "arch/frames.h"
#include "grant/table.h"

/* An entry in use holds a reference for its readers, and a writable one for its writers. */
static void tell_entry(const struct grant_active *a, audit_tell_t tell, void *audit)
{
    if (a->kind == GRANT_TRANSITIVE) {
        return;
    }
    for (unsigned int writable = 0; writable < 2; writable++) {
        if (a->users[writable] != 0) {
            tell(audit, a->frame, writable, a->grantee);
        }
    }
}

void table_audit(struct domain *d, audit_tell_t tell, void *audit)
{
    const struct domain_grants *g = d->grants;

    for (uint32_t first = 0; first < g->frames * V1_PER_PAGE; first += ACTIVE_PER_PAGE) {
        const struct grant_active *page = active_if_any(g, first);
        for (uint32_t i = 0; page && i < ACTIVE_PER_PAGE; i++) {
            tell_entry(&page[i], tell, audit);
        }
    }
}
