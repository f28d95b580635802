// SPDX-License-Identifier: Apache-2.0
// The calls of this room. Argument rules: base/hypercall.h; each call's own file says the rest.
#pragma once

#include "lib/address.h"
#include "lib/compiler.h"

/* sched_op.c, vcpu_op.c */
long hypercall_sched_op(uint64_t cmd, gva_t argument);
long hypercall_sched_op_compat(uint64_t cmd, uint64_t argument);
long hypercall_vcpu_op(uint64_t cmd, uint64_t vcpu_id, gva_t argument);

/* version.c */
long hypercall_xen_version(uint64_t cmd, gva_t argument);

/* sysctl.c, domctl.c, platform_op.c */
long hypercall_sysctl(gva_t argument);
long hypercall_domctl(gva_t argument);
long hypercall_platform_op(gva_t argument);

/* physdev_op.c */
long hypercall_physdev_op(uint64_t cmd, gva_t argument);
long hypercall_physdev_op_compat(gva_t argument);

/* small_calls.c, mca.c */
long hypercall_nmi_op(uint64_t cmd, gva_t argument);
long hypercall_vm_assist(uint64_t cmd, uint64_t type);
long hypercall_hvm_op(uint64_t cmd, gva_t argument);
long hypercall_xsm_op(gva_t argument);
long hypercall_kexec_op(uint64_t cmd, gva_t argument);
long hypercall_tmem_op(gva_t argument);
long hypercall_xenoprof_op(uint64_t cmd, gva_t argument);
long hypercall_arch_0(gva_t argument); /* mca */
