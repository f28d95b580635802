// SPDX-License-Identifier: Apache-2.0
// platform_op, sysctl and domctl, as domain 0's kernel and tools use them.
#include "control_fixture.h"

#include "arch/cpuid.h"
#include "arch/msr.h"
#include "base/log.h"
#include "control/hypercalls.h"
#include "control/machine.h"
#include "memory/allocator.h"
#include "time/wall_clock.h"

static struct xen_platform_op platform;
static struct xen_sysctl sys;
static struct xen_domctl dom;

static long platform_call(uint32_t cmd)
{
    long result;

    platform.cmd = cmd;
    platform.interface_version = XENPF_INTERFACE_VERSION;
    result = hypercall_platform_op(PUT(&platform));
    TAKE(&platform);
    return result;
}

static long sys_call(uint32_t cmd)
{
    long result;

    sys.cmd = cmd;
    sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    result = hypercall_sysctl(PUT(&sys));
    TAKE(&sys);
    return result;
}

static long dom_call(uint32_t cmd, domid_t domain)
{
    long result;

    dom.cmd = cmd;
    dom.domain = domain;
    dom.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    result = hypercall_domctl(PUT(&dom));
    TAKE(&dom);
    return result;
}

static int setup(void **state)
{
    fixture_setup(state);
    memset(&platform, 0, sizeof(platform));
    memset(&sys, 0, sizeof(sys));
    memset(&dom, 0, sizeof(dom));
    machine_facts = (struct machine_facts){0};
    return 0;
}

static void versions_and_privilege_are_checked(void **state)
{
    assert_int_equal(hypercall_platform_op(PUT(&platform)), -EACCES);
    assert_int_equal(hypercall_sysctl(PUT(&sys)), -EACCES);
    assert_int_equal(hypercall_domctl(PUT(&dom)), -EACCES);
    assert_int_equal(hypercall_platform_op(nowhere()), -EFAULT);
    assert_int_equal(hypercall_sysctl(nowhere()), -EFAULT);
    assert_int_equal(hypercall_domctl(nowhere()), -EFAULT);
    run_as(other->vcpus[0]);
    assert_int_equal(platform_call(XENPF_getidletime), -EPERM);
    assert_int_equal(sys_call(XEN_SYSCTL_physinfo), -EPERM);
    assert_int_equal(dom_call(XEN_DOMCTL_getdomaininfo, 0), -EPERM);
    run_as(dom0->vcpus[0]);
    assert_int_equal(platform_call(999), -ENOSYS);
    assert_int_equal(sys_call(999), -ENOSYS);
    assert_int_equal(dom_call(999, 0), -ENOSYS);
}

/* ---- platform_op --------------------------------------------------------------------------------
 */

static void the_date_can_be_set(void **state)
{
    platform.u.settime64.secs = 1000;
    platform.u.settime64.nsecs = 7;
    platform.u.settime64.mbz = 1;
    assert_int_equal(platform_call(XENPF_settime64), -EINVAL);
    platform.u.settime64.mbz = 0;
    assert_int_equal(platform_call(XENPF_settime64), 0);
    assert_int_equal(dom0->shared->wc_sec, 1000);
    assert_int_equal(other->shared->wc_nsec, 7);
    platform.u.settime32.secs = 2000;
    platform.u.settime32.nsecs = 1;
    platform.u.settime32.system_time = NS_PER_SECOND;
    assert_int_equal(platform_call(XENPF_settime32), 0);
    assert_int_equal(dom0->shared->wc_sec, 1999);
}

