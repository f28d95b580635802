// SPDX-License-Identifier: Apache-2.0
// Exceptions that guests raise: what is Pavise's to mend, and what is the guest's to hear of.
#pragma once

#include "domain/vcpu.h"

/* From entry code: vector and error code are in v->regs. No lock held. */
void exception_from_guest(struct vcpu *v);

/*
 * A page fault for a supervisor's access, which the processor makes when it reads a descriptor: if
 * it was in the LDT, show the page, or tell the guest where it is missing, and return true.
 */
must_check bool pv_descriptor_fault(struct vcpu *v, uint32_t error_code);

/* System calls of user mode, 64-bit and (by SYSCALL, on AMD processors) 32-bit. */
void pv_syscall(struct vcpu *v);
void pv_syscall32(struct vcpu *v);

/* The IRET that was to resume the guest faulted; registers are stored again. It may be retried. */
void pv_iret_fault(struct vcpu *v);

/* The processor's own events, which are not the guest's: handled by the platform. */
extern void (*hardware_nmi)(struct vcpu *v);
extern void (*hardware_machine_check)(struct vcpu *v);
extern void (*hardware_corrected_error)(void);
