// SPDX-License-Identifier: Apache-2.0
// Whose tables and whose frames a call is about: the `foreigndom` argument.
#pragma once

#include "mmu/policy.h"

/*
 * Decode foreigndom (bits 15:0 FD, bits 31:16 PFD: 0 = self, else domid + 1) for the current
 * domain, with references that foreign_put() drops (none on the caller's own). -ESRCH: no such
 * domain; -EPERM: not this caller's business; -EINVAL: a reserved id that means nothing here.
 */
must_check int foreign_get(uint32_t foreigndom, struct entry_rights *rights);
void foreign_put(struct entry_rights *rights);

/*
 * The domain that a call about memory names, referenced: DOMID_SELF, the caller's own number, or
 * for the privileged any. -ESRCH, -EPERM.
 */
must_check int foreign_domain(domid_t id, struct domain **d);
