// SPDX-License-Identifier: Apache-2.0
// A vCPU's whole state as the interface passes it: struct vcpu_guest_context of xen.h.
#pragma once

#include "domain/vcpu.h"

/*
 * VCPUOP_initialise and XEN_DOMCTL_setvcpucontext: give `v`, which does not run, the state of a
 * context. -EINVAL: a handler or base that is no address, a register's value, a page table or
 * descriptor page that is not allowed, or a vCPU that has nowhere to see events (the first 32 do;
 * others register a place before). HYPERCALL_RESTART: to be called again with the same. With either
 * it is what it was before. A vCPU that is initialised keeps its page tables and descriptor tables:
 * -EOPNOTSUPP where the context has others. The caller keeps others from doing the same at once; no
 * lock may be held, as page tables may have to be validated.
 */
must_check long pv_set_context(struct vcpu *v, const struct vcpu_guest_context *context);

/* XEN_DOMCTL_getvcpucontext: the other way, of a vCPU that does not run. */
void pv_get_context(const struct vcpu *v, struct vcpu_guest_context *context);

/* Back to a new vCPU's state, without page tables. It does not run, and must not before it is set.
 */
void pv_reset_context(struct vcpu *v);
