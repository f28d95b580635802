// SPDX-License-Identifier: Apache-2.0
// Whose tables and whose frames a call is about: the `foreigndom` argument.
#pragma once

#include "base/cpu.h"
#include "mmu/vcpu_mmu.h"

/* Rights of a call; references on domains that are not the caller's own. */
struct foreign {
    const struct entry_rights *rights;
    struct entry_rights other; /* where they are not the caller's own */
};

/*
 * Decode foreigndom (bits 15:0 FD, bits 31:16 PFD: 0 = self, else domid + 1) for the current
 * domain; foreign_put() ends it. -ESRCH: no such domain; -EPERM: not this caller's business;
 * -EINVAL: a reserved id that means nothing here.
 */
static inline must_check int foreign_get(uint32_t foreigndom, struct foreign *f);
static inline void foreign_put(struct foreign *f);

/*
 * The domain that a call about memory names, referenced: DOMID_SELF, the caller's own number, or
 * for the privileged any. -ESRCH, -EPERM.
 */
must_check int foreign_domain(domid_t id, struct domain **d);

/* ---- the usual case without a call ----------------------------------------------------------- */

must_check int foreign_get_other(uint32_t foreigndom, struct foreign *f);
void foreign_put_other(struct foreign *f);

static inline int foreign_get(uint32_t foreigndom, struct foreign *f)
{
    f->rights = own_rights(current_vcpu());
    return likely(foreigndom == DOMID_SELF) ? 0 : foreign_get_other(foreigndom, f);
}

static inline void foreign_put(struct foreign *f)
{
    if (unlikely(f->rights == &f->other)) {
        foreign_put_other(f);
    }
}
