// SPDX-License-Identifier: Apache-2.0
// Where entries are: from a table, and from a guest's virtual address.
#pragma once

#include "arch/frames.h"
#include "domain/vcpu.h"
#include "memory/frame.h"
#include "mmu/pte.h"

/* An entry of a table, through the direct map. */
static inline pte_t *table_entry(const struct frame *f, unsigned int slot)
{
    return (pte_t *)frame_to_virt(mfn_of(f)) + slot;
}

/*
 * The level-1 table for `va` in the space of the vCPU's kernel, which is where all that its kernel
 * names lies, whatever mode it is in; and the slot in it. NULL where there is none or the address
 * is Pavise's. Nothing is referenced: lock the table and see whether it is one still.
 */
must_check struct frame *walk_to_l1(const struct vcpu *v, uint64_t va, unsigned int *slot);
