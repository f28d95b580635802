// SPDX-License-Identifier: Apache-2.0
// Model-specific registers as tools carry them.
#include "pv/msr_saved.h"

#include "abi/errno.h"
#include "pv/pv.h"

#define MSR_SPEC_CTRL 0x48
#define MSR_TSC_AUX   0xc0000103U

#define SPEC_CTRL_IBRS  (1ULL << 0)
#define SPEC_CTRL_STIBP (1ULL << 1)
#define SPEC_CTRL_SSBD  (1ULL << 2)

uint32_t pv_msrs_get(const struct vcpu *v, struct xen_domctl_vcpu_msr to[SAVED_MSRS])
{
    uint32_t count = 0;

    if (v->pv->msrs.spec_ctrl != 0) {
        to[count++] = (struct xen_domctl_vcpu_msr){MSR_SPEC_CTRL, 0, v->pv->msrs.spec_ctrl};
    }
    if (v->pv->msrs.tsc_aux != 0) {
        to[count++] = (struct xen_domctl_vcpu_msr){MSR_TSC_AUX, 0, v->pv->msrs.tsc_aux};
    }
    return count;
}

static uint64_t spec_ctrl_bits(const struct cpuid_policy *cpuid)
{
    return (cpuid_policy_has(cpuid, XEN_X86_FEATURE_IBRSB) ? SPEC_CTRL_IBRS : 0) |
           (cpuid_policy_has(cpuid, XEN_X86_FEATURE_STIBP) ? SPEC_CTRL_STIBP : 0) |
           (cpuid_policy_has(cpuid, XEN_X86_FEATURE_SSBD) ? SPEC_CTRL_SSBD : 0);
}

static uint64_t tsc_aux_bits(const struct cpuid_policy *cpuid)
{
    return cpuid_policy_has(cpuid, XEN_X86_FEATURE_RDTSCP) ||
                   cpuid_policy_has(cpuid, XEN_X86_FEATURE_RDPID)
               ? UINT32_MAX
               : 0;
}

int pv_msrs_set(struct vcpu *v, uint32_t index, uint64_t value)
{
    const struct cpuid_policy *cpuid = pv_cpuid_policy(v->domain);

    if (index == MSR_SPEC_CTRL && (value & ~spec_ctrl_bits(cpuid)) == 0) {
        v->pv->msrs.spec_ctrl = value;
        return 0;
    }
    if (index == MSR_TSC_AUX && (value & ~tsc_aux_bits(cpuid)) == 0) {
        v->pv->msrs.tsc_aux = (uint32_t)value;
        return 0;
    }
    return -EINVAL;
}
