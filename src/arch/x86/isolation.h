// SPDX-License-Identifier: Apache-2.0
// Page tables for guests of their own (XPTI, against Meltdown): while an isolated domain's vCPU
// runs, a CPU uses a copy of the guest's level-4 table that maps of Pavise only what a way in and
// out needs: window.S and the IDT, this CPU's descriptors, TSS, trampoline and entry page, and the
// machine-to-physical table, which guests may read.
//
// A CPU keeps two copies, for the kernel's and the user's root. They are like a TLB: the guest's
// table is what counts. Each way out compares which table a copy is of, and the domain's count of
// changes to its level-4 tables (domain.root_edits), and renews it where they differ. A CPU that
// runs in a guest on a copy with an entry that is gone is made to come in by the flush that the
// table's next use waits for (memory/flush.h), as with any other stale translation.
#pragma once

#include "base/cpu.h"

/* While a CPU's region is made: its part of guests' tables. 0, or -ENOMEM. */
must_check int isolation_create(struct cpu *cpu);

/* A page of this CPU's region is mapped otherwise from now on: show it, or 0, to guests. */
void isolation_mirror(uint64_t va, uint64_t entry);

/* Another vCPU gets this CPU: its copies and what is left in the entry page are forgotten. */
void isolation_forget(void);

/* From guarded.S: copy the root that is loaded, for the mode `which` (enum root). */
void isolation_renew(unsigned int which);
