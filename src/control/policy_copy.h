// SPDX-License-Identifier: Apache-2.0
// CPUID policies on their way to control software.
#pragma once

#include "lib/address.h"
#include "pv/cpuid_list.h"

/*
 * Write a policy's leaves and registers, where a list is given, and how many they are; without one,
 * how many there can be. -ENOBUFS: a list is too short; -EFAULT; -ENOMEM.
 */
must_check long policy_to_guest(const struct cpuid_policy *policy, gva_t leaves,
                                uint32_t *leaf_count, gva_t msrs, uint32_t *msr_count);