static void firmware_knows_only_the_keyboard(void **state)
{
    machine_facts.kbd_shift_flags = 0x20;
    platform.u.firmware_info.type = XEN_FW_KBD_SHIFT_FLAGS;
    assert_int_equal(platform_call(XENPF_firmware_info), 0);
    assert_int_equal(platform.u.firmware_info.u.kbd_shift_flags, 0x20);
    platform.u.firmware_info.type = XEN_FW_DISK_INFO;
    assert_int_equal(platform_call(XENPF_firmware_info), -ESRCH);
    platform.u.firmware_info.type = XEN_FW_VBEDDC_INFO;
    assert_int_equal(platform_call(XENPF_firmware_info), -ESRCH);
    platform.u.firmware_info.type = XEN_FW_EFI_INFO;
    assert_int_equal(platform_call(XENPF_firmware_info), -ENODEV);
    platform.u.firmware_info.type = 77;
    assert_int_equal(platform_call(XENPF_firmware_info), -EINVAL);
    assert_int_equal(platform_call(XENPF_efi_runtime_call), -EOPNOTSUPP);
}

static unsigned int slept;

static int sleep_hook(unsigned int sleep_state, uint16_t a, uint16_t b, bool extended)
{
    slept = sleep_state;
    assert_int_equal(a, 0x3c01);
    assert_false(extended);
    return sleep_state == 5 ? 0 : -ENOSYS;
}

static void sleeping_is_the_platforms_part(void **state)
{
    platform.u.enter_acpi_sleep.val_a = 0x3c01;
    platform.u.enter_acpi_sleep.sleep_state = 5;
    assert_int_equal(platform_call(XENPF_enter_acpi_sleep), -EPERM);
    machine_facts.enter_sleep = sleep_hook;
    assert_int_equal(platform_call(XENPF_enter_acpi_sleep), 0);
    assert_int_equal(slept, 5);
    platform.u.enter_acpi_sleep.sleep_state = 6;
    assert_int_equal(platform_call(XENPF_enter_acpi_sleep), -EINVAL);
    platform.u.enter_acpi_sleep.sleep_state = 0;
    assert_int_equal(platform_call(XENPF_enter_acpi_sleep), -EINVAL);
    platform.u.enter_acpi_sleep.sleep_state = 3;
    platform.u.enter_acpi_sleep.flags = 2;
    assert_int_equal(platform_call(XENPF_enter_acpi_sleep), -EINVAL);
}

static void processors_are_described(void **state)
{
    cpus[0]->apic_id = 9;
    machine_facts.cpu[0].acpi_id = 4;
    assert_int_equal(platform_call(XENPF_get_cpuinfo), 0);
    assert_int_equal(platform.u.pcpu_info.flags, XEN_PCPU_FLAGS_ONLINE);
    assert_int_equal(platform.u.pcpu_info.apic_id, 9);
    assert_int_equal(platform.u.pcpu_info.acpi_id, 4);
    platform.u.pcpu_info.xen_cpuid = 1;
    assert_int_equal(platform_call(XENPF_get_cpuinfo), 0);
    assert_int_equal(platform.u.pcpu_info.flags, XEN_PCPU_FLAGS_INVALID);
    host_cpuid_set(0, 0, (struct cpuid_regs){7, 0x756e6547, 0x6c65746e, 0x49656e69});
    host_cpuid_set(1, 0, (struct cpuid_regs){0x000906ea, 0, 0, 0});
    platform.u.pcpu_version.xen_cpuid = 0;
    assert_int_equal(platform_call(XENPF_get_cpu_version), 0);
    assert_memory_equal(platform.u.pcpu_version.vendor_id, "GenuineIntel", 12);
    assert_int_equal(platform.u.pcpu_version.family, 6);
    assert_int_equal(platform.u.pcpu_version.model, 0x9e);
    assert_int_equal(platform.u.pcpu_version.stepping, 10);
    platform.u.cpu_ol.cpuid = 0;
    assert_int_equal(platform_call(XENPF_cpu_online), 0);
    assert_int_equal(platform_call(XENPF_cpu_offline), -EOPNOTSUPP); /* the one that stays */
    platform.u.cpu_ol.cpuid = 5;
    assert_int_equal(platform_call(XENPF_cpu_online), -EINVAL);
}

