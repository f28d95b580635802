// SPDX-License-Identifier: Apache-2.0
// The feature rules. A feature is shown when a kernel in ring 3 can use it and Pavise keeps its
// state apart for each vCPU; the attributes in <xen/arch-x86/cpufeatureset.h> say what guests may
// expect.
//
// Left out on purpose, beside what needs ring 0: VME, PSE, PGE, PSE36, PCID, INVPCID, SMEP, SMAP,
// UMIP, PKU (page tables and modes are Pavise's), MTRR, X2APIC, TSC_DEADLINE, TSC_ADJUST (so is the
// machine), MONITOR (a guest waits with a hypercall), PAGE1GB (no superpages), VMX and SVM,
// performance counters and debug stores, DBEXT and FFXSR (registers that are not switched), HLE
// (withdrawn by its maker).
#include "pv/cpuid_features.h"

#include "lib/string.h"

#define F(name) XEN_X86_FEATURE_##name

// clang-format off
static const uint16_t shown[] = {
    F(FPU), F(DE), F(TSC), F(MSR), F(PAE), F(MCE), F(CX8), F(APIC), F(SEP), F(MCA), F(CMOV), F(PAT),
    F(CLFLUSH), F(MMX), F(FXSR), F(SSE), F(SSE2), F(SS),

    F(SSE3), F(PCLMULQDQ), F(SSSE3), F(FMA), F(CX16), F(SSE4_1), F(SSE4_2), F(MOVBE), F(POPCNT),
    F(AESNI), F(XSAVE), F(AVX), F(F16C), F(RDRAND),

    F(SYSCALL), F(NX), F(MMXEXT), F(RDTSCP), F(LM), F(3DNOWEXT), F(3DNOW),

    F(LAHF_LM), F(ABM), F(SSE4A), F(MISALIGNSSE), F(3DNOWPREFETCH), F(XOP), F(FMA4), F(TBM),

    F(XSAVEOPT), F(XSAVEC), F(XGETBV1),

    F(FSGSBASE), F(BMI1), F(AVX2), F(BMI2), F(ERMS), F(RTM), F(AVX512F), F(AVX512DQ), F(RDSEED), F(ADX),
    F(AVX512_IFMA), F(CLFLUSHOPT), F(CLWB), F(AVX512PF), F(AVX512ER), F(AVX512CD), F(SHA), F(AVX512BW),
    F(AVX512VL), F(FDP_EXCP_ONLY), F(NO_FPU_SEL),

    F(PREFETCHWT1), F(AVX512_VBMI), F(AVX512_VBMI2), F(GFNI), F(VAES), F(VPCLMULQDQ), F(AVX512_VNNI),
    F(AVX512_BITALG), F(AVX512_VPOPCNTDQ), F(RDPID), F(CLDEMOTE),

    F(CLZERO), F(RSTR_FP_ERR_PTRS), F(IBPB), F(SSB_NO), F(BTC_NO), F(IBPB_RET),

    F(AVX512_4VNNIW), F(AVX512_4FMAPS), F(FSRM), F(MD_CLEAR), F(SERIALIZE), F(IBRSB), F(STIBP),
    F(ARCH_CAPS), F(SSBD),

    F(AVX_VNNI), F(AVX512_BF16), F(FZRM), F(FSRS), F(FSRCS),

    F(LFENCE_DISPATCH), F(VERW_CLEAR), F(NSCB), F(SBPB), F(IBPB_BRTYPE), F(SRSO_NO), F(SRSO_US_NO),

    F(MCDT_NO),

    F(RDCL_NO), F(EIBRS), F(RSBA), F(INTEL_SSB_NO), F(MDS_NO), F(IF_PSCHANGE_MC_NO), F(TAA_NO),
    F(SBDR_SSDP_NO), F(FBSDP_NO), F(PSDP_NO), F(FB_CLEAR), F(RRSBA), F(BHI_NO), F(PBRSB_NO), F(GDS_NO),
    F(RFDS_NO), F(RFDS_CLEAR), F(ITS_NO),

    F(TSA_SQ_NO), F(TSA_L1_NO),
};

