// SPDX-License-Identifier: Apache-2.0
// sysctl: what the processor has, and what domains can see of it.
#include "abi/errno.h"
#include "arch/guest.h"
#include "control/policy_copy.h"
#include "control/sysctl.h"
#include "memory/allocator.h"
#include "pv/pv.h"

enum kind { MACHINE, PV, ASSISTED, NO_SUCH_KIND };

/*
 * A copy of a policy, too large for a stack. The most that a domain can see is also what it sees
 * where nobody chooses. NULL: *error is -EINVAL, -EOPNOTSUPP (domains with hardware assistance), or
 * -ENOMEM.
 */
static struct cpuid_policy *get_policy(enum kind kind, long *error)
{
    struct cpuid_policy *policy = NULL;

    *error = kind == NO_SUCH_KIND ? -EINVAL : kind == ASSISTED ? -EOPNOTSUPP : -ENOMEM;
    if (*error == -ENOMEM) {
        policy = heap_new(struct cpuid_policy);
    }
    if (policy && kind == MACHINE) {
        pv_cpuid_machine(policy);
    } else if (policy) {
        *policy = *pv_cpuid_default(false);
    }
    return policy;
}

static enum kind kind_of_policy(uint32_t index)
{
    switch (index) {
    case XEN_SYSCTL_cpu_policy_raw:
    case XEN_SYSCTL_cpu_policy_host:
        return MACHINE;
    case XEN_SYSCTL_cpu_policy_pv_max:
    case XEN_SYSCTL_cpu_policy_pv_default:
        return PV;
    case XEN_SYSCTL_cpu_policy_hvm_max:
    case XEN_SYSCTL_cpu_policy_hvm_default:
        return ASSISTED;
    default:
        return NO_SUCH_KIND;
    }
}

long sysctl_cpu_policy(struct xen_sysctl_cpu_policy *op)
{
    struct cpuid_policy *policy;
    long result;

    if (op->_rsvd != 0) {
        return -EINVAL;
    }
    policy = get_policy(kind_of_policy(op->index), &result);
    if (policy) {
        result = policy_to_guest(policy, gva((uint64_t)op->leaves.p), &op->nr_leaves,
                                 gva((uint64_t)op->msrs.p), &op->nr_msrs);
        heap_free(policy);
    }
    return result;
}

static enum kind kind_of_features(uint32_t index)
{
    switch (index) {
    case XEN_SYSCTL_cpu_featureset_raw:
    case XEN_SYSCTL_cpu_featureset_host:
        return MACHINE;
    case XEN_SYSCTL_cpu_featureset_pv:
    case XEN_SYSCTL_cpu_featureset_pv_max:
        return PV;
    case XEN_SYSCTL_cpu_featureset_hvm:
    case XEN_SYSCTL_cpu_featureset_hvm_max:
        return ASSISTED;
    default:
        return NO_SUCH_KIND;
    }
}

/* As many words as there is room for: -ENOBUFS where that is not all. */
static long write_features(const struct cpuid_policy *policy, struct xen_sysctl_cpu_featureset *op)
{
    uint32_t words = MIN(op->nr_features, (uint32_t)CPUID_FEATURE_WORDS);

    op->nr_features = CPUID_FEATURE_WORDS;
    if (!op->features.p) {
        return 0;
    }
    op->nr_features = words;
    if (copy_to_guest(gva((uint64_t)op->features.p), policy->features,
                      words * sizeof(policy->features[0])) != 0) {
        return -EFAULT;
    }
    return words < CPUID_FEATURE_WORDS ? -ENOBUFS : 0;
}

long sysctl_cpu_featureset(struct xen_sysctl_cpu_featureset *op)
{
    long result;
    struct cpuid_policy *policy = get_policy(kind_of_features(op->index), &result);

    if (policy) {
        result = write_features(policy, op);
        heap_free(policy);
    }
    return result;
}
