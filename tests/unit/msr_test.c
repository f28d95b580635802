// SPDX-License-Identifier: Apache-2.0
// The MSR policy: what guests read, write, and are refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/io.h"
#include "arch/msr.h"
#include "pv.h"
#include "pv/msr.h"

static uint64_t bases[3];
static uint64_t hypercall_page;

static uint64_t get_base(enum segment_base which)
{
    return bases[which];
}

static void set_base(enum segment_base which, uint64_t base)
{
    bases[which] = base;
}

static uint64_t read_tsc(void)
{
    return 0x123456789a;
}

static int fill_hypercall_page(uint64_t value)
{
    hypercall_page = value;
    return value < 0x1000 ? -EINVAL : 0;
}

static const struct pv_msr_ops ops = {get_base, set_base, read_tsc, fill_hypercall_page};

static struct cpuid_policy cpuid;
static struct pv_msrs registers;
static struct pv_msr_context context;

static void show(unsigned feature)
{
    cpuid.features[feature / 32] |= 1U << (feature % 32);
}

static int reset(void **state)
{
    host_forget_devices();
    host_processor_reset();
    memset(&cpuid, 0, sizeof(cpuid));
    memset(&registers, 0, sizeof(registers));
    memset(bases, 0, sizeof(bases));
    cpuid.config.control_domain = true;
    context =
        (struct pv_msr_context){.cpuid = &cpuid, .ops = &ops, .state = &registers, .wide = true};
    return 0;
}

static void assert_reads(uint32_t index, uint64_t expected)
{
    uint64_t value;

    assert_int_equal(pv_msr_read(&context, index, &value), 0);
    assert_int_equal(value, expected);
}

static void assert_read_faults(uint32_t index)
{
    uint64_t value = 5;

    assert_int_equal(pv_msr_read(&context, index, &value), -EPERM);
    assert_int_equal(value, 0);
}

static void assert_writes(uint32_t index, uint64_t value)
{
    assert_int_equal(pv_msr_write(&context, index, value), 0);
}

static void assert_write_faults(uint32_t index, uint64_t value)
{
    assert_int_equal(pv_msr_write(&context, index, value), -EPERM);
}

static void what_is_not_in_the_table_faults(void **state)
{
    static const uint32_t others[] = {0,          0x11,       0x3a,       0xc1,       0x186,
                                      0x345,      0x400,      0x6e0,      0x802,      0xda0,
                                      0x40000001, 0xc0000085, 0xc0000104, 0xc0010114, UINT32_MAX};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        host_msr_set(others[i], 1); /* even where the machine has it */
        assert_read_faults(others[i]);
        assert_write_faults(others[i], 0);
        assert_int_equal(host_msr_get(others[i]), 1);
    }
}

static void efer_reads_as_in_long_mode_and_stays(void **state)
{
    show(XEN_X86_FEATURE_NX);
    assert_reads(0xc0000080, 0xd01);
    assert_writes(0xc0000080, 0xd01);
    assert_write_faults(0xc0000080, 0x1d01); /* SVME */
    context.wide = false;
    assert_reads(0xc0000080, 0x801);
}

static void segment_bases_are_the_vcpus(void **state)
{
    assert_writes(0xc0000100, 0x7fff12345678);
    assert_int_equal(bases[BASE_FS], 0x7fff12345678);
    assert_writes(0xc0000101, 0xffff888000001000);
    assert_int_equal(bases[BASE_GS], 0xffff888000001000);
    assert_writes(0xc0000102, 0x1000);
    assert_reads(0xc0000102, 0x1000);
    assert_write_faults(0xc0000100, 0x800000000000);
    assert_int_equal(bases[BASE_FS], 0x7fff12345678);
    context.wide = false;
    assert_read_faults(0xc0000100);
    assert_write_faults(0xc0000100, 0);
}

static void the_pat_is_fixed(void **state)
{
    assert_reads(0x277, 0x50100070406);
    assert_writes(0x277, 0x50100070406);
    assert_write_faults(0x277, 0x7040600070406);
}