/* Also for the domain that runs the machine: its clock source, and the registers of ACPI. */
static const uint16_t shown_to_control_domain[] = {
    F(ACPI), F(ITSC),
};

/* Features of no use without a part of the extended state: the instructions would fault. */
static const struct {
    uint64_t states;
    uint16_t feature;
} needs_state[] = {
    {XCR0_X87 | XCR0_SSE, F(XSAVE)},
    {XCR0_X87 | XCR0_SSE, F(XSAVEOPT)},
    {XCR0_X87 | XCR0_SSE, F(XSAVEC)},
    {XCR0_X87 | XCR0_SSE, F(XGETBV1)},
    {XCR0_AVX, F(AVX)},
    {XCR0_AVX, F(FMA)},
    {XCR0_AVX, F(F16C)},
    {XCR0_AVX, F(XOP)},
    {XCR0_AVX, F(FMA4)},
    {XCR0_AVX, F(AVX2)},
    {XCR0_AVX, F(VAES)},
    {XCR0_AVX, F(VPCLMULQDQ)},
    {XCR0_AVX, F(AVX_VNNI)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512F)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512DQ)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_IFMA)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512PF)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512ER)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512CD)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512BW)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512VL)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_VBMI)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_VBMI2)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_VNNI)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_BITALG)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_VPOPCNTDQ)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_4VNNIW)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_4FMAPS)},
    {XCR0_AVX | XCR0_AVX512, F(AVX512_BF16)},
};
// clang-format on

static void add(uint32_t words[CPUID_FEATURE_WORDS], const uint16_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        words[list[i] / 32] |= 1U << (list[i] % 32);
    }
}

static void drop(uint32_t words[CPUID_FEATURE_WORDS], unsigned feature)
{
    words[feature / 32] &= ~(1U << (feature % 32));
}

static bool has(const uint32_t words[CPUID_FEATURE_WORDS], unsigned feature)
{
    return words[feature / 32] >> (feature % 32) & 1;
}

static void drop_unusable(uint32_t words[CPUID_FEATURE_WORDS], uint64_t states)
{
    for (size_t i = 0; i < ARRAY_SIZE(needs_state); i++) {
        if ((states & needs_state[i].states) != needs_state[i].states) {
            drop(words, needs_state[i].feature);
        }
    }
    if (!has(words, F(ARCH_CAPS))) {
        words[CPUID_ARCH_CAPS_WORD] = 0;
        words[CPUID_ARCH_CAPS_WORD + 1] = 0;
    }
    /* STIBP and SSBD are bits of SPEC_CTRL, which guests have through IBRSB only. */
    if (!has(words, F(IBRSB))) {
        drop(words, F(STIBP));
        drop(words, F(SSBD));
    }
}

void cpuid_limit_features(uint32_t features[CPUID_FEATURE_WORDS], const struct cpuid_config *config)
{
    uint32_t allowed[CPUID_FEATURE_WORDS] = {0};

    add(allowed, shown, ARRAY_SIZE(shown));
    if (config->control_domain) {
        add(allowed, shown_to_control_domain, ARRAY_SIZE(shown_to_control_domain));
    }
    for (size_t i = 0; i < CPUID_FEATURE_WORDS; i++) {
        features[i] &= allowed[i];
    }
    drop_unusable(features, config->extended_states);
    /*
     * Guests of this interface can't set CR4.OSXSAVE before they look: that Pavise has set it is
     * what this bit tells their kernels.
     */
    features[F(OSXSAVE) / 32] |= has(features, F(XSAVE)) ? 1U << (F(OSXSAVE) % 32) : 0;
    features[F(HYPERVISOR) / 32] |= 1U << (F(HYPERVISOR) % 32);
}
