// SPDX-License-Identifier: Apache-2.0
// domctl: what a domain's kernel sees of the processor.
#include "abi/errno.h"
#include "arch/guest.h"
#include "control/domctl.h"
#include "control/policy_copy.h"
#include "memory/allocator.h"
#include "pv/pv.h"

#define NOTHING UINT32_MAX /* err_leaf and its like: the error is not about one */

long domctl_get_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;

    return policy_to_guest(pv_cpuid_policy(d), gva((uint64_t)p->leaves.p), &p->nr_leaves,
                           gva((uint64_t)p->msrs.p), &p->nr_msrs);
}

static long take_leaves(struct cpuid_policy *policy, struct xen_domctl_cpu_policy *p)
{
    for (uint32_t i = 0; i < p->nr_leaves; i++) {
        struct xen_cpuid_leaf leaf;
        int error;
        if (read_guest(&leaf, gva((uint64_t)p->leaves.p), i) != 0) {
            return -EFAULT;
        }
        error = cpuid_take_leaf(policy, &leaf);
        if (error != 0) {
            p->err_leaf = leaf.leaf;
            p->err_subleaf = leaf.subleaf;
            return error;
        }
    }
    return 0;
}

static long take_msrs(struct cpuid_policy *policy, struct xen_domctl_cpu_policy *p)
{
    for (uint32_t i = 0; i < p->nr_msrs; i++) {
        struct xen_msr_entry msr;
        int error;
        if (read_guest(&msr, gva((uint64_t)p->msrs.p), i) != 0) {
            return -EFAULT;
        }
        error = cpuid_take_msr(policy, &msr);
        if (error != 0) {
            p->err_msr = msr.idx;
            return error;
        }
    }
    return 0;
}

static long take(struct domain *d, struct cpuid_policy *policy, struct xen_domctl_cpu_policy *p)
{
    uint32_t leaf;
    long result = take_leaves(policy, p);

    if (result == 0) {
        result = take_msrs(policy, p);
    }
    if (result != 0) {
        return result;
    }
    if (cpuid_policy_restrict(policy, pv_cpuid_default(d->hardware), &leaf) != 0) {
        p->err_leaf = leaf;
        return -EINVAL;
    }
    return pv_set_cpuid_policy(d, policy);
}

/*
 * What is given replaces what is there; features that no such domain can have are left out.
 * -EEXIST: the domain has run; -E2BIG: longer lists than any; -ERANGE, -EINVAL: an entry that is
 * none, or a whole that can't be, and what it was.
 */
long domctl_set_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;
    struct cpuid_policy *policy;
    long result;

    p->err_leaf = p->err_subleaf = p->err_msr = NOTHING;
    if (READ_ONCE(d->started)) {
        return -EEXIST;
    }
    if (p->nr_leaves > CPUID_LIST_LEAVES || p->nr_msrs > CPUID_LIST_MSRS) {
        return -E2BIG;
    }
    policy = heap_new(struct cpuid_policy);
    if (!policy) {
        return -ENOMEM;
    }
    *policy = *pv_cpuid_policy(d);
    result = take(d, policy, p);
    heap_free(policy);
    return result;
}