static void idle_times_are_told_by_cpu(void **state)
{
    uint8_t *map = elsewhere();
    uint64_t *times = (uint64_t *)(map + 64);

    advance_to(100);
    vcpu_set_pause(dom0->vcpus[0], VCPU_BLOCKED);
    cpu_do_work();
    advance_to(350);
    vcpu_clear_pause(dom0->vcpus[0], VCPU_BLOCKED);
    cpu_do_work();
    map[0] = 3;
    times[0] = times[1] = 99;
    platform.u.getidletime.cpumap_bitmap.p = map;
    platform.u.getidletime.cpumap_nr_cpus = 2;
    platform.u.getidletime.idletime.p = times;
    assert_int_equal(platform_call(XENPF_getidletime), 0);
    assert_int_equal(map[0], 1);
    assert_int_equal(times[0], 250);
    assert_int_equal(times[1], 0);
    assert_int_equal(platform.u.getidletime.now, 350);
}

static void memory_types_are_read_and_shared(void **state)
{
    host_cpuid_set(0x80000000U, 0, (struct cpuid_regs){0x80000008U, 0, 0, 0});
    host_cpuid_set(0x80000008U, 0, (struct cpuid_regs){40, 0, 0, 0});
    host_msr_set(0xfe, 0x508);
    for (uint32_t i = 0; i < 8; i++) {
        host_msr_set(0x200 + 2 * i, 0);
        host_msr_set(0x201 + 2 * i, 0);
    }
    host_msr_set(0x202, 0xc0000000); /* 1 GiB at 3 GiB, uncachable */
    host_msr_set(0x203, 0xffc0000800);
    platform.u.read_memtype.reg = 1;
    assert_int_equal(platform_call(XENPF_read_memtype), 0);
    assert_int_equal(platform.u.read_memtype.mfn, 0xc0000);
    assert_int_equal(platform.u.read_memtype.nr_mfns, 0x40000);
    assert_int_equal(platform.u.read_memtype.type, 0);
    platform.u.read_memtype.reg = 8;
    assert_int_equal(platform_call(XENPF_read_memtype), -EINVAL);
    platform.u.add_memtype = (struct xenpf_add_memtype){.mfn = 0xc0000, .nr_mfns = 0x40000};
    assert_int_equal(platform_call(XENPF_add_memtype), 0);
    assert_int_equal(platform.u.add_memtype.reg, 1);
    uint32_t handle = platform.u.add_memtype.handle;
    platform.u.del_memtype = (struct xenpf_del_memtype){.handle = handle};
    assert_int_equal(platform_call(XENPF_del_memtype), 0);
    assert_int_equal(platform_call(XENPF_del_memtype), -EINVAL);
    platform.u.add_memtype = (struct xenpf_add_memtype){.mfn = 1, .nr_mfns = 1, .type = 1};
    assert_int_equal(platform_call(XENPF_add_memtype), -ENOSPC);
    platform.u.add_memtype.type = 2;
    assert_int_equal(platform_call(XENPF_add_memtype), -EINVAL);
}

static void resources_are_a_short_list(void **state)
{
    struct xenpf_resource_entry *entries = elsewhere();

    host_tsc = 4242;
    memset(entries, 0, 4 * sizeof(*entries));
    entries[0].idx = 0x10;
    entries[1].idx = 0x1a0;
    platform.u.resource_op.nr_entries = 2;
    platform.u.resource_op.entries.p = entries;
    assert_int_equal(platform_call(XENPF_resource_op), 1);
    assert_int_equal(entries[0].val, 4242);
    assert_int_equal(entries[1].u.ret, -EPERM);
    platform.u.resource_op.nr_entries = 4;
    assert_int_equal(platform_call(XENPF_resource_op), -EINVAL);
    platform.u.resource_op.nr_entries = 1;
    platform.u.resource_op.cpu = 3;
    assert_int_equal(platform_call(XENPF_resource_op), -ENODEV);
}

