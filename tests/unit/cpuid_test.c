// SPDX-License-Identifier: Apache-2.0
// The CPUID policy on processors that the tests describe.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/io.h"
#include "arch/msr.h"
#include "pv/cpuid.h"

#define EXTENDED 0x80000000U

static bool reliable = true;

static bool tsc_is_reliable(void)
{
    return reliable;
}

static const struct cpuid_config control = {
    .control_domain = true,
    .tsc_is_reliable = tsc_is_reliable,
    .tsc_hz = 2500000000,
    .extended_states = 0xe7,
    .machine_address_bits = 39,
};

static const struct cpuid_reader first_vcpu = {.wide = true, .xcr0 = 7};

/* A processor with every feature bit set, so that a test sees what the policy lets through. */
static void describe_machine(const char *vendor)
{
    struct cpuid_regs name = {0};

    host_cpuid_forget();
    host_forget_devices();
    memcpy(&name.ebx, vendor, 4);
    memcpy(&name.edx, vendor + 4, 4);
    memcpy(&name.ecx, vendor + 8, 4);
    name.eax = 0x20;
    host_cpuid_set(0, 0, name);
    host_cpuid_set(1, 0, (struct cpuid_regs){0x00a10f11, 0x05100800, ~0U, ~0U});
    host_cpuid_set(2, 0, (struct cpuid_regs){0x00feff01, 0xf0, 0, 0});
    host_cpuid_set(3, 0, (struct cpuid_regs){1, 2, 3, 4});
    host_cpuid_set(4, 0, (struct cpuid_regs){0x1c004121, 0x01c0003f, 0x3f, 0});
    host_cpuid_set(4, 1, (struct cpuid_regs){0x1c004122, 0x01c0003f, 0x3f, 0});
    host_cpuid_set(5, 0, (struct cpuid_regs){0x40, 0x40, 3, 0x11});
    host_cpuid_set(6, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    host_cpuid_set(7, 0, (struct cpuid_regs){2, ~0U, ~0U, ~0U});
    host_cpuid_set(7, 1, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    host_cpuid_set(7, 2, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    host_cpuid_set(0xa, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    host_cpuid_set(0xb, 0, (struct cpuid_regs){1, 2, 0x100, 9});
    host_cpuid_set(0xd, 0, (struct cpuid_regs){0x602e7, 0x2b00, 0x2b00, 0});
    host_cpuid_set(0xd, 1, (struct cpuid_regs){~0U, 0x2000, 0x1900, 0});
    host_cpuid_set(0xd, 2, (struct cpuid_regs){256, 576, 0, 0});
    host_cpuid_set(0xd, 5, (struct cpuid_regs){64, 1088, 0, 0});
    host_cpuid_set(0xd, 6, (struct cpuid_regs){512, 1152, 2, 0});
    host_cpuid_set(0xd, 7, (struct cpuid_regs){1024, 1664, 2, 0});
    host_cpuid_set(0xd, 9, (struct cpuid_regs){8, 2688, 0, 0});
    name.eax = EXTENDED + 0x28;
    host_cpuid_set(EXTENDED, 0, name);
    host_cpuid_set(EXTENDED + 1, 0, (struct cpuid_regs){0x00a10f11, 0x40000000, ~0U, ~0U});
    host_cpuid_set(EXTENDED + 2, 0, (struct cpuid_regs){0x20444d41, 1, 2, 3});
    host_cpuid_set(EXTENDED + 7, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    host_cpuid_set(EXTENDED + 8, 0, (struct cpuid_regs){0x00393030, ~0U, 0x703f, ~0U});
    host_cpuid_set(EXTENDED + 0xa, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    host_cpuid_set(EXTENDED + 0x1e, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    host_cpuid_set(EXTENDED + 0x1f, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    host_cpuid_set(EXTENDED + 0x21, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
}

static void make(struct cpuid_policy *policy, const char *vendor, const struct cpuid_config *config)
{
    describe_machine(vendor);
    cpuid_policy_init(policy, config);
}

static struct cpuid_regs leaf(const struct cpuid_policy *policy, uint32_t number, uint32_t subleaf)
{
    return cpuid_policy_leaf(policy, &first_vcpu, number, subleaf);
}

static void assert_zero(struct cpuid_regs r)
{
    assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
}

static bool shows(const struct cpuid_policy *policy, uint32_t number, uint32_t subleaf, char reg,
                  unsigned bit)
{
    const struct cpuid_regs r = leaf(policy, number, subleaf);
    const uint32_t word = reg == 'a' ? r.eax : reg == 'b' ? r.ebx : reg == 'c' ? r.ecx : r.edx;

    return word >> bit & 1;
}

static void what_needs_ring_0_is_hidden(void **state)
{
    struct cpuid_policy p;

    make(&p, "GenuineIntel", &control);
    assert_false(shows(&p, 1, 0, 'c', 5));             /* VMX */
    assert_false(shows(&p, EXTENDED + 1, 0, 'c', 2));  /* SVM */
    assert_false(shows(&p, 1, 0, 'c', 3));             /* MONITOR */
    assert_false(shows(&p, 1, 0, 'c', 17));            /* PCID */
    assert_false(shows(&p, 1, 0, 'c', 21));            /* x2APIC */
    assert_false(shows(&p, 1, 0, 'c', 24));            /* TSC deadline */
    assert_false(shows(&p, 1, 0, 'd', 1));             /* VME */
    assert_false(shows(&p, 1, 0, 'd', 3));             /* PSE */
    assert_false(shows(&p, 1, 0, 'd', 12));            /* MTRR */
    assert_false(shows(&p, 1, 0, 'd', 13));            /* PGE */
    assert_false(shows(&p, 7, 0, 'b', 7));             /* SMEP */
    assert_false(shows(&p, 7, 0, 'b', 20));            /* SMAP */
    assert_false(shows(&p, 7, 0, 'b', 10));            /* INVPCID */
    assert_false(shows(&p, 7, 0, 'c', 2));             /* UMIP */
    assert_false(shows(&p, 7, 0, 'c', 3));             /* PKU */
    assert_false(shows(&p, 7, 0, 'c', 16));            /* LA57 */
    assert_false(shows(&p, EXTENDED + 1, 0, 'd', 26)); /* 1 GiB pages */
    assert_zero(leaf(&p, EXTENDED + 0xa, 0));
}

static void what_ring_3_can_use_is_shown(void **state)
{
    struct cpuid_policy p;

    make(&p, "GenuineIntel", &control);
    assert_true(shows(&p, 1, 0, 'd', 0));             /* FPU */
    assert_true(shows(&p, 1, 0, 'd', 16));            /* PAT */
    assert_true(shows(&p, 1, 0, 'c', 26));            /* XSAVE */
    assert_true(shows(&p, 1, 0, 'c', 28));            /* AVX */
    assert_true(shows(&p, 7, 0, 'b', 0));             /* FSGSBASE */
    assert_true(shows(&p, 7, 0, 'b', 16));            /* AVX-512F */
    assert_true(shows(&p, EXTENDED + 1, 0, 'd', 11)); /* SYSCALL */
    assert_true(shows(&p, EXTENDED + 1, 0, 'd', 20)); /* NX */
    assert_true(shows(&p, EXTENDED + 1, 0, 'd', 27)); /* RDTSCP */
    assert_true(shows(&p, EXTENDED + 1, 0, 'd', 29)); /* LM */
    assert_true(cpuid_policy_has(&p, XEN_X86_FEATURE_CX16));
}

static void a_guest_knows_that_it_has_a_hypervisor(void **state)
{
    struct cpuid_policy p;

    make(&p, "GenuineIntel", &control);
    host_cpuid_set(1, 0, (struct cpuid_regs){0}); /* a machine that has none itself */
    cpuid_policy_init(&p, &control);
    assert_true(shows(&p, 1, 0, 'c', 31));
}

static void osxsave_follows_xsave(void **state)
{
    struct cpuid_config config = control;
    struct cpuid_policy p;

    make(&p, "GenuineIntel", &control);
    assert_true(shows(&p, 1, 0, 'c', 27));
    config.extended_states = 0;
    cpuid_policy_init(&p, &config);
    assert_false(shows(&p, 1, 0, 'c', 26));
    assert_false(shows(&p, 1, 0, 'c', 27));
    assert_false(shows(&p, 1, 0, 'c', 28)); /* AVX */
    assert_false(shows(&p, 7, 0, 'b', 16));
    assert_zero(leaf(&p, 0xd, 0));
    assert_zero(leaf(&p, 0xd, 1));
}

static void features_without_their_state_are_hidden(void **state)
{
    struct cpuid_config config = control;
    struct cpuid_policy p;

    describe_machine("GenuineIntel");
    config.extended_states = 7;
    cpuid_policy_init(&p, &config);
    assert_true(shows(&p, 1, 0, 'c', 28));  /* AVX */
    assert_false(shows(&p, 7, 0, 'b', 16)); /* AVX-512F */
    assert_false(shows(&p, 7, 0, 'c', 11)); /* AVX-512 VNNI */
    assert_zero(leaf(&p, 0xd, 5));
}

static void extended_state_has_the_sizes_of_what_is_enabled(void **state)
{
    struct cpuid_reader reader = first_vcpu;
    struct cpuid_policy p;
    struct cpuid_regs r;

    make(&p, "GenuineIntel", &control);
    r = leaf(&p, 0xd, 0);
    assert_int_equal(r.eax, 0xe7);
    assert_int_equal(r.edx, 0);
    assert_int_equal(r.ebx, 832);
    assert_int_equal(r.ecx, 2688);
    reader.xcr0 = 1;
    assert_int_equal(cpuid_policy_leaf(&p, &reader, 0xd, 0).ebx, 576);
    reader.xcr0 = 0xe7;
    assert_int_equal(cpuid_policy_leaf(&p, &reader, 0xd, 0).ebx, 2688);
    r = cpuid_policy_leaf(&p, &reader, 0xd, 1);
    assert_int_equal(r.eax, 7); /* XSAVEOPT, XSAVEC, XGETBV1, no XSAVES */
    assert_int_equal(r.ebx, 576 + 256 + 64 + 512 + 1024);
    assert_int_equal(r.ecx, 0);
    reader.xcr0 = 0x43;
    assert_int_equal(cpuid_policy_leaf(&p, &reader, 0xd, 1).ebx, 576 + 512);
    assert_int_equal(leaf(&p, 0xd, 2).eax, 256);
    assert_int_equal(leaf(&p, 0xd, 2).ebx, 576);
    assert_zero(leaf(&p, 0xd, 9)); /* PKRU */
    assert_zero(leaf(&p, 0xd, 1000));
}

static void a_vcpu_is_a_package_of_its_own(void **state)
{
    const struct cpuid_reader reader = {.vcpu_id = 3, .wide = true};
    struct cpuid_policy p;
    struct cpuid_regs r;

    make(&p, "GenuineIntel", &control);
    r = cpuid_policy_leaf(&p, &reader, 1, 0);
    assert_int_equal(r.ebx, 0x03010800);
    assert_int_equal(r.edx >> 28 & 1, 0); /* HTT */
    r = cpuid_policy_leaf(&p, &reader, 0xb, 0);
    assert_int_equal(r.eax, 0);
    assert_int_equal(r.ebx, 1);
    assert_int_equal(r.ecx, 0x100);
    assert_int_equal(r.edx, 3);
    assert_int_equal(cpuid_policy_leaf(&p, &reader, 0xb, 1).ecx, 0x201);
    r = cpuid_policy_leaf(&p, &reader, 0xb, 2);
    assert_int_equal(r.ebx, 0);
    assert_int_equal(r.ecx, 2);
    assert_int_equal(leaf(&p, 4, 0).eax, 0x121); /* the cache, shared by nobody */
    assert_int_equal(leaf(&p, 4, 0).ebx, 0x01c0003f);
    assert_zero(leaf(&p, 4, 2));
    assert_int_equal(leaf(&p, EXTENDED + 8, 0).ecx, 0); /* one core */
    assert_zero(leaf(&p, EXTENDED + 0x1e, 0));
}

static void leaves_end_where_the_policy_ends(void **state)
{
    struct cpuid_policy p;

    make(&p, "GenuineIntel", &control);
    assert_int_equal(leaf(&p, 0, 0).eax, 0xd);
    assert_int_equal(leaf(&p, EXTENDED, 0).eax, EXTENDED + 0x21);
    assert_zero(leaf(&p, 0xe, 0));
    assert_zero(leaf(&p, 0x20, 0));
    assert_zero(leaf(&p, EXTENDED + 0x22, 0));
    assert_zero(leaf(&p, UINT32_MAX, 0));
    assert_zero(leaf(&p, 3, 0));
    assert_zero(leaf(&p, 5, 0));
    assert_zero(leaf(&p, 6, 0));
    assert_zero(leaf(&p, 0xa, 0));
    assert_zero(leaf(&p, EXTENDED + 0x1f, 0));
    assert_int_equal(leaf(&p, 7, 0).eax, 2);
    assert_zero(leaf(&p, 7, 3));
}

static void an_old_machine_keeps_its_few_leaves(void **state)
{
    struct cpuid_policy p;

    host_cpuid_forget();
    host_cpuid_set(0, 0, (struct cpuid_regs){4, 1, 2, 3});
    host_cpuid_set(1, 0, (struct cpuid_regs){0, 0, ~0U, ~0U});
    host_cpuid_set(7, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U}); /* beyond the end */
    host_cpuid_set(EXTENDED, 0, (struct cpuid_regs){EXTENDED + 1, 0, 0, 0});
    host_cpuid_set(EXTENDED + 1, 0, (struct cpuid_regs){0, 0, ~0U, ~0U});
    host_cpuid_set(EXTENDED + 8, 0, (struct cpuid_regs){~0U, ~0U, ~0U, ~0U});
    cpuid_policy_init(&p, &control);
    assert_int_equal(leaf(&p, 0, 0).eax, 4);
    assert_zero(leaf(&p, 7, 0));
    assert_zero(leaf(&p, 0xb, 0));
    assert_zero(leaf(&p, 0xd, 0));
    assert_zero(leaf(&p, EXTENDED + 8, 0));
    assert_false(cpuid_policy_has(&p, XEN_X86_FEATURE_FSGSBASE));
}

static void amd_repeats_the_basic_features(void **state)
{
    struct cpuid_policy p;
    uint32_t basic, extended;

    make(&p, "AuthenticAMD", &control);
    basic = leaf(&p, 1, 0).edx;
    extended = leaf(&p, EXTENDED + 1, 0).edx;
    assert_int_equal(extended & 0x0183f3ff, basic & 0x0183f3ff);
    make(&p, "GenuineIntel", &control);
    assert_int_equal(leaf(&p, EXTENDED + 1, 0).edx & 1, 0);
}

static void other_domains_see_less(void **state)
{
    struct cpuid_config config = control;
    struct cpuid_policy p;

    make(&p, "GenuineIntel", &control);
    assert_true(shows(&p, 1, 0, 'd', 22));           /* ACPI */
    assert_true(shows(&p, EXTENDED + 7, 0, 'd', 8)); /* invariant TSC */
    config.control_domain = false;
    cpuid_policy_init(&p, &config);
    assert_false(shows(&p, 1, 0, 'd', 22));
    assert_false(shows(&p, EXTENDED + 7, 0, 'd', 8));
}

static void a_32bit_guest_has_no_long_mode(void **state)
{
    const struct cpuid_reader narrow = {.wide = false};
    struct cpuid_policy p;
    struct cpuid_regs r;

    make(&p, "GenuineIntel", &control);
    r = cpuid_policy_leaf(&p, &narrow, EXTENDED + 1, 0);
    assert_int_equal(r.edx >> 29 & 1, 0);
    assert_int_equal(r.edx >> 11 & 1, 0);
    assert_int_equal(r.ecx & 1, 0);
    make(&p, "AuthenticAMD", &control);
    r = cpuid_policy_leaf(&p, &narrow, EXTENDED + 1, 0);
    assert_int_equal(r.edx >> 29 & 1, 0);
    assert_int_equal(r.edx >> 11 & 1, 1);
}

static void speculation_controls_come_together(void **state)
{
    struct cpuid_policy p;

    make(&p, "GenuineIntel", &control);
    host_msr_set(0x10a, 0xffffffffffffffff);
    cpuid_policy_init(&p, &control);
    assert_true(cpuid_policy_has(&p, XEN_X86_FEATURE_RDCL_NO));
    assert_false(cpuid_policy_has(&p, XEN_X86_FEATURE_TSX_CTRL));
    assert_int_equal(cpuid_policy_arch_caps(&p) >> 32, 1ULL << 30); /* ITS_NO */
    host_cpuid_set(7, 0, (struct cpuid_regs){2, ~0U, ~0U, ~(1U << 26 | 1U << 29)});
    cpuid_policy_init(&p, &control);
    assert_false(cpuid_policy_has(&p, XEN_X86_FEATURE_SSBD));
    assert_false(cpuid_policy_has(&p, XEN_X86_FEATURE_STIBP));
    assert_int_equal(cpuid_policy_arch_caps(&p), 0);
}

static void the_interface_has_its_leaves(void **state)
{
    struct cpuid_policy p;
    struct cpuid_regs r;
    char signature[13] = {0};

    make(&p, "GenuineIntel", &control);
    r = leaf(&p, 0x40000000, 0);
    assert_int_equal(r.eax, 0x40000005);
    memcpy(signature, &r.ebx, 12);
    assert_string_equal(signature, "XenVMMXenVMM");
    assert_int_equal(leaf(&p, 0x40000001, 0).eax, 0x00040011);
    r = leaf(&p, 0x40000002, 0);
    assert_int_equal(r.eax, 1);
    assert_int_equal(r.ebx, 0x40000000);
    assert_int_equal(r.ecx, 1);
    r = leaf(&p, 0x40000003, 0);
    assert_int_equal(r.eax, 6);
    assert_int_equal(r.ecx, 2500000);
    assert_int_equal(leaf(&p, 0x80000007, 0).edx >> 8 & 1, 1);
    reliable = false; /* it turned out later */
    assert_int_equal(leaf(&p, 0x40000003, 0).eax, 4);
    assert_int_equal(leaf(&p, 0x80000007, 0).edx >> 8 & 1, 0);
    reliable = true;
    r = leaf(&p, 0x40000003, 1);
    assert_int_equal(r.eax | r.ebx, 0);
    assert_int_equal(r.ecx, 0xcccccccc); /* 0.4 ns a tick: 0.8 / 2 */
    assert_int_equal((int32_t)r.edx, -1);
    assert_int_equal(leaf(&p, 0x40000003, 2).eax, 2500000);
    assert_zero(leaf(&p, 0x40000003, 3));
    assert_zero(leaf(&p, 0x40000004, 0));
    assert_int_equal(leaf(&p, 0x40000005, 0).ebx, 39);
    assert_zero(leaf(&p, 0x40000005, 1));
    assert_zero(leaf(&p, 0x40000006, 0));
    assert_zero(leaf(&p, 0x40000100, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_needs_ring_0_is_hidden),
        cmocka_unit_test(what_ring_3_can_use_is_shown),
        cmocka_unit_test(a_guest_knows_that_it_has_a_hypervisor),
        cmocka_unit_test(osxsave_follows_xsave),
        cmocka_unit_test(features_without_their_state_are_hidden),
        cmocka_unit_test(extended_state_has_the_sizes_of_what_is_enabled),
        cmocka_unit_test(a_vcpu_is_a_package_of_its_own),
        cmocka_unit_test(leaves_end_where_the_policy_ends),
        cmocka_unit_test(an_old_machine_keeps_its_few_leaves),
        cmocka_unit_test(amd_repeats_the_basic_features),
        cmocka_unit_test(other_domains_see_less),
        cmocka_unit_test(a_32bit_guest_has_no_long_mode),
        cmocka_unit_test(speculation_controls_come_together),
        cmocka_unit_test(the_interface_has_its_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
