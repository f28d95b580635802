// SPDX-License-Identifier: Apache-2.0
// What is done about speculation: by processor, and by command line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/errno.h"
#include "base/speculation.h"

#define INTEL(m) .vendor = VENDOR_INTEL, .family = 6, .model = (m)
#define MICROCODE \
    (LEAF7_EDX_MD_CLEAR | LEAF7_EDX_IBRSB | LEAF7_EDX_STIBP | LEAF7_EDX_SSBD | LEAF7_EDX_ARCH_CAPS)

static const struct speculation_options silent;

static const struct cpu_facts nehalem = {INTEL(0x1a)};
static const struct cpu_facts haswell = {INTEL(0x3c), .leaf7_ebx = LEAF7_EBX_SMEP | LEAF7_EBX_AVX2,
                                         .leaf7_edx = MICROCODE};
static const struct cpu_facts skylake = {INTEL(0x5e), .leaf7_ebx = LEAF7_EBX_SMEP | LEAF7_EBX_AVX2,
                                         .leaf7_edx = MICROCODE | LEAF7_EDX_SRBDS_CTRL,
                                         .arch_caps = CAPS_GDS_CTRL};
static const struct cpu_facts sapphire_rapids = {
    INTEL(0x8f), .leaf7_ebx = LEAF7_EBX_SMEP | LEAF7_EBX_AVX2, .leaf7_edx = MICROCODE,
    .leaf7_2_edx = LEAF7_2_EDX_BHI_CTRL,
    .arch_caps = CAPS_RDCL_NO | CAPS_IBRS_ALL | CAPS_MDS_NO | CAPS_TAA_NO | CAPS_SBDR_SSDP_NO |
                 CAPS_FBSDP_NO | CAPS_PSDP_NO | CAPS_GDS_NO | CAPS_RFDS_NO};
static const struct cpu_facts k8 = {
    .vendor = VENDOR_AMD, .family = 0xf, .model = 0x6b, .leaf7_ebx = LEAF7_EBX_SMEP};
static const struct cpu_facts zen2 = {.vendor = VENDOR_AMD,
                                      .family = 0x17,
                                      .model = 0x31,
                                      .leaf7_ebx = LEAF7_EBX_SMEP,
                                      .extended8_ebx = EXT8_EBX_IBPB | EXT8_EBX_STIBP};
static const struct cpu_facts zen4 = {.vendor = VENDOR_AMD,
                                      .family = 0x19,
                                      .model = 0x61,
                                      .leaf7_ebx = LEAF7_EBX_SMEP,
                                      .extended8_ebx =
                                          EXT8_EBX_IBPB | EXT8_EBX_IBRS | EXT8_EBX_BTC_NO,
                                      .extended21_eax = EXT21_EAX_AUTO_IBRS | EXT21_EAX_SRSO_NO};

static struct speculation_plan plan_with(const struct cpu_facts *cpu, const char *spec_ctrl)
{
    struct speculation_options options = silent;

    assert_int_equal(speculation_parse(&options, spec_ctrl), 0);
    return speculation_decide(cpu, &options);
}

/* ---- processors ------------------------------------------------------------------------------ */

static void an_old_processor_gets_all_that_needs_no_microcode(void **state)
{
    struct speculation_plan plan = speculation_decide(&nehalem, &silent);

    assert_int_equal(plan.thunk, THUNK_RETPOLINE);
    assert_true(plan.stuff_rsb && plan.xpti_dom0 && plan.xpti_domu && plan.l1tf_domu);
    assert_false(plan.l1tf_dom0 || plan.verw || plan.has_spec_ctrl || plan.ibpb_switch);
    assert_int_equal(plan.undefended, 1U << DEFECT_MDS);
}

static void retpolines_serve_where_returns_are_safe(void **state)
{
    struct speculation_plan plan = speculation_decide(&haswell, &silent);

    assert_int_equal(plan.thunk, THUNK_RETPOLINE);
    assert_true(plan.verw && plan.ibpb_switch && plan.xpti_domu);
    assert_false(plan.stuff_rsb || plan.switch_spec_ctrl);
    assert_int_equal(plan.spec_ctrl, 0);
}

