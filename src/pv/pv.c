// SPDX-License-Identifier: Apache-2.0
// The PV room's state: CPUID policies, and what a vCPU keeps here.
#include "pv/pv.h"

#include "abi/errno.h"
#include "arch/pv.h"
#include "base/hypercall.h"
#include "domain/quota.h"
#include "mmu/base.h"
#include "mmu/ldt.h"
#include "pv/control.h"
#include "time/time.h"

/* x87 and SSE: what a processor saves without XSAVE, as the reference has it. */
#define XCR0_INITIAL 3

static struct cpuid_policy policies[2]; /* by `hardware` */

const struct cpuid_policy *pv_cpuid_default(bool hardware)
{
    return &policies[hardware];
}

const struct cpuid_policy *pv_cpuid_policy(const struct domain *d)
{
    const struct cpuid_policy *own = __atomic_load_n(&d->cpuid, __ATOMIC_ACQUIRE);

    return own ? own : &policies[d->hardware];
}

int pv_set_cpuid_policy(struct domain *d, const struct cpuid_policy *policy)
{
    struct cpuid_policy *own = quota_new(d, struct cpuid_policy), *old = d->cpuid;

    if (!own) {
        return -ENOMEM;
    }
    *own = *policy;
    __atomic_store_n(&d->cpuid, own, __ATOMIC_RELEASE);
    quota_free(d, old);
    return 0;
}

void pv_cpuid_machine(struct cpuid_policy *policy)
{
    struct cpuid_config config = policies[1].config;

    config.whole_machine = true;
    cpuid_policy_init(policy, &config);
}

static void destroy(struct domain *d)
{
    quota_free(d, d->cpuid);
}

static int create_vcpu(struct vcpu *v)
{
    v->pv = quota_new(v->domain, struct vcpu_pv);
    if (!v->pv) {
        return -ENOMEM;
    }
    v->control4 = control4_initial();
    v->xcr0 = v->xcr0_ever = XCR0_INITIAL;
    arch_fpu_reset(v);
    return 0;
}

static void destroy_vcpu(struct vcpu *v)
{
    quota_free(v->domain, v->pv);
}

/* What a dying domain's vCPUs hold on to: page tables and descriptor pages. */
static int relinquish(struct domain *d)
{
    while (d->relinquish_next < d->max_vcpus) {
        struct vcpu *v = d->vcpus[d->relinquish_next++];
        if (v) {
            base_drop(v);
            gdt_drop(v);
            ldt_drop(v);
        }
        if (d->relinquish_next < d->max_vcpus && should_stop()) {
            return (int)HYPERCALL_RESTART;
        }
    }
    return 0;
}

/* A policy is there before the one that it replaces goes. */
static uint64_t most_heap(const struct domain *d)
{
    return 2 * quota_cost(1, sizeof(struct cpuid_policy)) +
           d->max_vcpus * quota_cost(1, sizeof(struct vcpu_pv));
}

static struct domain_part part = {
    .name = "pv",
    .most_heap = most_heap,
    .create_vcpu = create_vcpu,
    .relinquish = relinquish,
    .destroy_vcpu = destroy_vcpu,
    .destroy = destroy,
};

static unsigned int address_bits(uint64_t frames)
{
    return 64 - (unsigned int)__builtin_clzll(frames) + PAGE_SHIFT;
}

void pv_init(uint64_t tsc_hz)
{
    for (unsigned int control = 0; control < 2; control++) {
        const struct cpuid_config config = {
            .control_domain = control != 0,
            .tsc_is_reliable = time_is_stable,
            .tsc_hz = tsc_hz,
            .extended_states = arch_extended_states(),
            .machine_address_bits = address_bits(frame_count),
        };
        cpuid_policy_init(&policies[control], &config);
    }
    domain_register_part(&part);
}
