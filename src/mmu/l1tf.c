// SPDX-License-Identifier: Apache-2.0
// Tables that are to become page tables, looked through for absent entries that leak.
#include "mmu/l1tf.h"

#include "mmu/walk.h"

bool absent_entries_ok(const struct domain *d, const struct frame *table, unsigned int level)
{
    for (unsigned int slot = 0; d->absent_checked && slot < TABLE_ENTRIES; slot++) {
        pte_t entry = READ_ONCE(*table_entry(table, slot));
        bool counts = level < 4 || !slot_is_hypervisor(slot);
        if (counts && (entry & PTE_P) == 0 && absent_entry_leaks(entry)) {
            return false;
        }
    }
    return true;
}
