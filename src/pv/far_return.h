// SPDX-License-Identifier: Apache-2.0
// IRET and far RET within ring 3, for processors that get them wrong.
//
// Both pop their frame with the privilege that they leave from, ring 3. QEMU's software processor
// (seen in 7.2) pops it with ring 0's instead, so that SMAP refuses the guest's own stack and the
// guest gets a page fault that no processor raises. Linux executes IRET early in its boot.
#pragma once

#include "domain/vcpu.h"

/*
 * The current vCPU took a page fault for a supervisor's access, which ring 3 does not make. True:
 * it was such an instruction, and it is done (or its own fault has been bounced).
 */
must_check bool pv_far_return(struct vcpu *v);
