// SPDX-License-Identifier: Apache-2.0
// Changing one entry of a locked, validated table above level 1.
#pragma once

#include "mmu/page_entry.h"

/*
 * Store `value` in `slot` of table `f`, which is locked and of `level` 2 to 4: claim the new,
 * store, release the old. 0, or what entry_claim() says; then nothing changed. (Level 1:
 * page_edit().)
 */
must_check long edit_upper_entry(const struct entry_rights *rights, struct frame *f,
                                 unsigned int level, unsigned int slot, pte_t value,
                                 enum page_store how);
