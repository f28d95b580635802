// SPDX-License-Identifier: Apache-2.0
// xen_version and the short calls.
#include "control_fixture.h"

#include "abi/rare.h"
#include "control/hypercalls.h"
#include "control/machine.h"

static long version(uint64_t cmd, void *answer, size_t bytes)
{
    long result;

    memset(guest, 0xee, PAGE_SIZE);
    result = hypercall_xen_version(cmd, host_guest_address(guest));
    memcpy(answer, guest, bytes);
    return result;
}

static void the_interface_is_4_17(void **state)
{
    assert_int_equal(hypercall_xen_version(XENVER_version, gva(0)), 4 << 16 | 17);
    assert_int_equal(hypercall_xen_version(XENVER_pagesize, gva(0)), 4096);
}

static void texts_fill_their_arrays(void **state)
{
    xen_capabilities_info_t capabilities;
    xen_extraversion_t extra;
    xen_changeset_info_t changeset;

    assert_int_equal(version(XENVER_extraversion, extra, sizeof(extra)), 0);
    assert_string_equal(extra, "-pavise");
    assert_int_equal(extra[sizeof(extra) - 1], 0);
    assert_int_equal(version(XENVER_capabilities, capabilities, sizeof(capabilities)), 0);
    assert_string_equal(capabilities, "xen-3.0-x86_64");
    assert_int_equal(capabilities[sizeof(capabilities) - 1], 0);
    assert_int_equal(guest[sizeof(capabilities)], 0xee);
    assert_int_equal(version(XENVER_changeset, changeset, sizeof(changeset)), 0);
    assert_int_equal(hypercall_xen_version(XENVER_extraversion, nowhere()), -EFAULT);
}

static void guests_learn_where_the_hypervisor_begins(void **state)
{
    struct xen_platform_parameters parameters;

    assert_int_equal(version(XENVER_platform_parameters, &parameters, sizeof(parameters)), 0);
    assert_true(parameters.virt_start == 0xffff800000000000UL);
}

static uint32_t features(void)
{
    struct xen_feature_info info = {.submap_idx = 0};

    assert_int_equal(hypercall_xen_version(XENVER_get_features, PUT(&info)), 0);
    TAKE(&info);
    return info.submap;
}

static void features_are_those_of_a_paravirtual_guest(void **state)
{
    struct xen_feature_info info = {.submap_idx = 1};
    uint32_t f = features();

    assert_int_equal(f >> XENFEAT_writable_page_tables & 1, 0);
    assert_int_equal(f >> XENFEAT_auto_translated_physmap & 1, 0);
    assert_int_equal(f >> XENFEAT_supervisor_mode_kernel & 1, 0);
    assert_int_equal(f >> XENFEAT_mmu_pt_update_preserve_ad & 1, 1);
    assert_int_equal(f >> XENFEAT_dom0 & 1, 1);
    assert_int_equal(f >> XENFEAT_direct_mapped & 1, 1);
    assert_int_equal(hypercall_xen_version(XENVER_get_features, PUT(&info)), -EINVAL);
    run_as(other->vcpus[0]);
    assert_int_equal(features() >> XENFEAT_dom0 & 1, 0);
    run_as(dom0->vcpus[0]);
}

static void the_command_line_is_for_the_privileged(void **state)
{
    xen_commandline_t line;

    machine_facts.command_line = "loglvl=all";
    assert_int_equal(version(XENVER_commandline, line, sizeof(line)), 0);
    assert_string_equal(line, "loglvl=all");
    run_as(other->vcpus[0]);
    assert_int_equal(version(XENVER_commandline, line, sizeof(line)), 0);
    assert_string_equal(line, "<denied>");
    run_as(dom0->vcpus[0]);
}

static long build_id(uint32_t room)
{
    struct xen_build_id request = {.len = room};

    return hypercall_xen_version(XENVER_build_id, PUT(&request));
}

