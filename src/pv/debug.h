// SPDX-License-Identifier: Apache-2.0
// Debug registers of guests: what may be set, and their reading; and debug exceptions.
#pragma once

#include "domain/vcpu.h"

/*
 * Set DR `number` of the current vCPU. -EINVAL: no such register; -EPERM: an address in Pavise's
 * range, or bits that are not a guest's to set.
 */
must_check long debug_register_set(struct vcpu *v, unsigned int number, uint64_t value);
/* -EINVAL: no such register. */
must_check long debug_register_get(const struct vcpu *v, unsigned int number, uint64_t *value);

/*
 * A debug exception (vector 1) or a breakpoint (3) of the current vCPU, DR6 and registers as it is
 * to see them. In the kernel of a domain that is being debugged (domctl setdebugging) it pauses the
 * domain and tells domain 0 by VIRQ_DEBUGGER (public header xen.h); else it is bounced.
 */
void pv_debug_exception(struct vcpu *v, unsigned int vector);
