// SPDX-License-Identifier: Apache-2.0
// domctl: rights to devices, frames' uses, CPU policies, and what is refused.
#include "domctl_fixture.h"

#include "control/irq.h"
#include "domain/access.h"
#include "pv/cpuid.h"

static domid_t id;
static struct domain *d;

static void begin(void)
{
    id = create_domain(1);
    d = record_of(id);
    clear_op();
}

/* ---- rights ------------------------------------------------------------------------------------
 */

static long ports(uint32_t first, uint32_t count, bool allow)
{
    clear_op();
    op.u.ioport_permission.first_port = first;
    op.u.ioport_permission.nr_ports = count;
    op.u.ioport_permission.allow_access = allow;
    return call(XEN_DOMCTL_ioport_permission, id);
}

static void ports_are_given_by_who_has_them(void **state)
{
    begin();
    assert_int_equal(ports(0x60, 8, true), -EPERM);
    assert_int_equal(domain_set_port_right(dom0, 0x60, 0x67, true), 0);
    assert_false(domain_may_access_ports(d, 0x60, 0x60));
    assert_int_equal(ports(0x60, 8, true), 0);
    assert_true(domain_may_access_ports(d, 0x60, 0x67));
    assert_false(domain_may_access_ports(d, 0x60, 0x68));
    assert_false(domain_may_access_ports(d, 0x5f, 0x60));
    assert_int_equal(ports(0x62, 2, false), 0);
    assert_false(domain_may_access_ports(d, 0x60, 0x67));
    assert_true(domain_may_access_ports(d, 0x64, 0x67));
    assert_int_equal(ports(0x66, 3, true), -EPERM);
    assert_int_equal(ports(0x60, 0, true), -EINVAL);
    assert_int_equal(ports(0xffff, 2, true), -EINVAL);
    assert_int_equal(ports(0x10000, 1, true), -EINVAL);
    assert_int_equal(ports(UINT32_MAX, 3, true), -EINVAL);
}

static long frames(uint64_t first, uint64_t count, bool allow)
{
    clear_op();
    op.u.iomem_permission.first_mfn = first;
    op.u.iomem_permission.nr_mfns = count;
    op.u.iomem_permission.allow_access = allow;
    return call(XEN_DOMCTL_iomem_permission, id);
}

static void device_memory_is_given_by_who_has_it(void **state)
{
    begin();
    assert_int_equal(domain_set_map_right(dom0, 0xf0000, 0xf00ff, true), 0);
    assert_int_equal(frames(0xf0000, 0x101, true), -EPERM);
    assert_int_equal(frames(0xf0000, 0x100, true), 0);
    assert_true(domain_may_map(d, 0xf0000, 0xf00ff));
    assert_int_equal(frames(0xf0010, 1, false), 0);
    assert_false(domain_may_map(d, 0xf0010, 0xf0010));
    assert_true(domain_may_map(d, 0xf0011, 0xf00ff));
    assert_int_equal(frames(0xf0000, 0, true), -EINVAL);
    assert_int_equal(frames(0xf0000, UINT64_MAX, true), -EINVAL);
    clear_op();
    op.u.memory_mapping.first_mfn = op.u.memory_mapping.first_gfn = 0xf0000;
    assert_int_equal(call(XEN_DOMCTL_memory_mapping, id), -EINVAL);
    op.u.memory_mapping.nr_mfns = 1;
    assert_int_equal(call(XEN_DOMCTL_memory_mapping, id), 0);
}

/* ---- frames ------------------------------------------------------------------------------------
 */

