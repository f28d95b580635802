// SPDX-License-Identifier: Apache-2.0
// Edits of single entries above level 1.
#include "mmu/edit.h"

#include "abi/errno.h"
#include "mmu/walk.h"

long edit_upper_entry(const struct entry_rights *rights, struct frame *f, unsigned int level,
                      unsigned int slot, pte_t value, enum page_store how)
{
    pte_t *entry = table_entry(f, slot);
    pte_t old = READ_ONCE(*entry);
    long result;

    if (level == 4 && slot_is_hypervisor(slot)) {
        return -EINVAL;
    }
    result = entry_claim(rights, level, f, &value);
    if (result != 0) {
        return result;
    }
    (void)page_store(entry, &old, value, how);
    if (level == 4) {
        root_edited(rights->tables);
    }
    /*
     * A processor may have cached the path through the old entry. The table it led to gets a stamp
     * when its last count goes, which makes whoever uses it next flush.
     */
    entry_release(level, f, old);
    return 0;
}
