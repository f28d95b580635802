// SPDX-License-Identifier: Apache-2.0
// A vCPU's model-specific registers on their way to and from tools (XEN_DOMCTL_get_vcpu_msrs). The
// vCPU does not run.
#pragma once

#include "abi/xen.h"
#include "domain/vcpu.h"
#include "lib/compiler.h"

#define SAVED_MSRS 2 /* there are so many, at most */

/* Those that are not as in a new vCPU; how many. */
uint32_t pv_msrs_get(const struct vcpu *v, struct xen_domctl_vcpu_msr to[SAVED_MSRS]);

/* -EINVAL: none of them, or a value that its guest could not have set. */
must_check int pv_msrs_set(struct vcpu *v, uint32_t index, uint64_t value);
