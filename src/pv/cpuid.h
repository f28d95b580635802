// SPDX-License-Identifier: Apache-2.0
// CPUID as PV guests see it: settled once from what the machine has and what a guest without ring 0
// can use, then only looked up.
//
// Features go by the numbers of <xen/arch-x86/cpufeatureset.h>. What a guest's user mode reads with
// the bare instruction is the machine's own answer, unless the CPU has CPUID faulting.
#pragma once

#include "abi/cpuid.h"
#include "arch/cpuid.h"
#include "lib/compiler.h"

/* Words of a feature set: those of the CPUID leaves, and ARCH_CAPABILITIES at 16 and 17. */
#define CPUID_FEATURE_WORDS  19
#define CPUID_ARCH_CAPS_WORD 16

#define CPUID_BASIC_LEAVES    14 /* up to 0xd */
#define CPUID_EXTENDED_LEAVES 0x22
#define CPUID_CACHES          8
#define CPUID_XSTATES         16

/* What the policy of a kind of domain depends on besides the machine's leaves. */
struct cpuid_config {
    bool control_domain; /* also sees what it needs to run the machine's devices */
    bool whole_machine;  /* no guest's: every feature that the machine has */
    bool (*tsc_is_reliable)(
        void);                /* whether all CPUs' counters run at one constant rate and agree */
    uint64_t tsc_hz;          /* not 0 */
    uint64_t extended_states; /* XCR0 bits that guests may set; 0 without XSAVE */
    unsigned machine_address_bits; /* of the highest machine address there is or may be */
};

/* Constant once made: any CPU may look at it, with no lock. */
struct cpuid_policy {
    struct cpuid_config config;
    uint32_t features[CPUID_FEATURE_WORDS];
    struct cpuid_regs basic[CPUID_BASIC_LEAVES];
    struct cpuid_regs cache[CPUID_CACHES];   /* leaf 4 */
    struct cpuid_regs feature[3];            /* leaf 7 */
    struct cpuid_regs xstate[CPUID_XSTATES]; /* leaf 0xd; 0 and 1 without the sizes */
    struct cpuid_regs extended[CPUID_EXTENDED_LEAVES];
};

/* What an answer depends on from one call to the next. */
struct cpuid_reader {
    uint32_t vcpu_id; /* stands for the APIC id: a vCPU is a package of its own */
    bool wide;        /* a 64-bit guest */
    uint64_t xcr0;    /* as the guest has set it */
};

/* Settle a policy from the machine's leaves. At start of day; takes no lock. */
void cpuid_policy_init(struct cpuid_policy *policy, const struct cpuid_config *config);

/*
 * Make of leaves that tools wrote into a copy of `most` a policy that is sound, and no more than
 * it: features that it lacks go, and those that need one of them. -EINVAL, *leaf: another maker, or
 * more leaves than it has.
 */
must_check int cpuid_policy_restrict(struct cpuid_policy *policy, const struct cpuid_policy *most,
                                     uint32_t *leaf);

/* The record of a leaf, without what depends on the reader; NULL where the policy keeps none. */
const struct cpuid_regs *cpuid_policy_record(const struct cpuid_policy *policy, uint32_t leaf,
                                             uint32_t subleaf);

/* The answer to CPUID. Leaves that are not there are all zero. */
struct cpuid_regs cpuid_policy_leaf(const struct cpuid_policy *policy,
                                    const struct cpuid_reader *reader, uint32_t leaf,
                                    uint32_t subleaf);

/* Whether guests see a feature, one of XEN_X86_FEATURE_*. */
static inline bool cpuid_policy_has(const struct cpuid_policy *policy, unsigned feature)
{
    return policy->features[feature / 32] >> (feature % 32) & 1;
}

/* ARCH_CAPABILITIES as guests see it; meaningful where they see ARCH_CAPS. */
uint64_t cpuid_policy_arch_caps(const struct cpuid_policy *policy);
