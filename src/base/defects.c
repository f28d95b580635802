// SPDX-License-Identifier: Apache-2.0
// The table of processors and their flaws.
#include "base/defects.h"

#include "lib/string.h"

#define BIT(name)     (1U << DEFECT_##name)
#define ANY_STEPPING  0xffff
#define STEPPINGS(to) ((1U << ((to) + 1)) - 1) /* 0 to `to` */

/* What every processor that speculates may have, until it says otherwise or is known better. */
#define DEFAULT_DEFECTS (BIT(SPECTRE_V2) | BIT(SSB))
#define INTEL_DEFECTS   (DEFAULT_DEFECTS | BIT(MELTDOWN) | BIT(L1TF) | BIT(MDS))
#define INTEL_FAMILY    6

struct model_range {
    uint16_t first, last;
    uint32_t defects;
    uint16_t steppings; /* bit per stepping */
};

/* Intel's family 6: cores that lack some of what the rest of the family has. */
static const struct model_range intel_without[] = {
    {0x1c, 0x1c, INTEL_DEFECTS, ANY_STEPPING}, /* Bonnell and Saltwell: in order */
    {0x26, 0x27, INTEL_DEFECTS, ANY_STEPPING},
    {0x35, 0x36, INTEL_DEFECTS, ANY_STEPPING},
    {0x37, 0x37, BIT(SSB) | BIT(L1TF), ANY_STEPPING}, /* Silvermont and Airmont */
    {0x4a, 0x4a, BIT(SSB) | BIT(L1TF), ANY_STEPPING},
    {0x4c, 0x4d, BIT(SSB) | BIT(L1TF), ANY_STEPPING},
    {0x57, 0x57, BIT(SSB) | BIT(L1TF), ANY_STEPPING}, /* Knights Landing and Mill */
    {0x5a, 0x5a, BIT(SSB) | BIT(L1TF), ANY_STEPPING},
    {0x5c, 0x5c, BIT(L1TF) | BIT(MDS), ANY_STEPPING}, /* Goldmont and Goldmont Plus */
    {0x5f, 0x5f, BIT(L1TF) | BIT(MDS), ANY_STEPPING},
    {0x75, 0x75, BIT(SSB) | BIT(L1TF), ANY_STEPPING},
    {0x7a, 0x7a, BIT(L1TF) | BIT(MDS), ANY_STEPPING},
    {0x85, 0x85, BIT(SSB) | BIT(L1TF), ANY_STEPPING},
    {0x86, 0x86, BIT(L1TF) | BIT(MDS), ANY_STEPPING}, /* Tremont */
    {0x96, 0x96, BIT(L1TF) | BIT(MDS), ANY_STEPPING},
    {0x9c, 0x9c, BIT(L1TF) | BIT(MDS), ANY_STEPPING},
};

