// SPDX-License-Identifier: Apache-2.0
// The seam to a virtual CPU's state that lies in the processor, and to its own address space.
#pragma once

#include "lib/address.h"
#include "lib/compiler.h"

struct vcpu;

/*
 * Exchange what the processor holds: extended registers (FPU and on), segment selectors and bases,
 * descriptor tables, debug registers, system-call entry state, page-table base, the exception
 * stack that the processor finds in its TSS. General registers are not touched: entry code left
 * `from`'s in its record, and the way back to the guest loads `to`'s.
 *
 * Pavise has a stack a CPU, so this returns to its caller, on the same stack. When it returns
 * nothing of `from` is left in the processor: another CPU may run it, or its record go, at once.
 * Either may be this CPU's idle vCPU, which has no such state and runs on Pavise's own page tables.
 *
 * The scheduler calls it, with no lock held, after it has set this_cpu()->current, to->cpu and
 * to->stack_top.
 */
void arch_vcpu_switch(struct vcpu *from, struct vcpu *to);

/*
 * Copies to and from areas that a guest's kernel registers by address (runstate, time, the map of
 * I/O ports): they go through the current vCPU's kernel page tables even while its user mode's are
 * loaded.
 */
must_check int arch_copy_to_guest_kernel(gva_t to, const void *from, size_t bytes);
must_check int arch_copy_from_guest_kernel(void *to, gva_t from, size_t bytes);
