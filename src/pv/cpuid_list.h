// SPDX-License-Identifier: Apache-2.0
// CPUID policies as tools carry them: a list of leaves and one of registers.
#pragma once

#include "pv/cpuid.h"
#include "abi/xen.h"

#define CPUID_LIST_LEAVES 96 /* no policy has more */
#define CPUID_LIST_MSRS   2

/* All leaves of a policy; how many. */
uint32_t cpuid_list_leaves(const struct cpuid_policy *policy,
                           struct xen_cpuid_leaf to[CPUID_LIST_LEAVES]);
uint32_t cpuid_list_msrs(const struct cpuid_policy *policy,
                         struct xen_msr_entry to[CPUID_LIST_MSRS]);

/*
 * Write one into a policy, to be restricted afterwards. -ERANGE: none that a policy has; -EINVAL,
 * of a register: a value that can't be.
 */
must_check int cpuid_take_leaf(struct cpuid_policy *policy, const struct xen_cpuid_leaf *from);
must_check int cpuid_take_msr(struct cpuid_policy *policy, const struct xen_msr_entry *from);
