// SPDX-License-Identifier: Apache-2.0
// Instructions that need ring 0, carried out for a guest's kernel as far as the interface has them.
#pragma once

#include "domain/vcpu.h"

/*
 * The current vCPU took a #GP with error code 0. True: the instruction at RIP was one that Pavise
 * does for it; it is done, RIP moved on, or its own exception has been bounced. False: the #GP is
 * the guest's.
 */
must_check bool pv_emulate_privileged(struct vcpu *v);

/* The same for a #UD, where the forced-emulation prefix asks for CPUID. */
must_check bool pv_emulate_forced(struct vcpu *v);

/*
 * pv_emulate_forced() for entry code, which keeps the registers that C keeps to itself meanwhile:
 * what v->regs says of RBP and R12 to R15 is not meant. False, with nothing changed, where the
 * instruction is not readable at once, or another, or single-stepped.
 */
must_check bool pv_cpuid_quickly(struct vcpu *v);