static void frames_say_what_they_are_used_for(void **state)
{
    xen_pfn_t *list = page_of_guest(1);
    struct mmuext_op *pin = page_of_guest(2);
    mfn_t table, page;

    begin();
    table = add_frame(d);
    page = add_frame(d);
    *pin = (struct mmuext_op){.cmd = MMUEXT_PIN_L2_TABLE, .arg1.mfn = table.n};
    assert_int_equal(hypercall_mmuext_op(host_guest_address(pin), 1, gva(0), id), 0);
    list[0] = table.n;
    list[1] = page.n;
    list[2] = dom0->shared_mfn;
    list[3] = UINT64_MAX;
    op.u.getpageframeinfo3.num = 4;
    op.u.getpageframeinfo3.array.p = list;
    assert_int_equal(call(XEN_DOMCTL_getpageframeinfo3, id), 0);
    assert_int_equal(list[0], XEN_DOMCTL_PFINFO_L2TAB | XEN_DOMCTL_PFINFO_LPINTAB);
    assert_int_equal(list[1], XEN_DOMCTL_PFINFO_NOTAB);
    assert_int_equal(list[2], XEN_DOMCTL_PFINFO_XTAB);
    assert_int_equal(list[3], XEN_DOMCTL_PFINFO_XTAB);
    op.u.getpageframeinfo3.num = 1025;
    assert_int_equal(call(XEN_DOMCTL_getpageframeinfo3, id), -E2BIG);
    op.u.getpageframeinfo3.num = 1024;
    host_guest_fault_from(PAGE_SIZE + 8);
    assert_int_equal(call(XEN_DOMCTL_getpageframeinfo3, id), -EFAULT);
}

static void a_hypercall_page_is_written_where_it_can_be(void **state)
{
    mfn_t page;

    begin();
    page = add_frame(d);
    op.u.hypercall_init.gmfn = page.n;
    assert_int_equal(call(XEN_DOMCTL_hypercall_init, id), 0);
    assert_int_equal(*(uint8_t *)frame_to_virt(page), 0x51);
    op.u.hypercall_init.gmfn = dom0->shared_mfn;
    assert_int_equal(call(XEN_DOMCTL_hypercall_init, id), -EINVAL);
    op.u.hypercall_init.gmfn = UINT64_MAX;
    assert_int_equal(call(XEN_DOMCTL_hypercall_init, id), -EINVAL);
}

static void a_grant_table_is_there_when_tools_ask_for_it(void **state)
{
    struct xen_mem_acquire_resource *r = page_of_guest(1);
    xen_pfn_t *list = page_of_guest(2);

    begin();
    *r = (struct xen_mem_acquire_resource){.domid = id, .type = XENMEM_resource_grant_table};
    assert_int_equal(hypercall_memory_op(XENMEM_acquire_resource, host_guest_address(r)), 0);
    assert_int_equal(r->nr_frames, 4);
    r->nr_frames = 1;
    r->frame_list.p = list;
    assert_int_equal(hypercall_memory_op(XENMEM_acquire_resource, host_guest_address(r)), 0);
    assert_int_equal(frame_of(mfn(list[0]))->owner, id);
    r->frame = 4;
    assert_int_equal(hypercall_memory_op(XENMEM_acquire_resource, host_guest_address(r)), -EINVAL);
}

/* ---- policies ----------------------------------------------------------------------------------
 */

static void list_in(struct xen_cpuid_leaf *leaves, struct xen_msr_entry *msrs)
{
    clear_op();
    op.u.cpu_policy.nr_leaves = 96;
    op.u.cpu_policy.nr_msrs = 2;
    op.u.cpu_policy.leaves.p = leaves;
    op.u.cpu_policy.msrs.p = msrs;
}

static struct xen_cpuid_leaf *leaf_in(struct xen_cpuid_leaf *leaves, uint32_t leaf)
{
    while (leaves->leaf != leaf) {
        leaves++;
    }
    return leaves;
}

