// SPDX-License-Identifier: Apache-2.0
// Edits of single entries.
#include "mmu/edit.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "mmu/types.h"

/*
 * The processor may set accessed and dirty bits at any moment, so keeping them takes a loop.
 * Returns the entry that was replaced.
 */
static pte_t store(pte_t *entry, pte_t old, pte_t value, bool keep_ad)
{
    if (!keep_ad) {
        __atomic_store_n(entry, value, __ATOMIC_RELEASE);
        return old;
    }
    while (!__atomic_compare_exchange_n(entry, &old, value | (old & (PTE_A | PTE_D)), true,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    return old;
}

/* Clearing an entry, or new flags on the same page in the same way: no count changes but one. */
static long edit_l1(const struct entry_rights *rights, struct frame *f, pte_t *entry, pte_t value,
                    bool keep_ad)
{
    pte_t old = READ_ONCE(*entry);
    long result;

    if ((value & PTE_P) != 0) {
        if (entry_same_claim(old, value)) {
            result = entry_adjust(1, &value);
            if (result == 0) {
                store(entry, old, value, keep_ad);
            }
            return result;
        }
        result = entry_claim(rights, 1, f, &value);
        if (result != 0) {
            return result;
        }
    }
    entry_release(1, f, store(entry, old, value, keep_ad));
    return 0;
}

long edit_entry(const struct entry_rights *rights, struct frame *f, unsigned int level,
                unsigned int slot, pte_t value, bool keep_ad)
{
    pte_t *entry = (pte_t *)frame_to_virt(mfn_of(f)) + slot;
    pte_t old;
    long result;

    if (likely(level == 1)) {
        return edit_l1(rights, f, entry, value, keep_ad);
    }
    if (level == 4 && slot_is_hypervisor(slot)) {
        return -EINVAL;
    }
    result = entry_claim(rights, level, f, &value);
    if (result != 0) {
        return result;
    }
    old = store(entry, READ_ONCE(*entry), value, keep_ad);
    /*
     * The processor may have cached the path through the old entry, and the table it led to may
     * become writable the moment its count goes: the stamp on it makes the next user flush.
     */
    entry_release(level, f, old);
    return 0;
}
