// SPDX-License-Identifier: Apache-2.0
// A vCPU's whole state as the interface passes it: struct vcpu_guest_context of xen.h.
#pragma once

#include "domain/vcpu.h"

/*
 * VCPUOP_initialise and XEN_DOMCTL_setvcpucontext: give `v`, which does not run, the state of a
 * context. -EINVAL: a handler or base that is no address, a register's value, a page table or
 * descriptor page that is not allowed. HYPERCALL_RESTART: to be called again with the same. With
 * either the vCPU has no page tables afterwards, and must not run. The caller keeps others from
 * doing the same at once; no lock may be held, as page tables may have to be validated.
 */
must_check long pv_set_context(struct vcpu *v, const struct vcpu_guest_context *context);

/* XEN_DOMCTL_getvcpucontext: the other way, of a vCPU that does not run. */
void pv_get_context(const struct vcpu *v, struct vcpu_guest_context *context);
