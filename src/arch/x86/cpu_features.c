// SPDX-License-Identifier: Apache-2.0
// What the processor can do, and its control registers. Numbers are those of Intel's manual volume
// 3, chapter 2 (control registers) and AMD's volume 3, appendix E (CPUID).

#include "cpu_features.h"

#include "arch/msr.h"
#include "instructions.h"
#include "lib/string.h"

struct cpu_identity boot_cpu;

#define EXTENDED_LEAVES 0x80000000
#define XSAVE_LEAF      0xd

/* All zero for a leaf that the processor does not have: some answer with the last one's contents.
 */
static struct cpuid_result cpuid_checked(const struct cpu_identity *cpu, uint32_t leaf,
                                         uint32_t subleaf)
{
    uint32_t max = leaf < EXTENDED_LEAVES ? cpu->max_leaf : cpu->max_extended_leaf;
    return leaf <= max ? cpuid(leaf, subleaf) : (struct cpuid_result){0, 0, 0, 0};
}

static void read_words(struct cpu_identity *cpu)
{
    uint32_t *words = cpu->words;
    struct cpuid_result r = cpuid_checked(cpu, 1, 0);

    words[WORD_1_ECX] = r.ecx;
    words[WORD_1_EDX] = r.edx;
    r = cpuid_checked(cpu, 7, 0);
    words[WORD_7_EBX] = r.ebx;
    words[WORD_7_ECX] = r.ecx;
    words[WORD_7_EDX] = r.edx;
    words[WORD_7_1_EAX] = r.eax >= 1 ? cpuid_checked(cpu, 7, 1).eax : 0;
    words[WORD_D_1_EAX] = cpuid_checked(cpu, 0xd, 1).eax;
    r = cpuid_checked(cpu, EXTENDED_LEAVES + 1, 0);
    words[WORD_EXT1_ECX] = r.ecx;
    words[WORD_EXT1_EDX] = r.edx;
    words[WORD_EXT7_EDX] = cpuid_checked(cpu, EXTENDED_LEAVES + 7, 0).edx;
    words[WORD_EXT8_EBX] = cpuid_checked(cpu, EXTENDED_LEAVES + 8, 0).ebx;
}

/* The extended fields count only where the manual says that they do. */
static void read_signature(struct cpu_identity *cpu)
{
    uint32_t eax = cpuid_checked(cpu, 1, 0).eax;
    uint32_t family = eax >> 8 & 0xf;
    uint32_t model = eax >> 4 & 0xf;

    if (family == 0x6 || family == 0xf) {
        model |= eax >> 12 & 0xf0;
    }
    if (family == 0xf) {
        family += eax >> 20 & 0xff;
    }
    cpu->family = (uint8_t)family;
    cpu->model = (uint8_t)model;
    cpu->stepping = eax & 0xf;
}

static void read_names(struct cpu_identity *cpu, const struct cpuid_result *leaf0)
{
    memcpy(cpu->vendor, &leaf0->ebx, 4);
    memcpy(cpu->vendor + 4, &leaf0->edx, 4);
    memcpy(cpu->vendor + 8, &leaf0->ecx, 4);
    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid_result r = cpuid_checked(cpu, EXTENDED_LEAVES + 2 + i, 0);
        memcpy(cpu->model_name + 16 * i, &r, sizeof(r));
    }
}

static void identify(struct cpu_identity *cpu)
{
    struct cpuid_result r = cpuid(0, 0);

    cpu->max_leaf = r.eax;
    cpu->max_extended_leaf = cpuid(EXTENDED_LEAVES, 0).eax;
    read_names(cpu, &r);
    read_signature(cpu);
    read_words(cpu);
    r = cpuid_checked(cpu, EXTENDED_LEAVES + 8, 0);
    cpu->physical_address_bits = r.eax != 0 ? (uint8_t)r.eax : 36;
    r = cpuid_checked(cpu, XSAVE_LEAF, 0);
    cpu->extended_states = (uint64_t)r.edx << 32 | r.eax;
}

void cpu_features_init(void)
{
    identify(&boot_cpu);
}

/* Bits that show a control register's present state, not what the processor can do. */
static uint32_t changing_bits(enum cpu_feature_word word)
{
    switch (word) {
    case WORD_1_ECX:
        return 1U << 27; /* OSXSAVE */
    case WORD_1_EDX:
        return 1U << 9; /* the local APIC is on */
    case WORD_7_ECX:
        return 1U << 4; /* OSPKE */
    default:
        return 0;
    }
}

const char *cpu_features_compare(void)
{
    struct cpu_identity own = {0};

    identify(&own);
    if (memcmp(own.vendor, boot_cpu.vendor, sizeof(own.vendor)) != 0) {
        return "another vendor's";
    }
    for (unsigned int word = 0; word < CPU_FEATURE_WORDS; word++) {
        if ((boot_cpu.words[word] & ~own.words[word] & ~changing_bits(word)) != 0) {
            return "without some feature of the first";
        }
    }
    if ((boot_cpu.extended_states & ~own.extended_states & XCR0_OFFERED) != 0) {
        return "without some extended registers of the first";
    }
    if (own.physical_address_bits < boot_cpu.physical_address_bits) {
        return "with fewer address bits than the first";
    }
    return NULL;
}

static uint64_t wanted_cr4(void)
{
    static const struct {
        enum cpu_feature feature;
        uint64_t bit;
    } optional[] = {
        {FEATURE_MCE, CR4_MCE},       {FEATURE_UMIP, CR4_UMIP}, {FEATURE_FSGSBASE, CR4_FSGSBASE},
        {FEATURE_XSAVE, CR4_OSXSAVE}, {FEATURE_SMEP, CR4_SMEP}, {FEATURE_SMAP, CR4_SMAP},
    };
    uint64_t cr4 = CR4_DE | CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
        if (cpu_has(optional[i].feature)) {
            cr4 |= optional[i].bit;
        }
    }
    return cr4;
}

void cpu_control_init(void)
{
    /* AM lets a guest's programs ask for alignment checks; it means nothing in ring 0. */
    write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    write_cr4(wanted_cr4());
    asm volatile("mov %0, %%db7" ::"r"(0UL));
    arch_wrmsr(MSR_EFER, arch_rdmsr(MSR_EFER) | EFER_NXE);
    if (cpu_has(FEATURE_PAT)) {
        arch_wrmsr(MSR_PAT, PAT_VALUE);
    }
    if (cpu_has(FEATURE_XSAVE)) {
        write_xcr0(boot_cpu.extended_states & XCR0_OFFERED);
    }
}