static void a_policy_goes_out_and_comes_back_with_less(void **state)
{
    struct xen_cpuid_leaf *leaves = page_of_guest(1), *one;
    struct xen_msr_entry *msrs = page_of_guest(2);
    const struct cpuid_policy *policy;

    begin();
    assert_int_equal(call(XEN_DOMCTL_get_cpu_policy, id), 0);
    assert_int_equal(op.u.cpu_policy.nr_msrs, 2);
    list_in(leaves, msrs);
    assert_int_equal(call(XEN_DOMCTL_get_cpu_policy, id), 0);
    assert_true(op.u.cpu_policy.nr_leaves > 2);
    one = leaf_in(leaves, 1);
    assert_int_equal(one->subleaf, XEN_CPUID_NO_SUBLEAF);
    assert_true((one->d & 1U << (XEN_X86_FEATURE_FXSR % 32)) != 0);
    assert_true(cpuid_policy_has(pv_cpuid_policy(d), XEN_X86_FEATURE_AVX2));
    leaf_in(leaves, 0xd)->a = 0; /* what follows from features is not asked */
    one->c = ~(1U << (XEN_X86_FEATURE_AVX % 32));
    one->d = ~(1U << (XEN_X86_FEATURE_FXSR % 32));
    assert_int_equal(call(XEN_DOMCTL_set_cpu_policy, id), 0);
    policy = pv_cpuid_policy(d);
    assert_ptr_not_equal(policy, pv_cpuid_default(false));
    assert_false(cpuid_policy_has(policy, XEN_X86_FEATURE_FXSR));
    assert_false(cpuid_policy_has(policy, XEN_X86_FEATURE_AVX));
    assert_false(cpuid_policy_has(policy, XEN_X86_FEATURE_AVX2));
    assert_int_equal(cpuid_policy_record(policy, 0xd, 0)->eax, 3);
    for (unsigned int i = 0; i < CPUID_FEATURE_WORDS; i++) {
        assert_int_equal(policy->features[i] & ~pv_cpuid_default(false)->features[i], 0);
    }
    assert_int_equal(call(XEN_DOMCTL_set_cpu_policy, id), 0);
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), 0);
    assert_int_equal(call(XEN_DOMCTL_set_cpu_policy, id), -EEXIST);
    assert_int_equal(call(XEN_DOMCTL_set_cpu_policy, 0), -EINVAL);
}

static unsigned int entries_of(const struct xen_cpuid_leaf *leaves, uint32_t leaf)
{
    unsigned int entries = 0;

    for (uint32_t i = 0; i < op.u.cpu_policy.nr_leaves; i++) {
        entries += leaves[i].leaf == leaf;
    }
    return entries;
}

/*
 * libxenguest writes what it made of a list into the room of that list: it has to have the leaves
 * of the guest interface, gaps between extended states, and the cache that ends the caches, too.
 */
static void a_list_has_room_for_what_tools_make_of_it(void **state)
{
    struct xen_cpuid_leaf *leaves = page_of_guest(1);
    const struct xen_cpuid_leaf *states;
    uint64_t bits;

    begin();
    list_in(leaves, page_of_guest(2));
    assert_int_equal(call(XEN_DOMCTL_get_cpu_policy, id), 0);
    assert_int_equal(entries_of(leaves, XEN_CPUID_FIRST_LEAF), 1);
    assert_int_equal(entries_of(leaves, XEN_CPUID_FIRST_LEAF + 0x100), 1);
    states = leaf_in(leaves, 0xd);
    bits = states->a | (uint64_t)states->d << 32;
    assert_int_equal(entries_of(leaves, 0xd), 64 - __builtin_clzll(bits));
    assert_int_equal(leaf_in(leaves, 4)[entries_of(leaves, 4) - 1].a & 0x1f, 0);
    assert_int_equal(call(XEN_DOMCTL_set_cpu_policy, id), 0);
}

static long set_leaf(uint32_t leaf, uint32_t subleaf, uint32_t a)
{
    struct xen_cpuid_leaf *leaves = page_of_guest(1);

    *leaves = (struct xen_cpuid_leaf){leaf, subleaf, a, 0, 0, 0};
    list_in(leaves, NULL);
    op.u.cpu_policy.nr_leaves = 1;
    op.u.cpu_policy.nr_msrs = 0;
    return call(XEN_DOMCTL_set_cpu_policy, id);
}

static long set_msr(uint32_t index, uint32_t flags, uint64_t value)
{
    struct xen_msr_entry *msrs = page_of_guest(1);

    *msrs = (struct xen_msr_entry){index, flags, value};
    list_in(NULL, msrs);
    op.u.cpu_policy.nr_leaves = 0;
    op.u.cpu_policy.nr_msrs = 1;
    return call(XEN_DOMCTL_set_cpu_policy, id);
}