static void the_apic_is_where_it_was(void **state)
{
    assert_reads(0x1b, 0xfee00900);
    context.vcpu_id = 1;
    assert_reads(0x1b, 0xfee00800);
    assert_write_faults(0x1b, 0xfee00c00); /* x2APIC */
    assert_writes(0x1b, 0xfee00800);
}

static void the_time_stamp_counter_is_read_only(void **state)
{
    assert_reads(0x10, 0x123456789a);
    assert_write_faults(0x10, 0x123456789a);
}

static void system_call_registers_take_no_effect(void **state)
{
    for (uint32_t index = 0xc0000081; index <= 0xc0000084; index++) {
        assert_reads(index, 0);
        assert_writes(index, 0xffffffff81000000);
        assert_reads(index, 0);
    }
    assert_writes(0x176, 0xffffffff81000000);
}

static void tsc_aux_goes_with_rdtscp(void **state)
{
    host_msr_set(0xc0000103, 0);
    assert_read_faults(0xc0000103);
    assert_write_faults(0xc0000103, 1);
    show(XEN_X86_FEATURE_RDTSCP);
    assert_writes(0xc0000103, 0x1005);
    assert_reads(0xc0000103, 0x1005);
    assert_int_equal(host_msr_get(0xc0000103), 0x1005);
    assert_write_faults(0xc0000103, 1ULL << 32);
}

static void speculation_control_has_the_bits_that_are_shown(void **state)
{
    host_msr_set(0x48, 0);
    assert_read_faults(0x48);
    assert_write_faults(0x48, 0);
    show(XEN_X86_FEATURE_IBRSB);
    assert_writes(0x48, 1);
    assert_int_equal(host_msr_get(0x48), 1);
    assert_write_faults(0x48, 4);
    show(XEN_X86_FEATURE_SSBD);
    assert_writes(0x48, 5);
    assert_reads(0x48, 5);
    assert_write_faults(0x48, 1ULL << 63);
}

static void the_prediction_barrier_is_write_only(void **state)
{
    host_msr_set(0x49, 0);
    assert_write_faults(0x49, 1);
    show(XEN_X86_FEATURE_IBPB);
    assert_read_faults(0x49);
    assert_writes(0x49, 1);
    assert_int_equal(host_msr_get(0x49), 1);
    assert_write_faults(0x49, 0x80); /* SBPB */
    assert_write_faults(0x49, 2);
}

static void arch_capabilities_are_the_policys(void **state)
{
    assert_read_faults(0x10a);
    show(XEN_X86_FEATURE_ARCH_CAPS);
    show(XEN_X86_FEATURE_RDCL_NO);
    assert_reads(0x10a, 1);
    assert_write_faults(0x10a, 1);
}

static void the_microcode_revision_can_be_asked_for(void **state)
{
    host_msr_set(0x8b, 0xa101148);
    assert_writes(0x8b, 0);
    assert_reads(0x8b, 0xa101148);
    assert_write_faults(0x8b, 1);
    assert_int_equal(host_msr_get(0x8b), 0xa101148);
}

static void misc_enable_is_shown_and_kept(void **state)
{
    assert_read_faults(0x1a0); /* a machine without it */
    assert_write_faults(0x1a0, 0);
    host_msr_set(0x1a0, 0x850089);
    assert_reads(0x1a0, 0x811809);
    assert_writes(0x1a0, 0x811809 & ~1ULL);
    assert_int_equal(host_msr_get(0x1a0), 0x850089);
}

static void there_are_no_machine_check_banks(void **state)
{
    assert_reads(0x179, 0);
    assert_reads(0x17a, 0);
    assert_writes(0x17a, 0);
    assert_write_faults(0x17a, 1);
    assert_read_faults(0x17b);
}

