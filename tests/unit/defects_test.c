// SPDX-License-Identifier: Apache-2.0
// Which processor has which flaw: processors as they describe themselves.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defects.h"

#define D(name)           (1U << DEFECT_##name)
#define INTEL(m)          .vendor = VENDOR_INTEL, .family = 6, .model = (m)
#define OLD               (D(SPECTRE_V2) | D(SSB) | D(MELTDOWN) | D(L1TF) | D(MDS))
#define CASCADE_LAKE_CAPS (CAPS_RDCL_NO | CAPS_IBRS_ALL | CAPS_MDS_NO | CAPS_TAA_NO | CAPS_FB_CLEAR)
#define SAPPHIRE_RAPIDS_CAPS                                                        \
    (CAPS_RDCL_NO | CAPS_IBRS_ALL | CAPS_MDS_NO | CAPS_TAA_NO | CAPS_SBDR_SSDP_NO | \
     CAPS_FBSDP_NO | CAPS_PSDP_NO | CAPS_GDS_NO | CAPS_RFDS_NO | CAPS_RRSBA)

static const struct {
    const char *name;
    struct cpu_facts cpu;
    uint32_t defects;
} recorded[] = {
    {"Bonnell", {INTEL(0x1c)}, 0},
    {"Silvermont", {INTEL(0x37)}, D(SPECTRE_V2) | D(MELTDOWN) | D(MDS)},
    {"Goldmont", {INTEL(0x5c)}, D(SPECTRE_V2) | D(SSB) | D(MELTDOWN) | D(RFDS)},
    {"Nehalem", {INTEL(0x1a)}, OLD},
    {"Sandy Bridge", {INTEL(0x2a)}, OLD},
    {"Ivy Bridge", {INTEL(0x3a)}, OLD | D(SRBDS)},
    {"Haswell with TSX", {INTEL(0x3c), .leaf7_ebx = LEAF7_EBX_RTM}, OLD | D(SRBDS) | D(TAA)},
    {"Broadwell server", {INTEL(0x4f)}, OLD | D(MMIO)},
    {"Skylake",
     {INTEL(0x5e), .leaf7_ebx = LEAF7_EBX_AVX2},
     OLD | D(MMIO) | D(SRBDS) | D(GDS) | D(RSB_UNDERFLOW)},
    {"Cascade Lake",
     {INTEL(0x55), .stepping = 7, .leaf7_ebx = LEAF7_EBX_AVX2, .arch_caps = CASCADE_LAKE_CAPS},
     D(SPECTRE_V2) | D(SSB) | D(MMIO) | D(GDS) | D(RSB_UNDERFLOW) | D(BHI)},
    {"Sapphire Rapids",
     {INTEL(0x8f), .leaf7_ebx = LEAF7_EBX_AVX2, .arch_caps = SAPPHIRE_RAPIDS_CAPS},
     D(SPECTRE_V2) | D(SSB) | D(RSB_UNDERFLOW) | D(BHI)},
    {"Alder Lake",
     {INTEL(0x97), .arch_caps = SAPPHIRE_RAPIDS_CAPS & ~CAPS_RFDS_NO},
     D(SPECTRE_V2) | D(SSB) | D(RSB_UNDERFLOW) | D(BHI) | D(RFDS)},
    {"K8, and QEMU's own model",
     {.vendor = VENDOR_AMD, .family = 0xf, .model = 0x6b},
     D(SPECTRE_V2) | D(SSB)},
    {"Bulldozer",
     {.vendor = VENDOR_AMD, .family = 0x15, .model = 1},
     D(SPECTRE_V2) | D(SSB) | D(RETBLEED)},
    {"Zen 2",
     {.vendor = VENDOR_AMD, .family = 0x17, .model = 0x31},
     D(SPECTRE_V2) | D(SSB) | D(RETBLEED) | D(SRSO)},
    {"Zen 4",
     {.vendor = VENDOR_AMD, .family = 0x19, .model = 0x11, .extended8_ebx = EXT8_EBX_BTC_NO},
     D(SPECTRE_V2) | D(SSB) | D(SRSO)},
    {"Zen 5",
     {.vendor = VENDOR_AMD,
      .family = 0x1a,
      .model = 2,
      .extended8_ebx = EXT8_EBX_BTC_NO | EXT8_EBX_SSB_NO,
      .extended21_eax = EXT21_EAX_SRSO_NO},
     D(SPECTRE_V2)},
    {"Hygon",
     {.vendor = VENDOR_HYGON, .family = 0x18},
     D(SPECTRE_V2) | D(SSB) | D(RETBLEED) | D(SRSO)},
    {"Zhaoxin", {.vendor = VENDOR_CENTAUR, .family = 7}, OLD & ~D(SPECTRE_V2)},
    {"nobody knows it", {.vendor = VENDOR_OTHER}, OLD},
};