static void policies_that_can_not_be(void **state)
{
    begin();
    assert_int_equal(set_leaf(0x12345678, XEN_CPUID_NO_SUBLEAF, 0), -ERANGE);
    assert_int_equal(op.u.cpu_policy.err_leaf, 0x12345678);
    assert_int_equal(set_leaf(1, 0, 0), -ERANGE);
    assert_int_equal(op.u.cpu_policy.err_subleaf, 0);
    assert_int_equal(set_leaf(7, XEN_CPUID_NO_SUBLEAF, 0), -ERANGE);
    assert_int_equal(set_leaf(7, 99, 0), -ERANGE);
    assert_int_equal(set_leaf(0, XEN_CPUID_NO_SUBLEAF, 0x40), -EINVAL);
    assert_int_equal(op.u.cpu_policy.err_leaf, 0);
    assert_int_equal(set_msr(0xce, 1, 0), -EINVAL);
    assert_int_equal(op.u.cpu_policy.err_msr, 0xce);
    assert_int_equal(set_msr(0xce, 0, 1U << 31), -EINVAL);
    assert_int_equal(set_msr(0x10, 0, 0), -ERANGE);
    assert_int_equal(set_msr(0xce, 0, 0), 0);
    op.u.cpu_policy.nr_msrs = 3;
    assert_int_equal(call(XEN_DOMCTL_set_cpu_policy, id), -E2BIG);
    list_in(page_of_guest(1), page_of_guest(2));
    op.u.cpu_policy.nr_leaves = 2;
    assert_int_equal(call(XEN_DOMCTL_get_cpu_policy, id), -ENOBUFS);
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static void what_such_a_domain_does_not_have(void **state)
{
    static const struct {
        uint32_t command;
        int error;
    } refused[] = {
        {XEN_DOMCTL_assign_device, EOPNOTSUPP},
        {XEN_DOMCTL_deassign_device, EOPNOTSUPP},
        {XEN_DOMCTL_test_assign_device, EOPNOTSUPP},
        {XEN_DOMCTL_get_device_group, EOPNOTSUPP},
        {XEN_DOMCTL_bind_pt_irq, EINVAL},
        {XEN_DOMCTL_ioport_mapping, EOPNOTSUPP},
        {XEN_DOMCTL_gethvmcontext, EINVAL},
        {XEN_DOMCTL_psr_alloc, ENODEV},
        {XEN_DOMCTL_psr_cmt_op, ENODEV},
        {XEN_DOMCTL_vmtrace_op, EINVAL},
        {XEN_DOMCTL_get_paging_mempool_size, EOPNOTSUPP},
        {XEN_DOMCTL_set_paging_mempool_size, EOPNOTSUPP},
        {XEN_DOMCTL_setvnumainfo, EOPNOTSUPP},
        {XEN_DOMCTL_soft_reset, EINVAL},
        {XEN_DOMCTL_vm_event_op, ENOSYS},
        {XEN_DOMCTL_mem_sharing_op, ENOSYS},
        {XEN_DOMCTL_vuart_op, ENOSYS},
        {XEN_DOMCTL_monitor_op, EOPNOTSUPP},
        {XEN_DOMCTL_shadow_op, EINVAL},
    };

    begin();
    for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++) {
        clear_op();
        assert_int_equal(call(refused[i].command, id), -refused[i].error);
    }
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;
    assert_int_equal(call(XEN_DOMCTL_shadow_op, id), -EOPNOTSUPP);
    op.u.monitor_op.op = XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES;
    assert_int_equal(call(XEN_DOMCTL_monitor_op, id), 0);
    assert_int_equal(op.u.monitor_op.event, 0);
}

