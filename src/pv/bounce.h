// SPDX-License-Identifier: Apache-2.0
// Entering a guest's kernel at a handler that it registered.
//
// What the handler finds on its stack, lowest address first (start of day and xen-x86_64.h):
//   RCX, R11, [DS, ES, FS, GS for the failsafe callback,] [error code,]
//   RIP, CS with the upcall mask in bits 32 to 39, RFLAGS, RSP, SS
// CS has RPL 0 where the kernel itself was interrupted, and RFLAGS.IF is the inverse of the mask.
#pragma once

#include "domain/vcpu.h"

/* All act on the current vCPU. A stack that can't be written ends the domain. */

/* To the trap table's gate for `vector`; with the code that the interface gives that vector. */
void pv_bounce_trap(struct vcpu *v, unsigned int vector, uint32_t error_code);
/* As page fault: the address goes to vcpu_info.arch.cr2, the code's U bit says the guest's mode. */
void pv_bounce_page_fault(struct vcpu *v, uint64_t address, uint32_t error_code);
/* The event upcall. Only while events are not masked. */
void pv_bounce_event(struct vcpu *v);
void pv_bounce_nmi(struct vcpu *v);
/* SYSENTER of user mode, to its callback, which there must be. */
void pv_bounce_sysenter(struct vcpu *v);
/*
 * A data-segment selector can't be loaded any more and is null now. Only right after the vCPU's
 * registers were loaded: the frame's selectors are those that it should have had.
 */
void pv_bounce_failsafe(struct vcpu *v);

/* Whether to log each bounce (option `trace`). */
extern bool pv_trace_bounces;

/*
 * Settle whether the vCPU's bounces and returns may go the short way (arch/x86/bounce.S): not while
 * an NMI's handler runs, the I/O privilege shows in frames, or bounces are logged. The vCPU is
 * current, or about to be.
 */
void pv_refresh_careful(struct vcpu *v);

/* Entry code could not write a frame to the guest's stack at `sp`: the domain's end. */
void pv_bounce_without_stack(struct vcpu *v, uint64_t sp);

/* The vectors whose frame has an error code: 8, 10 to 14, 17, 21. */
static inline bool vector_has_code(unsigned int vector)
{
    return vector < 32 && ((0x227d00U >> vector) & 1) != 0;
}