static void ibrs_serves_where_returns_are_predicted_by_targets(void **state)
{
    struct speculation_plan plan = speculation_decide(&skylake, &silent);

    assert_int_equal(plan.thunk, THUNK_JUMP);
    assert_int_equal(plan.spec_ctrl, SPEC_CTRL_IBRS);
    assert_true(plan.switch_spec_ctrl && plan.srb_lock && plan.gather_safe);
    assert_int_equal(plan.undefended, 0);
}

static void a_new_processor_has_nothing_on_its_ways_in_and_out(void **state)
{
    struct speculation_plan plan = speculation_decide(&sapphire_rapids, &silent);

    assert_int_equal(plan.thunk, THUNK_JUMP);
    assert_int_equal(plan.spec_ctrl, SPEC_CTRL_IBRS | SPEC_CTRL_BHI_DIS_S);
    assert_false(speculation_guards_ways(&plan));
    assert_true(plan.ibpb_switch);
    assert_int_equal(plan.undefended, 0);
}

static void amd_needs_no_isolation_of_tables(void **state)
{
    struct speculation_plan plan = speculation_decide(&k8, &silent);

    assert_int_equal(plan.thunk, THUNK_RETPOLINE);
    assert_false(speculation_guards_ways(&plan));
    assert_false(plan.l1tf_dom0 || plan.l1tf_domu);
}

static void poisoned_returns_cost_a_barrier_on_entry(void **state)
{
    struct speculation_plan plan = speculation_decide(&zen2, &silent);

    assert_true(plan.ibpb_entry && plan.ibpb_switch);
    assert_int_equal(plan.thunk, THUNK_RETPOLINE);
}

static void automatic_ibrs_replaces_retpolines(void **state)
{
    struct speculation_plan plan = speculation_decide(&zen4, &silent);

    assert_true(plan.auto_ibrs);
    assert_int_equal(plan.thunk, THUNK_JUMP);
    assert_false(plan.ibpb_entry);
    assert_int_equal(plan.undefended, 0);
}

/* ---- the command line ------------------------------------------------------------------------ */

static void no_turns_everything_off(void **state)
{
    struct speculation_plan plan = plan_with(&skylake, "no");

    assert_false(speculation_guards_ways(&plan));
    assert_false(plan.ibpb_switch || plan.srb_lock || plan.gather_safe || plan.l1tf_domu);
    assert_int_equal(plan.thunk, THUNK_JUMP);
    assert_int_equal(plan.spec_ctrl, 0);
    assert_int_equal(plan.undefended,
                     plan.defects & ~(1U << DEFECT_SSB | 1U << DEFECT_RSB_UNDERFLOW));
}

static void what_was_asked_for_by_name_survives_no(void **state)
{
    struct speculation_options options = silent;

    assert_int_equal(speculation_parse_xpti(&options, "dom0=1"), 0);
    assert_int_equal(speculation_parse(&options, "no"), 0);
    assert_true(speculation_decide(&haswell, &options).xpti_dom0);
    assert_false(speculation_decide(&haswell, &options).xpti_domu);
}

static void no_pv_keeps_what_protects_pavise_itself(void **state)
{
    struct speculation_plan plan = plan_with(&haswell, "pv=0");

    assert_false(plan.verw || plan.stuff_rsb);
    assert_int_equal(plan.thunk, THUNK_RETPOLINE);
    assert_true(plan.xpti_domu);
}

static void no_xen_keeps_what_is_done_for_guests(void **state)
{
    struct speculation_plan plan = plan_with(&skylake, "no-xen");

    assert_true(plan.verw);
    assert_int_equal(plan.spec_ctrl, 0);
}