static void the_counter_is_the_machines(void **state)
{
    begin();
    assert_int_equal(call(XEN_DOMCTL_gettscinfo, id), 0);
    assert_int_equal(op.u.tsc_info.gtsc_khz, NS_PER_SECOND / 1000);
    op.u.tsc_info.tsc_mode = 2;
    op.u.tsc_info.incarnation = 3;
    assert_int_equal(call(XEN_DOMCTL_settscinfo, id), 0);
    assert_int_equal(call(XEN_DOMCTL_gettscinfo, id), 0);
    assert_int_equal(op.u.tsc_info.tsc_mode, 2);
    assert_int_equal(op.u.tsc_info.incarnation, 4);
    op.u.tsc_info.tsc_mode = 1;
    assert_int_equal(call(XEN_DOMCTL_settscinfo, id), -EOPNOTSUPP);
    op.u.tsc_info.tsc_mode = 0;
    op.u.tsc_info.gtsc_khz = 1;
    assert_int_equal(call(XEN_DOMCTL_settscinfo, id), -EOPNOTSUPP);
    op.u.tsc_info.tsc_mode = 3;
    assert_int_equal(call(XEN_DOMCTL_settscinfo, id), -EINVAL);
    assert_int_equal(call(XEN_DOMCTL_gettscinfo, 0), -EINVAL);
}

static void a_subscriber_hears_of_the_suspension_instead_of_all(void **state)
{
    struct evtchn_alloc_unbound *open = page_of_guest(1);
    struct evtchn_bind_interdomain *bind = page_of_guest(2);

    begin();
    *open = (struct evtchn_alloc_unbound){.dom = id, .remote_dom = 0};
    assert_int_equal(hypercall_event_channel_op(EVTCHNOP_alloc_unbound, host_guest_address(open)),
                     0);
    *bind = (struct evtchn_bind_interdomain){.remote_dom = id, .remote_port = open->port};
    assert_int_equal(
        hypercall_event_channel_op(EVTCHNOP_bind_interdomain, host_guest_address(bind)), 0);
    op.u.subscribe.port = open->port;
    assert_int_equal(call(XEN_DOMCTL_subscribe, id), 0);
    dom0->shared->evtchn_pending[0] = 0;
    domain_shutdown(d, SHUTDOWN_suspend);
    assert_int_equal(dom0->shared->evtchn_pending[0], 1UL << bind->local_port);
    domain_resume(d);
    dom0->shared->evtchn_pending[0] = 0;
    domain_shutdown(d, SHUTDOWN_crash);
    assert_int_equal(dom0->shared->evtchn_pending[0], 0);
}

static void nodes_are_one(void **state)
{
    uint8_t *map = page_of_guest(1);

    begin();
    op.u.nodeaffinity.nodemap.bitmap.p = map;
    op.u.nodeaffinity.nodemap.nr_bits = 8;
    *map = 3;
    assert_int_equal(call(XEN_DOMCTL_setnodeaffinity, id), 0);
    *map = 2;
    assert_int_equal(call(XEN_DOMCTL_setnodeaffinity, id), -EINVAL);
    assert_int_equal(call(XEN_DOMCTL_getnodeaffinity, id), 0);
    assert_int_equal(*map, 1);
    clear_op();
    op.u.address_size.size = 32;
    assert_int_equal(call(XEN_DOMCTL_set_address_size, id), -EOPNOTSUPP);
    op.u.address_size.size = 64;
    assert_int_equal(call(XEN_DOMCTL_set_address_size, id), 0);
    op.u.address_size.size = 16;
    assert_int_equal(call(XEN_DOMCTL_set_address_size, id), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ports_are_given_by_who_has_them),
        TEST(device_memory_is_given_by_who_has_it),
        TEST(frames_say_what_they_are_used_for),
        TEST(a_hypercall_page_is_written_where_it_can_be),
        TEST(a_grant_table_is_there_when_tools_ask_for_it),
        TEST(a_policy_goes_out_and_comes_back_with_less),
        TEST(a_list_has_room_for_what_tools_make_of_it),
        TEST(policies_that_can_not_be),
        TEST(what_such_a_domain_does_not_have),
        TEST(the_counter_is_the_machines),
        TEST(a_subscriber_hears_of_the_suspension_instead_of_all),
        TEST(nodes_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
