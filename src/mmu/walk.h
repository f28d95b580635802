// SPDX-License-Identifier: Apache-2.0
// From a guest's virtual address to the level-1 entry that maps it.
#pragma once

#include "domain/vcpu.h"
#include "mmu/pte.h"

/*
 * The level-1 table for `va` in the space of the vCPU's kernel, which is where all that its kernel
 * names lies, whatever mode it is in; and the slot in it. NULL where there is none or the address
 * is Pavise's. Nothing is referenced: lock the table and see whether it is one still.
 */
must_check struct frame *walk_to_l1(const struct vcpu *v, uint64_t va, unsigned int *slot);