static void single_defences_are_chosen_by_name(void **state)
{
    assert_true(plan_with(&k8, "rsb").stuff_rsb);
    assert_true(plan_with(&k8, "md-clear=pv").verw);
    assert_false(plan_with(&haswell, "md-clear=hvm").verw);
    assert_false(plan_with(&haswell, "no-ibpb").ibpb_switch);
    assert_int_equal(plan_with(&haswell, "ibrs").thunk, THUNK_JUMP);
    assert_true(plan_with(&haswell, "ibrs").switch_spec_ctrl);
    assert_int_equal(plan_with(&haswell, "ssbd").spec_ctrl, SPEC_CTRL_SSBD);
    assert_int_equal(plan_with(&k8, "bti-thunk=lfence").thunk, THUNK_FENCE);
    assert_int_equal(plan_with(&k8, "bti-thunk=jmp,rsb=yes").thunk, THUNK_JUMP);
}

static void what_the_processor_cannot_do_is_not_planned(void **state)
{
    struct speculation_plan plan =
        plan_with(&nehalem, "ibrs,ibpb,ssbd,ibpb-entry,srb-lock,gds-mit");

    assert_int_equal(plan.spec_ctrl, 0);
    assert_false(plan.ibpb_switch || plan.ibpb_entry || plan.srb_lock || plan.gather_safe);
}

static void isolation_is_chosen_by_domain(void **state)
{
    struct speculation_options options = silent;

    assert_int_equal(speculation_parse_xpti(&options, "no-dom0"), 0);
    assert_false(speculation_decide(&haswell, &options).xpti_dom0);
    assert_true(speculation_decide(&haswell, &options).xpti_domu);
    assert_int_equal(speculation_parse_xpti(&options, "default"), 0);
    assert_true(speculation_decide(&haswell, &options).xpti_dom0);
    assert_int_equal(speculation_parse_xpti(&options, "1"), 0);
    assert_true(speculation_decide(&k8, &options).xpti_dom0);
    assert_int_equal(speculation_parse_xpti(&options, "off"), 0);
    assert_false(speculation_decide(&haswell, &options).xpti_domu);
    assert_int_equal(speculation_parse_xpti(&options, NULL), 0);
    assert_true(speculation_decide(&k8, &options).xpti_domu);
}

static void refusals_for_l1tf_are_chosen_by_domain(void **state)
{
    struct speculation_options options = silent;

    assert_int_equal(speculation_parse_l1tf(&options, "dom0=1,domu=0"), 0);
    assert_true(speculation_decide(&k8, &options).l1tf_dom0);
    assert_false(speculation_decide(&haswell, &options).l1tf_domu);
}

static void unknown_words_are_refused_and_the_rest_counts(void **state)
{
    struct speculation_options options = silent;

    assert_int_equal(speculation_parse(&options, "quantum,rsb"), -EINVAL);
    assert_int_equal(options.rsb, CHOICE_YES);
    assert_int_equal(speculation_parse(&options, "bti-thunk=trampoline"), -EINVAL);
    assert_int_equal(speculation_parse(&options, "rsb=sometimes"), -EINVAL);
    assert_int_equal(speculation_parse(&options, "a-word-that-is-far-too-long-for-any-option"),
                     -EINVAL);
    assert_int_equal(speculation_parse_xpti(&options, "dom1=1"), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_processor_gets_all_that_needs_no_microcode),
        cmocka_unit_test(retpolines_serve_where_returns_are_safe),
        cmocka_unit_test(ibrs_serves_where_returns_are_predicted_by_targets),
        cmocka_unit_test(a_new_processor_has_nothing_on_its_ways_in_and_out),
        cmocka_unit_test(amd_needs_no_isolation_of_tables),
        cmocka_unit_test(poisoned_returns_cost_a_barrier_on_entry),
        cmocka_unit_test(automatic_ibrs_replaces_retpolines),
        cmocka_unit_test(no_turns_everything_off),
        cmocka_unit_test(what_was_asked_for_by_name_survives_no),
        cmocka_unit_test(no_pv_keeps_what_protects_pavise_itself),
        cmocka_unit_test(no_xen_keeps_what_is_done_for_guests),
        cmocka_unit_test(single_defences_are_chosen_by_name),
        cmocka_unit_test(what_the_processor_cannot_do_is_not_planned),
        cmocka_unit_test(isolation_is_chosen_by_domain),
        cmocka_unit_test(refusals_for_l1tf_are_chosen_by_domain),
        cmocka_unit_test(unknown_words_are_refused_and_the_rest_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
