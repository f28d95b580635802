// SPDX-License-Identifier: Apache-2.0
// Page-table bases: the L4 that a vCPU runs on in its kernel, and the one for its user mode.
#pragma once

#include "domain/domain.h"

/* MMUEXT_NEW_BASEPTR for the current vCPU: 0, -EINVAL, HYPERCALL_RESTART. */
must_check long base_set_kernel(struct vcpu *v, mfn_t table);
/* MMUEXT_NEW_USER_BASEPTR; frame 0 stands for none. */
must_check long base_set_user(struct vcpu *v, mfn_t table);

/* The same by a move to CR3, an operation of its own, which may find earlier ones unfinished. */
must_check long base_write(struct vcpu *v, mfn_t table);

/* For a vCPU that does not run: take both bases (user 0: none) in place of those that it has; or
 * drop them. */
must_check long base_take(struct vcpu *v, mfn_t kernel, mfn_t user);
void base_drop(struct vcpu *v);
