// SPDX-License-Identifier: Apache-2.0
// Edits of single entries.
#include "mmu/edit.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "mmu/page_entry.h"

enum how {
    STORE,         /* whatever the entry is */
    STORE_KEEP_AD, /* but for the bits that the processor sets */
    STORE_IF_SAME, /* only if it is what it was */
};

/*
 * Replace the entry: *old becomes what was replaced. The processor may set accessed and dirty bits
 * at any moment, and none may be lost. Each way is a full barrier: the entry is gone for every
 * processor before the flush clock is read (memory/flush.h). False where it was not the same.
 */
static inline bool store(pte_t *entry, pte_t *old, pte_t value, enum how how)
{
    switch (how) {
    case STORE:
        *old = __atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST);
        return true;
    case STORE_KEEP_AD:
        while (!__atomic_compare_exchange_n(entry, old, value | (*old & (PTE_A | PTE_D)), true,
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        }
        return true;
    default:
        return __atomic_compare_exchange_n(entry, old, value, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    }
}

/* Frame and rights of an entry of a locked table don't change by themselves. */
static inline long edit_l1(const struct entry_rights *rights, pte_t *entry, pte_t old, pte_t value,
                           enum how how)
{
    /* New flags on the same page in the same way: the claim stays. */
    bool same = entry_same_claim(old, value);

    if ((value & PTE_P) != 0) {
        value = page_adjust(rights, value);
        if (!same) {
            long result = page_claim(rights, value);
            if (unlikely(result != 0)) {
                return result;
            }
        }
    }
    if (unlikely(!store(entry, &old, value, how))) {
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

static long edit_upper(const struct entry_rights *rights, struct frame *f, unsigned int level,
                       unsigned int slot, pte_t value, enum how how)
{
    pte_t *entry = (pte_t *)frame_to_virt(mfn_of(f)) + slot;
    pte_t old = READ_ONCE(*entry);
    long result;

    if (level == 4 && slot_is_hypervisor(slot)) {
        return -EINVAL;
    }
    result = entry_claim(rights, level, f, &value);
    if (result != 0) {
        return result;
    }
    (void)store(entry, &old, value, how);
    /*
     * A processor may have cached the path through the old entry. The table it led to gets a stamp
     * when its last count goes, which makes whoever uses it next flush.
     */
    entry_release(level, f, old);
    return 0;
}

long edit_entry(const struct entry_rights *rights, struct frame *f, unsigned int level,
                unsigned int slot, pte_t value, bool keep_ad)
{
    pte_t *entry = (pte_t *)frame_to_virt(mfn_of(f)) + slot;
    enum how how = keep_ad ? STORE_KEEP_AD : STORE;

    if (likely(level == 1)) {
        return edit_l1(rights, entry, READ_ONCE(*entry), value, how);
    }
    return edit_upper(rights, f, level, slot, value, how);
}

long edit_entry_if(const struct entry_rights *rights, struct frame *f, unsigned int slot, pte_t old,
                   pte_t value)
{
    pte_t *entry = (pte_t *)frame_to_virt(mfn_of(f)) + slot;

    return edit_l1(rights, entry, old, value, STORE_IF_SAME);
}
