// SPDX-License-Identifier: Apache-2.0
// What the processor can do, and its control registers. Numbers are those of Intel's manual volume
// 3, chapter 2 (control registers) and AMD's volume 3, appendix E (CPUID).

#include "cpu_features.h"

#include "arch/msr.h"
#include "instructions.h"
#include "lib/string.h"

struct cpu_identity boot_cpu;

#define EXTENDED_LEAVES 0x80000000

/* All zero for a leaf that the processor does not have: some answer with the last one's contents.
 */
static struct cpuid_result cpuid_checked(uint32_t leaf, uint32_t subleaf)
{
    uint32_t max = leaf < EXTENDED_LEAVES ? boot_cpu.max_leaf : boot_cpu.max_extended_leaf;
    return leaf <= max ? cpuid(leaf, subleaf) : (struct cpuid_result){0, 0, 0, 0};
}

static void read_words(void)
{
    uint32_t *words = boot_cpu.words;
    struct cpuid_result r = cpuid_checked(1, 0);

    words[WORD_1_ECX] = r.ecx;
    words[WORD_1_EDX] = r.edx;
    r = cpuid_checked(7, 0);
    words[WORD_7_EBX] = r.ebx;
    words[WORD_7_ECX] = r.ecx;
    words[WORD_7_EDX] = r.edx;
    words[WORD_7_1_EAX] = r.eax >= 1 ? cpuid_checked(7, 1).eax : 0;
    words[WORD_D_1_EAX] = cpuid_checked(0xd, 1).eax;
    r = cpuid_checked(EXTENDED_LEAVES + 1, 0);
    words[WORD_EXT1_ECX] = r.ecx;
    words[WORD_EXT1_EDX] = r.edx;
    words[WORD_EXT7_EDX] = cpuid_checked(EXTENDED_LEAVES + 7, 0).edx;
    words[WORD_EXT8_EBX] = cpuid_checked(EXTENDED_LEAVES + 8, 0).ebx;
}

/* The extended fields count only where the manual says that they do. */
static void read_signature(void)
{
    uint32_t eax = cpuid_checked(1, 0).eax;
    uint32_t family = eax >> 8 & 0xf;
    uint32_t model = eax >> 4 & 0xf;

    if (family == 0x6 || family == 0xf) {
        model |= eax >> 12 & 0xf0;
    }
    if (family == 0xf) {
        family += eax >> 20 & 0xff;
    }
    boot_cpu.family = (uint8_t)family;
    boot_cpu.model = (uint8_t)model;
    boot_cpu.stepping = eax & 0xf;
}

static void read_names(uint32_t vendor_b, uint32_t vendor_d, uint32_t vendor_c)
{
    memcpy(boot_cpu.vendor, &vendor_b, 4);
    memcpy(boot_cpu.vendor + 4, &vendor_d, 4);
    memcpy(boot_cpu.vendor + 8, &vendor_c, 4);
    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid_result r = cpuid_checked(EXTENDED_LEAVES + 2 + i, 0);
        memcpy(boot_cpu.model_name + 16 * i, &r, sizeof(r));
    }
}

void cpu_features_init(void)
{
    struct cpuid_result r = cpuid(0, 0);

    boot_cpu.max_leaf = r.eax;
    boot_cpu.max_extended_leaf = cpuid(EXTENDED_LEAVES, 0).eax;
    read_names(r.ebx, r.edx, r.ecx);
    read_signature();
    read_words();
    r = cpuid_checked(EXTENDED_LEAVES + 8, 0);
    boot_cpu.physical_address_bits = r.eax != 0 ? (uint8_t)r.eax : 36;
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
    arch_wrmsr(MSR_EFER, arch_rdmsr(MSR_EFER) | EFER_NXE);
    if (cpu_has(FEATURE_PAT)) {
        arch_wrmsr(MSR_PAT, PAT_VALUE);
    }
    if (cpu_has(FEATURE_XSAVE)) {
        struct cpuid_result r = cpuid_checked(0xd, 0);
        write_xcr0(((uint64_t)r.edx << 32 | r.eax) & XCR0_OFFERED);
    }
}