/* And those that have more. Bits that say a processor is better still count afterwards. */
#define SKYLAKE (BIT(MMIO) | BIT(SRBDS) | BIT(GDS) | BIT(RSB_UNDERFLOW))
static const struct model_range intel_with[] = {
    {0x3a, 0x3a, BIT(SRBDS), ANY_STEPPING},                                /* Ivy Bridge */
    {0x3c, 0x3c, BIT(SRBDS), ANY_STEPPING},                                /* Haswell */
    {0x3d, 0x3d, BIT(SRBDS), ANY_STEPPING},                                /* Broadwell */
    {0x3f, 0x3f, BIT(MMIO), ANY_STEPPING},                                 /* Haswell servers */
    {0x45, 0x47, BIT(SRBDS), ANY_STEPPING},                                /* Haswell, Broadwell */
    {0x4e, 0x4e, SKYLAKE, ANY_STEPPING},                                   /* Skylake */
    {0x4f, 0x4f, BIT(MMIO), ANY_STEPPING},                                 /* Broadwell servers */
    {0x55, 0x55, BIT(MMIO) | BIT(GDS) | BIT(RSB_UNDERFLOW), ANY_STEPPING}, /* Skylake servers */
    {0x56, 0x56, BIT(MMIO), ANY_STEPPING},                                 /* Broadwell DE */
    {0x5c, 0x5c, BIT(RFDS), ANY_STEPPING},
    {0x5e, 0x5e, SKYLAKE, ANY_STEPPING},
    {0x5f, 0x5f, BIT(RFDS), ANY_STEPPING},
    {0x66, 0x66, BIT(RSB_UNDERFLOW), ANY_STEPPING},   /* Cannon Lake */
    {0x6a, 0x6a, BIT(MMIO) | BIT(GDS), ANY_STEPPING}, /* Ice Lake servers */
    {0x6c, 0x6c, BIT(MMIO) | BIT(GDS), ANY_STEPPING},
    {0x7a, 0x7a, BIT(RFDS), ANY_STEPPING},
    {0x7e, 0x7e, BIT(MMIO) | BIT(GDS), ANY_STEPPING},  /* Ice Lake */
    {0x86, 0x86, BIT(MMIO) | BIT(RFDS), ANY_STEPPING}, /* Tremont */
    {0x8a, 0x8a, BIT(MMIO), ANY_STEPPING},             /* Lakefield */
    {0x8c, 0x8d, BIT(GDS), ANY_STEPPING},              /* Tiger Lake */
    {0x8e, 0x8e, SKYLAKE, STEPPINGS(12)},              /* Kaby, Coffee Lake */
    {0x96, 0x96, BIT(MMIO) | BIT(RFDS), ANY_STEPPING},
    {0x97, 0x97, BIT(RFDS), ANY_STEPPING}, /* Alder Lake */
    {0x9a, 0x9a, BIT(RFDS), ANY_STEPPING},
    {0x9c, 0x9c, BIT(MMIO) | BIT(RFDS), ANY_STEPPING},
    {0x9e, 0x9e, SKYLAKE, STEPPINGS(13)},
    {0xa5, 0xa6, BIT(MMIO) | BIT(GDS) | BIT(RSB_UNDERFLOW), ANY_STEPPING}, /* Comet Lake */
    {0xa7, 0xa7, BIT(MMIO) | BIT(GDS), ANY_STEPPING},                      /* Rocket Lake */
    {0xb7, 0xb7, BIT(RFDS), ANY_STEPPING},                                 /* Raptor Lake */
    {0xba, 0xba, BIT(RFDS), ANY_STEPPING},
    {0xbe, 0xbf, BIT(RFDS), ANY_STEPPING},
};

/* By family: AMD's flaws that not all have. */
static const struct model_range amd_with[] = {
    {0x15, 0x17, BIT(RETBLEED), ANY_STEPPING},
    {0x17, 0x17, BIT(SRSO), ANY_STEPPING},
    {0x18, 0x18, BIT(RETBLEED) | BIT(SRSO), ANY_STEPPING}, /* Hygon's */
    {0x19, 0x19, BIT(SRSO), ANY_STEPPING},
};

static uint32_t look_up(const struct model_range *rows, size_t count, unsigned int number,
                        unsigned int stepping)
{
    uint32_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (number >= rows[i].first && number <= rows[i].last &&
            (rows[i].steppings >> (stepping % 16)) & 1) {
            found |= rows[i].defects;
        }
    }
    return found;
}

/* Bits by which a processor says what it does not have. */
static const struct {
    uint64_t caps; /* all of these */
    uint32_t defects;
} denied[] = {
    {CAPS_RDCL_NO, BIT(MELTDOWN) | BIT(L1TF)},
    {CAPS_SSB_NO, BIT(SSB)},
    {CAPS_MDS_NO, BIT(MDS)},
    {CAPS_TAA_NO, BIT(TAA)},
    {CAPS_SBDR_SSDP_NO | CAPS_FBSDP_NO | CAPS_PSDP_NO, BIT(MMIO)},
    {CAPS_BHI_NO, BIT(BHI)},
    {CAPS_GDS_NO, BIT(GDS)},
    {CAPS_RFDS_NO, BIT(RFDS)},
};

