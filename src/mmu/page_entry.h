// SPDX-License-Identifier: Apache-2.0
// Entries of level-1 tables: the decision about them, inline, as nearly all of what guests do to
// page tables is done to these. The rules are those of mmu/policy.h, which is what others include.
#pragma once

#include "mmu/policy.h"

#define PTE_CACHING (PTE_PWT | PTE_PCD | PTE_PAT)

/* Of policy.c, for entries that are not plain memory. */
pte_t page_restrict_caching(const struct entry_rights *rights, pte_t entry);
must_check long page_claim_special(const struct entry_rights *rights, pte_t entry);

/* Not RAM, or RAM that the firmware keeps: nothing to count, only to permit. */
static inline bool page_is_device(mfn_t m)
{
    return !mfn_valid(m) || READ_ONCE(frame_of(m)->owner) == DOMID_IO;
}

/* What an entry becomes that is allowed. */
static inline pte_t page_adjust(const struct entry_rights *rights, pte_t entry)
{
    if ((entry & (PTE_GUEST_KERNEL | PTE_US)) == PTE_US) {
        entry |= PTE_G;
    } else {
        entry = (entry & ~PTE_G) | PTE_US | PTE_GUEST_KERNEL;
    }
    return unlikely((entry & PTE_CACHING) != 0) ? page_restrict_caching(rights, entry) : entry;
}

/* Take the claim of an adjusted entry that is present. */
static inline must_check long page_claim(const struct entry_rights *rights, pte_t entry)
{
    mfn_t m = pte_mfn(entry);

    if (likely(mfn_valid(m) && rights->frames)) {
        domid_t owner = rights->frames->id;
        if (likely((entry & PTE_RW) != 0 ? frame_get_writable(frame_of(m), owner)
                                         : frame_get(frame_of(m), owner))) {
            return 0;
        }
    }
    return page_claim_special(rights, entry);
}

/* Drop the claim of a stored entry that is present. */
static inline void page_release(pte_t entry)
{
    mfn_t m = pte_mfn(entry);

    if (unlikely(page_is_device(m))) {
        return;
    }
    if ((entry & PTE_RW) != 0) {
        frame_put_writable(frame_of(m));
    } else {
        frame_put(frame_of(m));
    }
}