static void recorded_processors_have_the_flaws_that_their_makers_list(void **state)
{
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        uint32_t found = cpu_defects(&recorded[i].cpu);

        if (found != recorded[i].defects) {
            fail_msg("%s: %#x, not %#x", recorded[i].name, found, recorded[i].defects);
        }
    }
}

static void a_processor_that_says_so_is_better_than_its_model(void **state)
{
    struct cpu_facts cpu = {INTEL(0x9e), .stepping = 12, .leaf7_ebx = LEAF7_EBX_AVX2};

    assert_true(cpu_defects(&cpu) & D(MELTDOWN));
    cpu.arch_caps = CAPS_RDCL_NO | CAPS_MDS_NO | CAPS_GDS_NO | CAPS_SSB_NO;
    assert_false(cpu_defects(&cpu) & (D(MELTDOWN) | D(L1TF) | D(MDS) | D(GDS) | D(SSB)));
    assert_true(cpu_defects(&cpu) & D(SRBDS));
}

static void all_three_kinds_of_stale_device_data_must_be_denied(void **state)
{
    struct cpu_facts cpu = {INTEL(0x6a), .arch_caps = CAPS_SBDR_SSDP_NO | CAPS_FBSDP_NO};

    assert_true(cpu_defects(&cpu) & D(MMIO));
    cpu.arch_caps |= CAPS_PSDP_NO;
    assert_false(cpu_defects(&cpu) & D(MMIO));
}

static void later_steppings_of_a_model_may_be_repaired(void **state)
{
    struct cpu_facts cpu = {INTEL(0x8e), .stepping = 12};

    assert_true(cpu_defects(&cpu) & D(SRBDS));
    cpu.stepping = 13;
    assert_false(cpu_defects(&cpu) & D(SRBDS));
}

static void vendors_are_known_by_their_letters(void **state)
{
    assert_int_equal(cpu_vendor_of("GenuineIntel"), VENDOR_INTEL);
    assert_int_equal(cpu_vendor_of("AuthenticAMD"), VENDOR_AMD);
    assert_int_equal(cpu_vendor_of("HygonGenuine"), VENDOR_HYGON);
    assert_int_equal(cpu_vendor_of("  Shanghai  "), VENDOR_CENTAUR);
    assert_int_equal(cpu_vendor_of("TransmetaCPU"), VENDOR_OTHER);
}

static void every_flaw_has_a_name(void **state)
{
    for (unsigned int i = 0; i < DEFECTS; i++) {
        assert_non_null(defect_name((enum defect)i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_processors_have_the_flaws_that_their_makers_list),
        cmocka_unit_test(a_processor_that_says_so_is_better_than_its_model),
        cmocka_unit_test(all_three_kinds_of_stale_device_data_must_be_denied),
        cmocka_unit_test(later_steppings_of_a_model_may_be_repaired),
        cmocka_unit_test(vendors_are_known_by_their_letters),
        cmocka_unit_test(every_flaw_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