static uint32_t denied_by_caps(uint64_t caps)
{
    uint32_t found = 0;

    for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
        if ((caps & denied[i].caps) == denied[i].caps) {
            found |= denied[i].defects;
        }
    }
    return found;
}

static uint32_t intel_defects(const struct cpu_facts *cpu)
{
    uint32_t found = INTEL_DEFECTS;

    if (cpu->family != INTEL_FAMILY) {
        return cpu->family < INTEL_FAMILY ? 0 : INTEL_DEFECTS;
    }
    found &= ~look_up(intel_without, ARRAY_SIZE(intel_without), cpu->model, cpu->stepping);
    found |= look_up(intel_with, ARRAY_SIZE(intel_with), cpu->model, cpu->stepping);
    found |= cpu->leaf7_ebx & LEAF7_EBX_RTM ? BIT(TAA) : 0;
    found |= cpu->arch_caps & (CAPS_RSBA | CAPS_RRSBA) ? BIT(RSB_UNDERFLOW) : 0;
    found |= cpu->arch_caps & CAPS_IBRS_ALL ? BIT(BHI) : 0;
    found &= ~denied_by_caps(cpu->arch_caps);
    if ((cpu->leaf7_ebx & LEAF7_EBX_AVX2) == 0) {
        found &= ~BIT(GDS);
    }
    return found;
}

static uint32_t amd_defects(const struct cpu_facts *cpu)
{
    uint32_t found = DEFAULT_DEFECTS | look_up(amd_with, ARRAY_SIZE(amd_with), cpu->family, 0);

    if (cpu->extended8_ebx & EXT8_EBX_SSB_NO) {
        found &= ~BIT(SSB);
    }
    if (cpu->extended8_ebx & EXT8_EBX_BTC_NO) {
        found &= ~BIT(RETBLEED);
    }
    if (cpu->extended21_eax & EXT21_EAX_SRSO_NO) {
        found &= ~BIT(SRSO);
    }
    return found;
}

uint32_t cpu_defects(const struct cpu_facts *cpu)
{
    switch (cpu->vendor) {
    case VENDOR_INTEL:
        return intel_defects(cpu);
    case VENDOR_AMD:
    case VENDOR_HYGON:
        return amd_defects(cpu);
    case VENDOR_CENTAUR:
        return INTEL_DEFECTS & ~(cpu->family == 7 ? BIT(SPECTRE_V2) : 0) &
               ~denied_by_caps(cpu->arch_caps);
    default:
        return INTEL_DEFECTS & ~denied_by_caps(cpu->arch_caps);
    }
}

enum cpu_vendor cpu_vendor_of(const char *letters)
{
    static const struct {
        const char *letters;
        enum cpu_vendor vendor;
    } vendors[] = {
        {"GenuineIntel", VENDOR_INTEL},   {"AuthenticAMD", VENDOR_AMD},
        {"HygonGenuine", VENDOR_HYGON},   {"CentaurHauls", VENDOR_CENTAUR},
        {"  Shanghai  ", VENDOR_CENTAUR},
    };

    for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
        if (strcmp(letters, vendors[i].letters) == 0) {
            return vendors[i].vendor;
        }
    }
    return VENDOR_OTHER;
}

const char *defect_name(enum defect defect)
{
    static const char *const names[DEFECTS] = {
        [DEFECT_SPECTRE_V2] = "spectre-v2",
        [DEFECT_RSB_UNDERFLOW] = "rsb-underflow",
        [DEFECT_RETBLEED] = "retbleed",
        [DEFECT_BHI] = "bhi",
        [DEFECT_MELTDOWN] = "meltdown",
        [DEFECT_L1TF] = "l1tf",
        [DEFECT_SSB] = "ssb",
        [DEFECT_MDS] = "mds",
        [DEFECT_TAA] = "taa",
        [DEFECT_MMIO] = "mmio",
        [DEFECT_RFDS] = "rfds",
        [DEFECT_SRBDS] = "srbds",
        [DEFECT_GDS] = "gds",
        [DEFECT_SRSO] = "srso",
    };

    return names[defect];
}
