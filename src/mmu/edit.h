// SPDX-License-Identifier: Apache-2.0
// Changing one entry of a locked, validated table: claim the new, store, release the old.
#pragma once

#include "mmu/policy.h"
#include "mmu/pte.h"

/*
 * Store `value` in `slot` of table `f`, which is locked and of `level`. With `keep_ad`, accessed
 * and dirty bits that the entry has stay set. 0, or what entry_claim() says; then nothing changed.
 */
must_check long edit_entry(const struct entry_rights *rights, struct frame *f, unsigned int level,
                           unsigned int slot, pte_t value, bool keep_ad);

/*
 * The same in a table of level 1, only while the entry is `old` (which it was under this lock).
 * -EAGAIN: the processor has set bits in it meanwhile; nothing changed.
 */
must_check long edit_entry_if(const struct entry_rights *rights, struct frame *f, unsigned int slot,
                              pte_t old, pte_t value);
