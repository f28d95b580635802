// SPDX-License-Identifier: Apache-2.0
// Which of the known flaws of speculation a processor has.
//
// A processor says some of it itself (ARCH_CAPABILITIES, CPUID); the rest goes by vendor, family
// and model, as the vendors' own tables do: Intel's "Affected processors: transient execution
// attacks and related security issues", AMD's security bulletins.
#pragma once

#include "lib/compiler.h"

enum cpu_vendor { VENDOR_OTHER, VENDOR_INTEL, VENDOR_AMD, VENDOR_HYGON, VENDOR_CENTAUR };

/* What CPUID and ARCH_CAPABILITIES say; words of leaves that are not there are zero. */
struct cpu_facts {
    enum cpu_vendor vendor;
    unsigned int family, model, stepping;
    uint32_t leaf1_ecx, leaf1_edx;
    uint32_t leaf7_ebx, leaf7_edx;
    uint32_t leaf7_2_edx;
    uint32_t extended8_ebx;    /* 0x80000008 */
    uint32_t extended21_eax;   /* 0x80000021 */
    uint64_t arch_caps;        /* 0 where there is no such register */
    unsigned int address_bits; /* of physical addresses, 0: as many as an entry has */
};

enum defect {
    DEFECT_SPECTRE_V2,    /* branch targets of the guest's are used by Pavise */
    DEFECT_RSB_UNDERFLOW, /* a RET may be predicted by the branch predictor: retpolines leak */
    DEFECT_RETBLEED,      /* AMD's: a RET may be predicted as any other branch */
    DEFECT_BHI,           /* branch history of user mode selects targets in ring 0 */
    DEFECT_MELTDOWN,      /* user mode reads what only ring 0 may */
    DEFECT_L1TF,          /* an entry that is not present is read through, into the L1 cache */
    DEFECT_SSB,           /* a load overtakes a store to the same place */
    DEFECT_MDS,           /* buffers inside the core are read */
    DEFECT_TAA,           /* the same from an aborted transaction */
    DEFECT_MMIO,          /* the same with what device registers left */
    DEFECT_RFDS,          /* the same with registers, on small cores */
    DEFECT_SRBDS,         /* what another core's RDRAND returned is read */
    DEFECT_GDS,           /* GATHER reads what vector registers held */
    DEFECT_SRSO,          /* AMD's: the return predictor is made to hold what the guest chose */
    DEFECTS,
};

/* The vendor by the twelve letters of CPUID leaf 0. */
enum cpu_vendor cpu_vendor_of(const char *letters);

/* A bit per enum defect. A processor that is not known has those that every one may have. */
uint32_t cpu_defects(const struct cpu_facts *cpu);

/* A few letters for the log. */
const char *defect_name(enum defect defect);

/* Of cpu_facts.leaf1_ecx, leaf7_ebx, leaf7_edx, leaf7_2_edx. */
#define LEAF1_ECX_HYPERVISOR (1U << 31)
#define LEAF7_EBX_AVX2       (1U << 5)
#define LEAF7_EBX_SMEP       (1U << 7)
#define LEAF7_EBX_RTM        (1U << 11)
#define LEAF7_EDX_SRBDS_CTRL (1U << 9)
#define LEAF7_EDX_MD_CLEAR   (1U << 10)
#define LEAF7_EDX_IBRSB      (1U << 26)
#define LEAF7_EDX_STIBP      (1U << 27)
#define LEAF7_EDX_ARCH_CAPS  (1U << 29)
#define LEAF7_EDX_SSBD       (1U << 31)
#define LEAF7_2_EDX_BHI_CTRL (1U << 4)

/* Of cpu_facts.extended8_ebx and extended21_eax. */
#define EXT8_EBX_IBPB         (1U << 12)
#define EXT8_EBX_IBRS         (1U << 14)
#define EXT8_EBX_STIBP        (1U << 15)
#define EXT8_EBX_IBRS_ALWAYS  (1U << 16)
#define EXT8_EBX_STIBP_ALWAYS (1U << 17)
#define EXT8_EBX_SSBD         (1U << 24)
#define EXT8_EBX_SSB_NO       (1U << 26)
#define EXT8_EBX_BTC_NO       (1U << 29)
#define EXT21_EAX_AUTO_IBRS   (1U << 8)
#define EXT21_EAX_SRSO_NO     (1U << 29)

/* Of ARCH_CAPABILITIES (MSR 0x10a). */
#define CAPS_RDCL_NO      (1ULL << 0)
#define CAPS_IBRS_ALL     (1ULL << 1)
#define CAPS_RSBA         (1ULL << 2)
#define CAPS_SSB_NO       (1ULL << 4)
#define CAPS_MDS_NO       (1ULL << 5)
#define CAPS_TAA_NO       (1ULL << 8)
#define CAPS_SBDR_SSDP_NO (1ULL << 13)
#define CAPS_FBSDP_NO     (1ULL << 14)
#define CAPS_PSDP_NO      (1ULL << 15)
#define CAPS_FB_CLEAR     (1ULL << 17)
#define CAPS_RRSBA        (1ULL << 19)
#define CAPS_BHI_NO       (1ULL << 20)
#define CAPS_GDS_CTRL     (1ULL << 25)
#define CAPS_GDS_NO       (1ULL << 26)
#define CAPS_RFDS_NO      (1ULL << 27)
#define CAPS_RFDS_CLEAR   (1ULL << 28)