static void only_the_control_domain_sees_the_machines_memory_map(void **state)
{
    static const uint32_t machine[] = {0xc001001a, 0xc001001d, 0xc001001f, 0xc0010058};

    for (size_t i = 0; i < ARRAY_SIZE(machine); i++) {
        host_msr_set(machine[i], 0x80000000);
        cpuid.config.control_domain = true;
        assert_reads(machine[i], 0x80000000);
        cpuid.config.control_domain = false;
        assert_read_faults(machine[i]);
        assert_write_faults(machine[i], 0);
        assert_int_equal(host_msr_get(machine[i]), 0x80000000);
    }
}

static void amd_configuration_shows_single_bits(void **state)
{
    host_msr_set(0xc0010015, 0x19000010);
    host_msr_set(0xc0011029, 0xffff);
    host_msr_set(0xc0010010, 0xf40000);
    assert_reads(0xc0010015, 0x01000000);
    assert_reads(0xc0011029, 2);
    assert_reads(0xc0010010, 0x740000);
    assert_writes(0xc0011029, 2);
    assert_int_equal(host_msr_get(0xc0011029), 0xffff);
    host_forget_devices(); /* another maker's machine */
    assert_read_faults(0xc0010015);
    assert_write_faults(0xc0010015, 0);
}

static void cpuid_faulting_is_offered_where_the_processor_has_it(void **state)
{
    assert_reads(0xce, 0);
    assert_reads(0x140, 0);
    assert_write_faults(0x140, 1);
    host_processor.cpuid_faults = true;
    assert_reads(0xce, 1UL << 31);
    assert_writes(0x140, 1);
    assert_reads(0x140, 1);
    assert_true(registers.cpuid_faulting);
    assert_write_faults(0x140, 3);
    assert_writes(0x140, 0);
    assert_false(registers.cpuid_faulting);
}

static void the_hypercall_page_is_filled_on_request(void **state)
{
    assert_writes(0x40000000, 0x5000);
    assert_int_equal(hypercall_page, 0x5000);
    assert_write_faults(0x40000000, 0x10);
    assert_reads(0x40000000, 0);
}

static void a_switch_loads_what_differs(void **state)
{
    const struct pv_msrs idle = {0}, busy = {.spec_ctrl = 1, .tsc_aux = 7};

    pv_msrs_load(&idle, &idle); /* registers that are missing are not touched */
    host_msr_set(0x48, 0);
    host_msr_set(0xc0000103, 0);
    pv_msrs_load(&busy, &idle);
    assert_int_equal(host_msr_get(0x48), 1);
    assert_int_equal(host_msr_get(0xc0000103), 7);
    pv_msrs_load(&idle, &busy);
    assert_int_equal(host_msr_get(0x48), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_not_in_the_table_faults, reset),
        cmocka_unit_test_setup(efer_reads_as_in_long_mode_and_stays, reset),
        cmocka_unit_test_setup(segment_bases_are_the_vcpus, reset),
        cmocka_unit_test_setup(the_pat_is_fixed, reset),
        cmocka_unit_test_setup(the_apic_is_where_it_was, reset),
        cmocka_unit_test_setup(the_time_stamp_counter_is_read_only, reset),
        cmocka_unit_test_setup(system_call_registers_take_no_effect, reset),
        cmocka_unit_test_setup(tsc_aux_goes_with_rdtscp, reset),
        cmocka_unit_test_setup(speculation_control_has_the_bits_that_are_shown, reset),
        cmocka_unit_test_setup(the_prediction_barrier_is_write_only, reset),
        cmocka_unit_test_setup(arch_capabilities_are_the_policys, reset),
        cmocka_unit_test_setup(the_microcode_revision_can_be_asked_for, reset),
        cmocka_unit_test_setup(misc_enable_is_shown_and_kept, reset),
        cmocka_unit_test_setup(there_are_no_machine_check_banks, reset),
        cmocka_unit_test_setup(only_the_control_domain_sees_the_machines_memory_map, reset),
        cmocka_unit_test_setup(amd_configuration_shows_single_bits, reset),
        cmocka_unit_test_setup(cpuid_faulting_is_offered_where_the_processor_has_it, reset),
        cmocka_unit_test_setup(the_hypercall_page_is_filled_on_request, reset),
        cmocka_unit_test_setup(a_switch_loads_what_differs, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