static void the_rest_says_what_it_is(void **state)
{
    platform.u.symdata.symnum = 17;
    assert_int_equal(platform_call(XENPF_get_symbol), 0);
    assert_int_equal(platform.u.symdata.symnum, 17);
    platform.u.set_pminfo.type = XEN_PM_CX;
    assert_int_equal(platform_call(XENPF_set_processor_pminfo), -ENOSYS);
    platform.u.platform_quirk.quirk_id = QUIRK_NOIRQBALANCING;
    assert_int_equal(platform_call(XENPF_platform_quirk), 0);
    platform.u.platform_quirk.quirk_id = 0;
    assert_int_equal(platform_call(XENPF_platform_quirk), -EINVAL);
    platform.u.core_parking.type = XEN_CORE_PARKING_GET;
    assert_int_equal(platform_call(XENPF_core_parking), 0);
    assert_int_equal(platform_call(XENPF_microcode_update), -EOPNOTSUPP);
}

/* ---- sysctl -------------------------------------------------------------------------------------
 */

static void the_machine_is_described(void **state)
{
    assert_int_equal(sys_call(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sys.u.physinfo.nr_cpus, 1);
    assert_int_equal(sys.u.physinfo.cpu_khz, 1000000);
    assert_int_not_equal(sys.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv, 0);
    assert_int_equal(sys.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_hvm, 0);
    assert_int_equal(sys.u.physinfo.free_pages, frames_free_count());
    assert_int_equal(sys_call(XEN_SYSCTL_sched_id), 0);
    assert_int_equal(sys.u.sched_id.sched_id, XEN_SCHEDULER_CREDIT2);
    memset(&sys.u, 0, sizeof(sys.u));
    assert_int_equal(sys_call(XEN_SYSCTL_cputopoinfo), 0);
    assert_int_equal(sys.u.cputopoinfo.num_cpus, 1);
    sys.u.cputopoinfo.cputopo.p = elsewhere();
    assert_int_equal(sys_call(XEN_SYSCTL_cputopoinfo), 0);
    memset(&sys.u, 0, sizeof(sys.u));
    assert_int_equal(sys_call(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(sys.u.numainfo.num_nodes, 1);
    sys.u.numainfo.meminfo.p = elsewhere();
    assert_int_equal(sys_call(XEN_SYSCTL_numainfo), 0);
    assert_int_equal(((struct xen_sysctl_meminfo *)elsewhere())->memfree,
                     frames_free_count() * PAGE_SIZE);
}

static void free_memory_is_told(void **state)
{
    sys.u.availheap.node = -1;
    assert_int_equal(sys_call(XEN_SYSCTL_availheap), 0);
    assert_int_equal(sys.u.availheap.avail_bytes, frames_free_count() * PAGE_SIZE);
    sys.u.availheap.max_bitwidth = 20;
    assert_int_equal(sys_call(XEN_SYSCTL_availheap), 0);
    assert_in_range(sys.u.availheap.avail_bytes, 1, 1 << 20);
    uint64_t low = sys.u.availheap.avail_bytes;
    sys.u.availheap.max_bitwidth = 0;
    sys.u.availheap.min_bitwidth = 21;
    assert_int_equal(sys_call(XEN_SYSCTL_availheap), 0);
    assert_int_equal(low + sys.u.availheap.avail_bytes, frames_free_count() * PAGE_SIZE);
    sys.u.availheap.node = 1;
    assert_int_equal(sys_call(XEN_SYSCTL_availheap), -EINVAL);
}

static void features_are_listed_by_kind(void **state)
{
    uint32_t *words = elsewhere();

    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_featureset), 0);
    assert_int_equal(sys.u.cpu_featureset.nr_features, 19);
    sys.u.cpu_featureset.features.p = words;
    words[2] = 77;
    sys.u.cpu_featureset.nr_features = 2;
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_featureset), -ENOBUFS);
    assert_int_equal(words[2], 77);
    sys.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_hvm;
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_featureset), -EOPNOTSUPP);
    sys.u.cpu_featureset.index = 77;
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_featureset), -EINVAL);
}