static void the_build_id_is_for_the_privileged_and_for_who_has_room(void **state)
{
    static const uint8_t id[] = {1, 2, 3, 4, 5};

    assert_int_equal(hypercall_xen_version(XENVER_build_id, gva(0)), -ENODATA);
    machine_facts.build_id = id;
    machine_facts.build_id_bytes = sizeof(id);
    assert_int_equal(hypercall_xen_version(XENVER_build_id, gva(0)), sizeof(id));
    assert_int_equal(build_id(0), -EINVAL);
    assert_int_equal(build_id(4), -ENOBUFS);
    assert_int_equal(build_id(5), sizeof(id));
    assert_memory_equal(guest + sizeof(uint32_t), id, sizeof(id));
    assert_int_equal(hypercall_xen_version(XENVER_build_id, nowhere()), -EFAULT);
    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_xen_version(XENVER_build_id, gva(0)), -EPERM);
    run_as(dom0->vcpus[0]);
}

static void the_handle_is_the_domains(void **state)
{
    xen_domain_handle_t handle;

    memset(dom0->handle, 0x5a, sizeof(dom0->handle));
    assert_int_equal(version(XENVER_guest_handle, handle, sizeof(handle)), 0);
    assert_memory_equal(handle, dom0->handle, sizeof(handle));
    assert_int_equal(hypercall_xen_version(11, gva(0)), -ENOSYS);
}

static void assists_are_switched_by_bit(void **state)
{
    assert_int_equal(hypercall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0);
    assert_int_equal(dom0->vm_assist, 1UL << VMASST_TYPE_runstate_update_flag);
    assert_int_equal(hypercall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_m2p_strict), 0);
    assert_int_equal(hypercall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag), 0);
    assert_true(dom0->vm_assist == 1UL << VMASST_TYPE_m2p_strict);
    assert_int_equal(hypercall_vm_assist(VMASST_CMD_enable, 6), -EINVAL);
    assert_int_equal(hypercall_vm_assist(VMASST_CMD_enable, 64), -EINVAL);
    assert_int_equal(hypercall_vm_assist(2, 0), -ENOSYS);
}

static void nmi_callbacks_are_domain_0s_first_vcpus(void **state)
{
    struct xennmi_callback callback = {.handler_address = 0xffffffff81000000UL};

    assert_int_equal(hypercall_nmi_op(XENNMI_register_callback, PUT(&callback)), 0);
    assert_true(dom0->vcpus[0]->nmi.address == callback.handler_address);
    assert_int_equal(hypercall_nmi_op(XENNMI_unregister_callback, gva(0)), 0);
    assert_int_equal(dom0->vcpus[0]->nmi.address, 0);
    assert_int_equal(hypercall_nmi_op(XENNMI_register_callback, nowhere()), -EFAULT);
    assert_int_equal(hypercall_nmi_op(2, gva(0)), -ENOSYS);
    run_as(dom0->vcpus[1]);
    assert_int_equal(hypercall_nmi_op(XENNMI_register_callback, PUT(&callback)), -EINVAL);
    run_as(dom0->vcpus[0]);
}

static void paravirtual_domains_have_no_hvm_parameters(void **state)
{
    struct xen_hvm_param param = {.domid = DOMID_SELF};

    assert_int_equal(hypercall_hvm_op(HVMOP_get_param, PUT(&param)), -EINVAL);
    param.domid = 999;
    assert_int_equal(hypercall_hvm_op(HVMOP_get_param, PUT(&param)), -ESRCH);
    assert_int_equal(hypercall_hvm_op(HVMOP_get_param, nowhere()), -EFAULT);
    assert_int_equal(hypercall_hvm_op(HVMOP_get_time, gva(0)), -EINVAL);
    assert_int_equal(hypercall_hvm_op(1000, gva(0)), -ENOSYS);
}

