// SPDX-License-Identifier: Apache-2.0
// What the processor can do, read once with CPUID, and how Pavise sets its control registers.
#pragma once

#include "lib/compiler.h"

/* CPUID words that features are looked up in. */
enum cpu_feature_word {
    WORD_1_ECX,
    WORD_1_EDX,
    WORD_7_EBX,
    WORD_7_ECX,
    WORD_7_EDX,
    WORD_7_1_EAX,
    WORD_D_1_EAX,
    WORD_EXT1_ECX, /* 0x80000001 */
    WORD_EXT1_EDX,
    WORD_EXT7_EDX, /* 0x80000007 */
    WORD_EXT8_EBX, /* 0x80000008 */
    CPU_FEATURE_WORDS,
};

#define CPU_FEATURE(word, bit) ((word)*32 + (bit))

enum cpu_feature {
    FEATURE_PCID = CPU_FEATURE(WORD_1_ECX, 17),
    FEATURE_X2APIC = CPU_FEATURE(WORD_1_ECX, 21),
    FEATURE_TSC_DEADLINE = CPU_FEATURE(WORD_1_ECX, 24),
    FEATURE_XSAVE = CPU_FEATURE(WORD_1_ECX, 26),
    FEATURE_AVX = CPU_FEATURE(WORD_1_ECX, 28),
    FEATURE_HYPERVISOR = CPU_FEATURE(WORD_1_ECX, 31),
    FEATURE_PSE = CPU_FEATURE(WORD_1_EDX, 3),
    FEATURE_TSC = CPU_FEATURE(WORD_1_EDX, 4),
    FEATURE_MCE = CPU_FEATURE(WORD_1_EDX, 7),
    FEATURE_MTRR = CPU_FEATURE(WORD_1_EDX, 12),
    FEATURE_MCA = CPU_FEATURE(WORD_1_EDX, 14),
    FEATURE_PAT = CPU_FEATURE(WORD_1_EDX, 16),
    FEATURE_FSGSBASE = CPU_FEATURE(WORD_7_EBX, 0),
    FEATURE_SMEP = CPU_FEATURE(WORD_7_EBX, 7),
    FEATURE_ERMS = CPU_FEATURE(WORD_7_EBX, 9),
    FEATURE_INVPCID = CPU_FEATURE(WORD_7_EBX, 10),
    FEATURE_SMAP = CPU_FEATURE(WORD_7_EBX, 20),
    FEATURE_UMIP = CPU_FEATURE(WORD_7_ECX, 2),
    FEATURE_LA57 = CPU_FEATURE(WORD_7_ECX, 16),
    FEATURE_FSRM = CPU_FEATURE(WORD_7_EDX, 4),
    FEATURE_XSAVEOPT = CPU_FEATURE(WORD_D_1_EAX, 0),
    FEATURE_XSAVEC = CPU_FEATURE(WORD_D_1_EAX, 1),
    FEATURE_XSAVES = CPU_FEATURE(WORD_D_1_EAX, 3),
    FEATURE_SYSCALL = CPU_FEATURE(WORD_EXT1_EDX, 11),
    FEATURE_NX = CPU_FEATURE(WORD_EXT1_EDX, 20),
    FEATURE_FXSR_OPT = CPU_FEATURE(WORD_EXT1_EDX, 25),
    FEATURE_PAGE_1GB = CPU_FEATURE(WORD_EXT1_EDX, 26),
    FEATURE_RDTSCP = CPU_FEATURE(WORD_EXT1_EDX, 27),
    FEATURE_INVARIANT_TSC = CPU_FEATURE(WORD_EXT7_EDX, 8),
    FEATURE_XSAVE_ERROR_POINTERS = CPU_FEATURE(WORD_EXT8_EBX, 2),
};

/* The boot CPU's, filled by cpu_features_init() and not changed afterwards. */
struct cpu_identity {
    uint32_t words[CPU_FEATURE_WORDS];
    uint32_t max_leaf, max_extended_leaf;
    char vendor[13]; /* "GenuineIntel", "AuthenticAMD", ... */
    char model_name[49];
    uint8_t family, model, stepping;
    uint8_t physical_address_bits;
    uint64_t extended_states; /* that XCR0 can enable */
};
extern struct cpu_identity boot_cpu;

static inline bool cpu_has(enum cpu_feature feature)
{
    return (boot_cpu.words[feature / 32] >> (feature % 32)) & 1;
}

/* On the boot CPU, before anything asks cpu_has(). */
void cpu_features_init(void);

/*
 * On any other CPU: whether it can do all that the boot CPU can, which guests were promised or
 * Pavise's own code was patched for. NULL, or what it lacks, in words.
 */
const char *cpu_features_compare(void);

/*
 * On every CPU, once cpu_features_init() has run: CR0, CR4, EFER, PAT and XCR0 as Pavise runs.
 * Exceptions must have somewhere to go by then.
 */
void cpu_control_init(void);

/*
 * Memory types by PTE bits (PAT PCD PWT): 0 WB, 1 WT, 2 UC-, 3 UC, 4 WC, 5 WP, 6 and 7 UC. Part of
 * the guest interface: guests read this value and build their own entries on it.
 */
#define PAT_VALUE 0x050100070406ULL

/* Components of the extended state that guests may use: x87, SSE, AVX, AVX-512. */
#define XCR0_OFFERED 0xe7UL

#define MSR_PAT 0x277

#define CR0_PE (1UL << 0)
#define CR0_MP (1UL << 1)
#define CR0_EM (1UL << 2)
#define CR0_TS (1UL << 3)
#define CR0_ET (1UL << 4)
#define CR0_NE (1UL << 5)
#define CR0_WP (1UL << 16)
#define CR0_AM (1UL << 18)
#define CR0_NW (1UL << 29)
#define CR0_CD (1UL << 30)
#define CR0_PG (1UL << 31)

#define CR4_VME        (1UL << 0)
#define CR4_PVI        (1UL << 1)
#define CR4_TSD        (1UL << 2)
#define CR4_DE         (1UL << 3)
#define CR4_PSE        (1UL << 4)
#define CR4_PAE        (1UL << 5)
#define CR4_MCE        (1UL << 6)
#define CR4_PGE        (1UL << 7)
#define CR4_PCE        (1UL << 8)
#define CR4_OSFXSR     (1UL << 9)
#define CR4_OSXMMEXCPT (1UL << 10)
#define CR4_UMIP       (1UL << 11)
#define CR4_FSGSBASE   (1UL << 16)
#define CR4_PCIDE      (1UL << 17)
#define CR4_OSXSAVE    (1UL << 18)
#define CR4_SMEP       (1UL << 20)
#define CR4_SMAP       (1UL << 21)
#define CR4_PKE        (1UL << 22)

#define MSR_EFER 0xc0000080
#define EFER_SCE (1UL << 0)
#define EFER_LME (1UL << 8)
#define EFER_LMA (1UL << 10)
#define EFER_NXE (1UL << 11)