static void policies_are_listed_by_kind(void **state)
{
    sys.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_pv_default;
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_policy), 0);
    assert_int_equal(sys.u.cpu_policy.nr_msrs, 2);
    sys.u.cpu_policy.leaves.p = elsewhere();
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_policy), 0);
    sys.u.cpu_policy.nr_leaves = 0;
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_policy), -ENOBUFS);
    sys.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_hvm_max;
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_policy), -EOPNOTSUPP);
    sys.u.cpu_policy.index = 99;
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_policy), -EINVAL);
    sys.u.cpu_policy.index = 0;
    sys.u.cpu_policy._rsvd = 1;
    assert_int_equal(sys_call(XEN_SYSCTL_get_cpu_policy), -EINVAL);
}

static void devices_near_no_node_are_not_known(void **state)
{
    struct physdev_pci_device *device = elsewhere();
    uint32_t *node = (uint32_t *)(device + 1);

    assert_int_equal(sys_call(XEN_SYSCTL_pcitopoinfo), -EINVAL);
    *device = (struct physdev_pci_device){.seg = 0, .bus = 7, .devfn = 8};
    sys.u.pcitopoinfo.num_devs = 1;
    sys.u.pcitopoinfo.devs.p = device;
    sys.u.pcitopoinfo.nodes.p = node;
    assert_int_equal(sys_call(XEN_SYSCTL_pcitopoinfo), 0);
    assert_int_equal(*node, XEN_INVALID_DEV);
    sys.u.pcitopoinfo.num_devs = 5000;
    assert_int_equal(sys_call(XEN_SYSCTL_pcitopoinfo), -E2BIG);
    memset(&sys.u, 0, sizeof(sys.u));
    assert_int_equal(sys_call(XEN_SYSCTL_tbuf_op), 0);
    assert_int_equal(sys.u.tbuf_op.size, 0);
    sys.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_enable;
    assert_int_equal(sys_call(XEN_SYSCTL_tbuf_op), -EINVAL);
}

