// SPDX-License-Identifier: Apache-2.0
// The processors, as CPUID (processor manual 2A, CPUID) and ACPI describe them.
#include "control/machine.h"

#include "arch/cpuid.h"
#include "lib/string.h"

struct machine_facts machine_facts;

#define EXTENDED_LEAVES 0x80000000U

uint32_t machine_acpi_id(unsigned int cpu)
{
    return machine_facts.cpu[cpu].acpi_id;
}

static void put_word(char *to, uint32_t word)
{
    memcpy(to, &word, sizeof(word));
}

static bool has_extended_leaf(uint32_t leaf)
{
    return arch_cpuid(EXTENDED_LEAVES, 0).eax >= leaf;
}

static void read_brand(char brand[49])
{
    brand[0] = 0;
    if (!has_extended_leaf(0x80000004U)) {
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid_regs r = arch_cpuid(0x80000002U + i, 0);
        put_word(brand + 16 * i, r.eax);
        put_word(brand + 16 * i + 4, r.ebx);
        put_word(brand + 16 * i + 8, r.ecx);
        put_word(brand + 16 * i + 12, r.edx);
    }
    brand[48] = 0;
}

/* The extended fields count where the base family is 15, the extended model also where it is 6. */
static void read_signature(struct cpu_identity *identity)
{
    uint32_t eax = arch_cpuid(1, 0).eax;
    uint32_t family = eax >> 8 & 0xf, model = eax >> 4 & 0xf;

    identity->stepping = eax & 0xf;
    identity->family = family == 0xf ? family + (eax >> 20 & 0xff) : family;
    identity->model = family == 0xf || family == 6 ? model | (eax >> 12 & 0xf0) : model;
}

void machine_identify_cpu(struct cpu_identity *identity)
{
    struct cpuid_regs r = arch_cpuid(0, 0);

    identity->max_leaf = r.eax;
    put_word(identity->vendor, r.ebx);
    put_word(identity->vendor + 4, r.edx);
    put_word(identity->vendor + 8, r.ecx);
    identity->vendor[12] = 0;
    read_signature(identity);
    read_brand(identity->brand);
}

/* 36 where the processor does not say (processor manual 2A, CPUID, leaf 80000008h). */
unsigned int machine_address_bits(void)
{
    return has_extended_leaf(0x80000008U) ? arch_cpuid(0x80000008U, 0).eax & 0xff : 36;
}

void machine_features(uint32_t words[8])
{
    uint32_t max_leaf = arch_cpuid(0, 0).eax;

    memset(words, 0, 8 * sizeof(words[0]));
    words[0] = arch_cpuid(1, 0).edx;
    words[1] = arch_cpuid(1, 0).ecx;
    if (has_extended_leaf(0x80000001U)) {
        words[2] = arch_cpuid(0x80000001U, 0).edx;
        words[3] = arch_cpuid(0x80000001U, 0).ecx;
    }
    if (max_leaf >= 0xd) {
        words[4] = arch_cpuid(0xd, 1).eax;
    }
    if (max_leaf >= 7) {
        words[5] = arch_cpuid(7, 0).ebx;
        words[6] = arch_cpuid(7, 0).ecx;
    }
    if (has_extended_leaf(0x80000007U)) {
        words[7] = arch_cpuid(0x80000007U, 0).edx;
    }
}
