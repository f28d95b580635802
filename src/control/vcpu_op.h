// SPDX-License-Identifier: Apache-2.0
// vcpu_op's connections to the rooms that know a vCPU's insides.
#pragma once

#include "domain/domain.h"

/*
 * Check all of a vcpu_guest_context and, if it is good, make it the state of `v`, which is down:
 * selectors, callbacks, descriptor tables, page-table bases. Returns 0, what is wrong with it
 * (-EINVAL and others), or HYPERCALL_RESTART where checking a page table was interrupted. Called
 * with the domain's lock held. Set at start of day.
 */
extern long (*vcpu_set_context)(struct vcpu *v, const struct vcpu_guest_context *context);

/* Deliver an NMI to the vCPU: by its own handler, soon. A second one before that is lost. */
void vcpu_send_nmi(struct vcpu *v);