static void domains_are_listed(void **state)
{
    struct xen_domctl_getdomaininfo *info = elsewhere();

    sys.u.getdomaininfolist.max_domains = 4;
    sys.u.getdomaininfolist.buffer.p = info;
    assert_int_equal(sys_call(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(sys.u.getdomaininfolist.num_domains, 2);
    assert_int_equal(info[0].domain, 0);
    assert_int_equal(info[0].flags & 0xffff, XEN_DOMINF_running);
    assert_int_equal(info[0].nr_online_vcpus, 1);
    assert_int_equal(info[0].max_vcpu_id, 1);
    assert_int_equal(info[1].domain, other->id);
    sys.u.getdomaininfolist.first_domain = 1;
    sys.u.getdomaininfolist.max_domains = 1;
    assert_int_equal(sys_call(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(info[0].domain, other->id);
    sys.u.getdomaininfolist.first_domain = (domid_t)(other->id + 1);
    assert_int_equal(sys_call(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(sys.u.getdomaininfolist.num_domains, 0);
}

static void the_log_is_read_where_it_was_left(void **state)
{
    char *text = elsewhere();

    log_clear();
    log_raw("one two three", 13);
    sys.u.readconsole.buffer.p = text;
    sys.u.readconsole.count = 7;
    assert_int_equal(sys_call(XEN_SYSCTL_readconsole), 0);
    assert_int_equal(sys.u.readconsole.count, 7);
    assert_memory_equal(text, "one two", 7);
    sys.u.readconsole.incremental = 1;
    sys.u.readconsole.count = 100;
    assert_int_equal(sys_call(XEN_SYSCTL_readconsole), 0);
    assert_int_equal(sys.u.readconsole.count, 6);
    assert_memory_equal(text, " three", 6);
    sys.u.readconsole.count = 100;
    sys.u.readconsole.clear = 1;
    assert_int_equal(sys_call(XEN_SYSCTL_readconsole), 0);
    assert_int_equal(sys.u.readconsole.count, 0);
    sys.u.readconsole.incremental = 0;
    assert_int_equal(sys_call(XEN_SYSCTL_readconsole), 0);
    assert_int_equal(sys.u.readconsole.count, 0);
}

static void keys_are_pressed_from_outside(void **state)
{
    memcpy(elsewhere(), "qt", 2);
    sys.u.debug_keys.keys.p = elsewhere();
    sys.u.debug_keys.nr_keys = 2;
    assert_int_equal(sys_call(XEN_SYSCTL_debug_keys), 0);
    sys.u.debug_keys.nr_keys = 100000;
    assert_int_equal(sys_call(XEN_SYSCTL_debug_keys), -E2BIG);
}

static void the_scheduler_takes_credit2s_parameters(void **state)
{
    sys.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    sys.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    assert_int_equal(sys_call(XEN_SYSCTL_scheduler_op), 0);
    assert_int_equal(sys.u.scheduler_op.u.sched_credit2.ratelimit_us, 1000);
    sys.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
    sys.u.scheduler_op.u.sched_credit2.ratelimit_us = 99;
    assert_int_equal(sys_call(XEN_SYSCTL_scheduler_op), -EINVAL);
    sys.u.scheduler_op.u.sched_credit2.ratelimit_us = 1000;
    assert_int_equal(sys_call(XEN_SYSCTL_scheduler_op), 0);
    sys.u.scheduler_op.cpupool_id = 1;
    assert_int_equal(sys_call(XEN_SYSCTL_scheduler_op), -ESRCH);
    memset(&sys.u, 0, sizeof(sys.u));
    sys.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    sys.u.cpupool_op.cpumap.bitmap.p = elsewhere();
    sys.u.cpupool_op.cpumap.nr_bits = 12;
    memset(elsewhere(), 0xff, 16);
    assert_int_equal(sys_call(XEN_SYSCTL_cpupool_op), 0);
    assert_int_equal(sys.u.cpupool_op.n_dom, 2);
    assert_memory_equal(elsewhere(), "\x01\x00\xff", 3);
    sys.u.cpupool_op.cpupool_id = 1;
    assert_int_equal(sys_call(XEN_SYSCTL_cpupool_op), -ENOENT);
}

/* ---- domctl -------------------------------------------------------------------------------------
 */

static void a_domain_or_its_successor_is_described(void **state)
{
    assert_int_equal(dom_call(XEN_DOMCTL_getdomaininfo, 0), 0);
    assert_int_equal(dom.u.getdomaininfo.domain, 0);
    assert_int_equal(dom_call(XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(dom.domain, other->id);
    assert_int_equal(dom_call(XEN_DOMCTL_getdomaininfo, (domid_t)(other->id + 1)), -ESRCH);
    assert_int_equal(dom_call(XEN_DOMCTL_getdomaininfo, DOMID_SELF), -ESRCH);
    domain_shutdown(other, SHUTDOWN_crash);
    assert_int_equal(dom_call(XEN_DOMCTL_getdomaininfo, other->id), 0);
    assert_int_not_equal(dom.u.getdomaininfo.flags & XEN_DOMINF_shutdown, 0);
    assert_int_equal(dom.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift, SHUTDOWN_crash);
}

static void vcpus_are_described(void **state)
{
    assert_int_equal(dom_call(XEN_DOMCTL_getvcpuinfo, 0), 0);
    assert_int_equal(dom.u.getvcpuinfo.online, 1);
    assert_int_equal(dom.u.getvcpuinfo.running, 1);
    dom.u.getvcpuinfo.vcpu = 2;
    assert_int_equal(dom_call(XEN_DOMCTL_getvcpuinfo, 0), -EINVAL);
    assert_int_equal(dom_call(XEN_DOMCTL_getvcpuinfo, 999), -ESRCH);
}

static void affinities_are_set_and_told(void **state)
{
    uint8_t *hard = elsewhere(), *soft = hard + 64;

    hard[0] = 3;
    soft[0] = 1;
    dom.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    dom.u.vcpuaffinity.cpumap_hard.bitmap.p = hard;
    dom.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
    dom.u.vcpuaffinity.cpumap_soft.bitmap.p = soft;
    dom.u.vcpuaffinity.cpumap_soft.nr_bits = 8;
    assert_int_equal(dom_call(XEN_DOMCTL_setvcpuaffinity, 0), 0);
    assert_int_equal(hard[0], 1); /* what is left of it: only CPU 0 runs */
    assert_int_equal(dom_call(XEN_DOMCTL_getvcpuaffinity, 0), 0);
    assert_int_equal(hard[0], 3);
    assert_int_equal(soft[0], 1);
    hard[0] = 2;
    assert_int_equal(dom_call(XEN_DOMCTL_setvcpuaffinity, 0), -EINVAL);
    dom.u.vcpuaffinity.flags = 0;
    assert_int_equal(dom_call(XEN_DOMCTL_setvcpuaffinity, 0), -EINVAL);
    assert_int_equal(dom_call(XEN_DOMCTL_getvcpuaffinity, 0), -EINVAL);
}

static void weights_and_caps_are_set(void **state)
{
    dom.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    dom.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    dom.u.scheduler_op.u.credit2.weight = 512;
    dom.u.scheduler_op.u.credit2.cap = 101; /* more than its one vCPU can use */
    assert_int_equal(dom_call(XEN_DOMCTL_scheduler_op, other->id), -EINVAL);
    dom.u.scheduler_op.u.credit2.cap = 0;
    assert_int_equal(dom_call(XEN_DOMCTL_scheduler_op, other->id), 0);
    dom.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    assert_int_equal(dom_call(XEN_DOMCTL_scheduler_op, other->id), 0);
    assert_int_equal(dom.u.scheduler_op.u.credit2.weight, 512);
    assert_int_equal(dom.u.scheduler_op.u.credit2.cap, 0);
    dom.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
    assert_int_equal(dom_call(XEN_DOMCTL_scheduler_op, other->id), -EINVAL);
}

static void a_domain_has_its_date_handle_and_limit(void **state)
{
    platform.u.settime64.secs = 5000;
    assert_int_equal(platform_call(XENPF_settime64), 0);
    dom.u.settimeoffset.time_offset_seconds = -100;
    assert_int_equal(dom_call(XEN_DOMCTL_settimeoffset, other->id), 0);
    assert_int_equal(other->shared->wc_sec, 4900);
    assert_int_equal(dom0->shared->wc_sec, 5000);
    memset(dom.u.setdomainhandle.handle, 0x77, sizeof(xen_domain_handle_t));
    assert_int_equal(dom_call(XEN_DOMCTL_setdomainhandle, other->id), 0);
    assert_int_equal(other->handle[15], 0x77);
    dom.u.max_mem.max_memkb = 4096;
    assert_int_equal(dom_call(XEN_DOMCTL_max_mem, other->id), 0);
    assert_int_equal(other->max_pages, 1024);
    assert_int_equal(dom_call(XEN_DOMCTL_get_address_size, other->id), 0);
    assert_int_equal(dom.u.address_size.size, 64);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(versions_and_privilege_are_checked),
        TEST(the_date_can_be_set),
        TEST(firmware_knows_only_the_keyboard),
        TEST(sleeping_is_the_platforms_part),
        TEST(processors_are_described),
        TEST(idle_times_are_told_by_cpu),
        TEST(memory_types_are_read_and_shared),
        TEST(resources_are_a_short_list),
        TEST(the_rest_says_what_it_is),
        TEST(the_machine_is_described),
        TEST(free_memory_is_told),
        TEST(features_are_listed_by_kind),
        TEST(policies_are_listed_by_kind),
        TEST(devices_near_no_node_are_not_known),
        TEST(domains_are_listed),
        TEST(the_log_is_read_where_it_was_left),
        TEST(keys_are_pressed_from_outside),
        TEST(the_scheduler_takes_credit2s_parameters),
        TEST(a_domain_or_its_successor_is_described),
        TEST(vcpus_are_described),
        TEST(affinities_are_set_and_told),
        TEST(weights_and_caps_are_set),
        TEST(a_domain_has_its_date_handle_and_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