static void kexec_has_ranges_but_no_images(void **state)
{
    struct xen_kexec_range range = {.range = KEXEC_RANGE_MA_XEN};
    struct xen_kexec_status status = {.type = KEXEC_TYPE_CRASH};

    machine_facts.image_start = 0x200000;
    machine_facts.image_bytes = 0x80000;
    assert_int_equal(hypercall_kexec_op(KEXEC_CMD_kexec_get_range, PUT(&range)), 0);
    TAKE(&range);
    assert_int_equal(range.start, 0x200000);
    range.range = KEXEC_RANGE_MA_CRASH;
    assert_int_equal(hypercall_kexec_op(KEXEC_CMD_kexec_get_range, PUT(&range)), 0);
    TAKE(&range);
    assert_int_equal(range.size, 0);
    range.range = KEXEC_RANGE_MA_CPU;
    range.nr = 1;
    assert_int_equal(hypercall_kexec_op(KEXEC_CMD_kexec_get_range, PUT(&range)), -ERANGE);
    assert_int_equal(hypercall_kexec_op(KEXEC_CMD_kexec_status, PUT(&status)), 0);
    status.type = 9;
    assert_int_equal(hypercall_kexec_op(KEXEC_CMD_kexec_status, PUT(&status)), -EINVAL);
    assert_int_equal(hypercall_kexec_op(KEXEC_CMD_kexec_load, gva(0)), -ENOSYS);
    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_kexec_op(KEXEC_CMD_kexec_status, PUT(&status)), -EPERM);
    run_as(dom0->vcpus[0]);
}

static void absent_subjects_are_said_to_be_absent(void **state)
{
    assert_int_equal(hypercall_xsm_op(gva(0)), -ENOSYS);
    assert_int_equal(hypercall_tmem_op(gva(0)), -ENOSYS);
    assert_int_equal(hypercall_xenoprof_op(0, gva(0)), -ENOSYS);
}

static void machine_check_finds_processors_and_no_errors(void **state)
{
    struct xen_mc op = {.cmd = XEN_MC_physcpuinfo, .interface_version = XEN_MCA_INTERFACE_VERSION};

    assert_int_equal(hypercall_arch_0(PUT(&op)), 0);
    TAKE(&op);
    assert_int_equal(op.u.mc_physcpuinfo.ncpus, 1);
    op.u.mc_physcpuinfo.ncpus = 8;
    op.u.mc_physcpuinfo.info.p = elsewhere();
    assert_int_equal(hypercall_arch_0(PUT(&op)), 0);
    TAKE(&op);
    assert_int_equal(op.u.mc_physcpuinfo.ncpus, 1);
    op.cmd = XEN_MC_fetch;
    op.u.mc_fetch = (struct xen_mc_fetch){.flags = XEN_MC_URGENT};
    assert_int_equal(hypercall_arch_0(PUT(&op)), -EINVAL);
    op.u.mc_fetch.data.p = elsewhere();
    assert_int_equal(hypercall_arch_0(PUT(&op)), 0);
    TAKE(&op);
    assert_int_equal(op.u.mc_fetch.flags, XEN_MC_NODATA);
    op.interface_version++;
    assert_int_equal(hypercall_arch_0(PUT(&op)), -EACCES);
    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_arch_0(PUT(&op)), -EPERM);
    run_as(dom0->vcpus[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_interface_is_4_17),
        TEST(texts_fill_their_arrays),
        TEST(guests_learn_where_the_hypervisor_begins),
        TEST(features_are_those_of_a_paravirtual_guest),
        TEST(the_command_line_is_for_the_privileged),
        TEST(the_build_id_is_for_the_privileged_and_for_who_has_room),
        TEST(the_handle_is_the_domains),
        TEST(assists_are_switched_by_bit),
        TEST(nmi_callbacks_are_domain_0s_first_vcpus),
        TEST(paravirtual_domains_have_no_hvm_parameters),
        TEST(kexec_has_ranges_but_no_images),
        TEST(absent_subjects_are_said_to_be_absent),
        TEST(machine_check_finds_processors_and_no_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
