// SPDX-License-Identifier: Apache-2.0
// Guests run in ring 3, where CPUID by itself never traps: user mode would see the machine and not
// the policy. Some processors can make it a #GP there: Intel's since 2012 (manual volume 3, "CPUID
// faulting"), AMD's since Zen 4 ("CpuidUserDis").
#include "cpuid_faulting.h"

#include "arch/msr.h"
#include "arch/pv.h"
#include "instructions.h"

#define MSR_PLATFORM_INFO         0xce
#define PLATFORM_INFO_FAULTING    (1ULL << 31)
#define MSR_MISC_FEATURES_ENABLES 0x140
#define MISC_FEATURES_FAULTING    (1ULL << 0)

#define EXTENDED_FEATURES_2 0x80000021U
#define CPUID_USER_DIS      (1U << 17) /* of its EAX */
#define MSR_HWCR            0xc0010015U
#define HWCR_CPUID_USER_DIS (1ULL << 35)

/* Of all CPUs: the last one that was asked speaks for them, as they are alike. */
static bool faults;

static bool set_bit(uint32_t msr, uint64_t bit)
{
    uint64_t value;

    return arch_rdmsr_safe(msr, &value) == 0 && arch_wrmsr_safe(msr, value | bit) == 0;
}

static bool enable_intel(void)
{
    uint64_t info;

    return arch_rdmsr_safe(MSR_PLATFORM_INFO, &info) == 0 && (info & PLATFORM_INFO_FAULTING) != 0 &&
           set_bit(MSR_MISC_FEATURES_ENABLES, MISC_FEATURES_FAULTING);
}

static bool enable_amd(void)
{
    return cpuid(0x80000000U, 0).eax >= EXTENDED_FEATURES_2 &&
           (cpuid(EXTENDED_FEATURES_2, 0).eax & CPUID_USER_DIS) != 0 &&
           set_bit(MSR_HWCR, HWCR_CPUID_USER_DIS);
}

void cpuid_faulting_enable(void)
{
    faults = enable_intel() || enable_amd();
}

bool arch_cpuid_faults(void)
{
    return faults;
}
