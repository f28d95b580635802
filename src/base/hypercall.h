// SPDX-License-Identifier: Apache-2.0
// What every hypercall's handler needs: progress that outlives a preemption.
//
// A handler takes its arguments in the guest's order as 64-bit values (or gva_t for pointers) and
// returns the guest's result. One that stops early puts what is left into the arguments with
// hypercall_set_argument() and returns HYPERCALL_RESTART; the guest then issues the same call
// again. Inside a multicall the arguments are the entry's. A handler runs on the calling vCPU
// (current_vcpu()), with no lock held.
#pragma once

#include "abi/errno.h"
#include "base/cpu.h"
#include "lib/address.h"

/* Vectors run from 0 to 63: the interface's 0 to 39, and 48 to 55 for the architecture. */
#define HYPERCALL_NUMBERS 64
_Static_assert((HYPERCALL_NUMBERS & (HYPERCALL_NUMBERS - 1)) == 0, "entry code masks numbers");

/* Change argument `index` (0 to 5) of the call in progress, for when it is issued again. */
void hypercall_set_argument(unsigned int index, uint64_t value);
