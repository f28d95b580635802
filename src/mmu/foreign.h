// SPDX-License-Identifier: Apache-2.0
// Whose tables and whose frames a call is about: the `foreigndom` argument.
#pragma once

#include "base/cpu.h"
#include "mmu/policy.h"

/*
 * Decode foreigndom (bits 15:0 FD, bits 31:16 PFD: 0 = self, else domid + 1) for the current
 * domain, with references that foreign_put() drops (none on the caller's own). -ESRCH: no such
 * domain; -EPERM: not this caller's business; -EINVAL: a reserved id that means nothing here.
 */
static inline must_check int foreign_get(uint32_t foreigndom, struct entry_rights *rights);
static inline void foreign_put(struct entry_rights *rights);

/*
 * The domain that a call about memory names, referenced: DOMID_SELF, the caller's own number, or
 * for the privileged any. -ESRCH, -EPERM.
 */
must_check int foreign_domain(domid_t id, struct domain **d);

/* ---- the usual case without a call ----------------------------------------------------------- */

/* Where somebody else is named; `rights` are the caller's own so far. */
must_check int foreign_get_other(uint32_t foreigndom, struct entry_rights *rights);
void foreign_put_other(struct entry_rights *rights);

static inline int foreign_get(uint32_t foreigndom, struct entry_rights *rights)
{
    struct domain *self = current_vcpu()->domain;

    *rights = (struct entry_rights){.caller = self, .tables = self, .frames = self};
    return likely(foreigndom == DOMID_SELF) ? 0 : foreign_get_other(foreigndom, rights);
}

static inline void foreign_put(struct entry_rights *rights)
{
    if (unlikely(rights->tables != rights->caller || rights->frames != rights->caller)) {
        foreign_put_other(rights);
    }
}
