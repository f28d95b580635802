// SPDX-License-Identifier: Apache-2.0
// CPUID policies to lists in guest memory.
#include "control/policy_copy.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "memory/allocator.h"

static long write_leaves(const struct cpuid_policy *policy, gva_t to, uint32_t *count)
{
    struct xen_cpuid_leaf *leaves = heap_new_array(struct xen_cpuid_leaf, CPUID_LIST_LEAVES);
    long result = -ENOBUFS;
    uint32_t number;

    if (!leaves) {
        return -ENOMEM;
    }
    number = cpuid_list_leaves(policy, leaves);
    if (number <= *count) {
        *count = number;
        result = copy_to_guest(to, leaves, number * sizeof(*leaves)) == 0 ? 0 : -EFAULT;
    }
    heap_free(leaves);
    return result;
}

static long write_msrs(const struct cpuid_policy *policy, gva_t to, uint32_t *count)
{
    struct xen_msr_entry msrs[CPUID_LIST_MSRS];
    uint32_t number = cpuid_list_msrs(policy, msrs);

    if (number > *count) {
        return -ENOBUFS;
    }
    *count = number;
    return copy_to_guest(to, msrs, number * sizeof(msrs[0])) == 0 ? 0 : -EFAULT;
}

long policy_to_guest(const struct cpuid_policy *policy, gva_t leaves, uint32_t *leaf_count,
                     gva_t msrs, uint32_t *msr_count)
{
    long result = 0;

    if (gva_is_null(leaves)) {
        *leaf_count = CPUID_LIST_LEAVES;
    } else {
        result = write_leaves(policy, leaves, leaf_count);
    }
    if (result != 0) {
        return result;
    }
    if (gva_is_null(msrs)) {
        *msr_count = CPUID_LIST_MSRS;
        return 0;
    }
    return write_msrs(policy, msrs, msr_count);
}
