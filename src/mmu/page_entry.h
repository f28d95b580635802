// SPDX-License-Identifier: Apache-2.0
// Entries of level-1 tables: the decision about them, and their edits, inline, as nearly all of
// what guests do to page tables is done to these. The rules are those of mmu/policy.h.
#pragma once

#include "abi/errno.h"
#include "arch/race.h"
#include "mmu/l1tf.h"
#include "mmu/policy.h"

#define PTE_CACHING (PTE_PWT | PTE_PCD | PTE_PAT)

/* Of policy.c, for entries that are not plain memory. */
pte_t page_restrict_caching(const struct entry_rights *rights, pte_t entry);
must_check long page_claim_special(const struct entry_rights *rights, pte_t *entry);

/* Not RAM, or RAM that the firmware keeps: nothing to count, only to permit. */
static inline bool page_is_device(mfn_t m)
{
    return !mfn_valid(m) || READ_ONCE(frame_of(m)->owner) == DOMID_IO;
}

/* What an entry becomes that is allowed. */
static always_inline_fn pte_t page_adjust(const struct entry_rights *rights, pte_t entry)
{
    if ((entry & (PTE_GUEST_KERNEL | PTE_US)) == PTE_US) {
        entry |= PTE_G;
    } else {
        entry = (entry & ~PTE_G) | PTE_US | PTE_GUEST_KERNEL;
    }
    return unlikely((entry & PTE_CACHING) != 0) ? page_restrict_caching(rights, entry) : entry;
}

/* By way of a copy, so that the caller's entry can stay in a register. */
static always_inline_fn long page_claim_rare(const struct entry_rights *rights, pte_t *entry)
{
    pte_t copy = *entry;
    long result = page_claim_special(rights, &copy);

    *entry = copy;
    return result;
}

/* Take the claim of an adjusted entry that is present. It may become read-only. */
static always_inline_fn must_check long page_claim(const struct entry_rights *rights, pte_t *entry)
{
    mfn_t m = pte_mfn(*entry);

    if (likely(mfn_valid(m) && rights->frames)) {
        domid_t owner = rights->frames->id;
        struct frame *f = frame_of_guests(m);
        if (likely((*entry & PTE_RW) != 0 ? frame_get_writable(f, owner) : frame_get(f, owner))) {
            return 0;
        }
    }
    return page_claim_rare(rights, entry);
}

/* Drop the claim of a stored entry that is present. */
static always_inline_fn void page_release(pte_t entry)
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

enum page_store {
    PAGE_STORE,         /* whatever the entry is */
    PAGE_STORE_KEEP_AD, /* but for the bits that the processor sets */
    PAGE_STORE_IF_SAME, /* only if it is what it was */
};

/*
 * Replace the entry: *old becomes what was replaced. The processor may set accessed and dirty bits
 * at any moment, and none may be lost. Each way is a full barrier: the entry is gone for every
 * processor before the flush clock is read (memory/flush.h). False where it was not the same.
 */
static always_inline_fn bool page_store(pte_t *entry, pte_t *old, pte_t value, enum page_store how)
{
    race_window();
    switch (how) {
    case PAGE_STORE:
        *old = __atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST);
        return true;
    case PAGE_STORE_KEEP_AD:
        while (!__atomic_compare_exchange_n(entry, old, value | (*old & (PTE_A | PTE_D)), true,
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        }
        return true;
    default:
        return __atomic_compare_exchange_n(entry, old, value, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    }
}

/*
 * Change an entry of a locked, validated table that was `old` under this lock: claim the new,
 * store, release the old. Frame and rights of such an entry don't change by themselves. 0; what
 * entry_claim() says; -EAGAIN: with PAGE_STORE_IF_SAME, the processor has set bits in it meanwhile.
 * Then nothing changed.
 */
static always_inline_fn must_check long page_edit(const struct entry_rights *rights, pte_t *entry,
                                                  pte_t old, pte_t value, enum page_store how)
{
    /* New flags on the same page in the same way: the claim stays. */
    bool same = entry_same_claim(old, value);

    if ((value & PTE_P) != 0) {
        value = page_adjust(rights, value);
        if (!same) {
            long result = page_claim(rights, &value);
            if (unlikely(result != 0)) {
                return result;
            }
        }
    } else if (unlikely(!absent_entry_ok(rights->tables, value))) {
        return -EINVAL;
    }
    if (unlikely(!page_store(entry, &old, value, how))) {
        if ((value & PTE_P) != 0 && !same) {
            page_release(value);
        }
        return -EAGAIN;
    }
    if ((old & PTE_P) != 0 && !same) {
        page_release(old);
    }
    return 0;
}
