// SPDX-License-Identifier: Apache-2.0
// What domain 0's tools ask of the whole machine, and what of it they steer (public header
// sysctl.h).

#include "clock.h"
#include "domctl.h"
#include "image.h"
#include "tap.h"

IMAGE_BOOT("cpus=2");

#define CPUS 2

static struct xen_sysctl op;

static long ask(uint32_t command)
{
    return sysctl(command, &op);
}

static void clear(void)
{
    memset(&op, 0, sizeof(op));
}

// ---- the call as such -------------------------------------------------------------------------
TEST("another interface version, a command nobody knows, an operation that cannot be read")
{
    clear();
    op.cmd = XEN_SYSCTL_physinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION + 1;
    CHECK_ERR(hypercall1(__HYPERVISOR_sysctl, POINTER(&op)), XEN_EACCES);
    CHECK_ERR(ask(9999), XEN_ENOSYS);
    CHECK_ERR(hypercall1(__HYPERVISOR_sysctl, SPARE_VA), XEN_EFAULT);
}

// ---- processors and memory --------------------------------------------------------------------
TEST("physinfo counts processors and frames")
{
    clear();
    CHECK_OK(ask(XEN_SYSCTL_physinfo));
    CHECK_EQ(op.u.physinfo.nr_cpus, CPUS);
    CHECK_EQ(op.u.physinfo.max_cpu_id, CPUS - 1);
    CHECK(op.u.physinfo.nr_nodes >= 1);
    CHECK(op.u.physinfo.threads_per_core >= 1 && op.u.physinfo.cores_per_socket >= 1);
    CHECK(op.u.physinfo.cpu_khz != 0);
    CHECK(op.u.physinfo.free_pages != 0 && op.u.physinfo.free_pages < op.u.physinfo.total_pages);
    CHECK(op.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv);
}

TEST("each processor's idle time is told, of no more of them than there is room for")
{
    static xen_sysctl_cpuinfo_t info[4];

    clear();
    set_xen_guest_handle(op.u.getcpuinfo.info, info);
    op.u.getcpuinfo.max_cpus = 4;
    CHECK_OK(ask(XEN_SYSCTL_getcpuinfo));
    CHECK_EQ(op.u.getcpuinfo.nr_cpus, CPUS);
    CHECK(info[1].idletime != 0);
    op.u.getcpuinfo.max_cpus = 1;
    CHECK_OK(ask(XEN_SYSCTL_getcpuinfo));
    CHECK_EQ(op.u.getcpuinfo.nr_cpus, 1);
    set_xen_guest_handle(op.u.getcpuinfo.info, (xen_sysctl_cpuinfo_t *)SPARE_VA);
    CHECK_ERR(ask(XEN_SYSCTL_getcpuinfo), XEN_EFAULT);
}

TEST("a list of NULL asks how many processors there are; else each one's place is told")
{
    static xen_sysctl_cputopo_t places[CPUS];

    clear();
    CHECK_OK(ask(XEN_SYSCTL_cputopoinfo));
    CHECK_EQ(op.u.cputopoinfo.num_cpus, CPUS);
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, places);
    CHECK_OK(ask(XEN_SYSCTL_cputopoinfo));
    for (unsigned i = 0; i < CPUS; i++) {
        CHECK(places[i].core != XEN_INVALID_CORE_ID && places[i].socket != XEN_INVALID_SOCKET_ID);
        CHECK_EQ(places[i].node, 0);
    }
    op.u.cputopoinfo.num_cpus = CPUS;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, (xen_sysctl_cputopo_t *)SPARE_VA);
    CHECK_ERR(ask(XEN_SYSCTL_cputopoinfo), XEN_EFAULT);
}

TEST("the node's memory and its distance from itself are told")
{
    static xen_sysctl_meminfo_t memory[4];
    static uint32_t distance[16];

    clear();
    CHECK_OK(ask(XEN_SYSCTL_numainfo));
    CHECK_EQ(op.u.numainfo.num_nodes, 1);
    set_xen_guest_handle(op.u.numainfo.meminfo, memory);
    set_xen_guest_handle(op.u.numainfo.distance, distance);
    CHECK_OK(ask(XEN_SYSCTL_numainfo));
    CHECK(memory[0].memsize > memory[0].memfree && memory[0].memfree != 0);
    CHECK(distance[0] != 0);
}

TEST("free memory below an address width is no more than all of it")
{
    uint64_t all;

    clear();
    op.u.availheap.node = -1;
    CHECK_OK(ask(XEN_SYSCTL_availheap));
    all = op.u.availheap.avail_bytes;
    CHECK(all != 0);
    op.u.availheap.max_bitwidth = 24;
    CHECK_OK(ask(XEN_SYSCTL_availheap));
    CHECK(op.u.availheap.avail_bytes < all);
}

TEST("of a device nobody has told of no node is known; too many, or no list, are refused")
{
    static physdev_pci_device_t device = {.bus = 0x7f};
    static uint32_t node;

    clear();
    CHECK_ERR(ask(XEN_SYSCTL_pcitopoinfo), XEN_EINVAL);
    op.u.pcitopoinfo.num_devs = 1;
    set_xen_guest_handle(op.u.pcitopoinfo.devs, &device);
    set_xen_guest_handle(op.u.pcitopoinfo.nodes, &node);
    CHECK_OK(ask(XEN_SYSCTL_pcitopoinfo));
    CHECK_EQ(node, XEN_INVALID_DEV);
}

// ---- domains and the scheduler ----------------------------------------------------------------
TEST("domains are listed from the one that is named on")
{
    static xen_domctl_getdomaininfo_t list[4];

    clear();
    op.u.getdomaininfolist.max_domains = 4;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, list);
    CHECK_OK(ask(XEN_SYSCTL_getdomaininfolist));
    CHECK_EQ(op.u.getdomaininfolist.num_domains, 1);
    CHECK_EQ(list[0].domain, 0);
    op.u.getdomaininfolist.first_domain = 1;
    CHECK_OK(ask(XEN_SYSCTL_getdomaininfolist));
    CHECK_EQ(op.u.getdomaininfolist.num_domains, 0);
    op.u.getdomaininfolist.first_domain = 0;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, (xen_domctl_getdomaininfo_t *)SPARE_VA);
    CHECK_ERR(ask(XEN_SYSCTL_getdomaininfolist), XEN_EFAULT);
}

TEST("the scheduler names itself")
{
    clear();
    CHECK_OK(ask(XEN_SYSCTL_sched_id));
    CHECK_EQ(op.u.sched_id.sched_id, XEN_SCHEDULER_CREDIT2);
}

TEST("pool 0 has every processor and every domain, and none is free")
{
    static uint8_t map[8];

    clear();
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    op.u.cpupool_op.cpumap.nr_bits = 64;
    set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, map);
    CHECK_OK(ask(XEN_SYSCTL_cpupool_op));
    CHECK_EQ(op.u.cpupool_op.cpupool_id, 0);
    CHECK_EQ(op.u.cpupool_op.n_dom, 1);
    CHECK_EQ(map[0], (1u << CPUS) - 1);
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    CHECK_OK(ask(XEN_SYSCTL_cpupool_op));
    CHECK_EQ(map[0], 0);
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    op.u.cpupool_op.cpupool_id = 7;
    CHECK_ERR(ask(XEN_SYSCTL_cpupool_op), XEN_ENOENT);
    op.u.cpupool_op.op = 99;
    CHECK_ERR(ask(XEN_SYSCTL_cpupool_op), XEN_ENOSYS);
}

// ---- the log and debug keys -------------------------------------------------------------------
TEST("the hypervisor's log is read, from an index on too")
{
    static char text[4096];
    uint32_t end;

    clear();
    set_xen_guest_handle(op.u.readconsole.buffer, text);
    op.u.readconsole.count = sizeof(text);
    CHECK_OK(ask(XEN_SYSCTL_readconsole));
    CHECK(op.u.readconsole.count != 0);
    op.u.readconsole.incremental = 1;
    for (unsigned i = 0; i < 100 && op.u.readconsole.count != 0; i++) {
        op.u.readconsole.count = sizeof(text);
        CHECK_OK(ask(XEN_SYSCTL_readconsole));
    }
    CHECK_EQ(op.u.readconsole.count, 0);
    end = op.u.readconsole.index;
    op.u.readconsole.index = end - 5;
    op.u.readconsole.count = sizeof(text);
    CHECK_OK(ask(XEN_SYSCTL_readconsole));
    CHECK_EQ(op.u.readconsole.count, 5);
    op.u.readconsole.index = end - 5;
    set_xen_guest_handle(op.u.readconsole.buffer, (char *)SPARE_VA);
    CHECK_ERR(ask(XEN_SYSCTL_readconsole), XEN_EFAULT);
}

TEST("the debug key q asks each vCPU to show itself by VIRQ_DEBUG")
{
    static char key = 'q';
    int port = event_bind_virq(VIRQ_DEBUG, 0);
    uint64_t give_up = clock_ns() + 10000000000ul;

    CHECK(port > 0);
    clear();
    set_xen_guest_handle(op.u.debug_keys.keys, &key);
    op.u.debug_keys.nr_keys = 1;
    CHECK_OK(ask(XEN_SYSCTL_debug_keys));
    while (!event_pending((evtchn_port_t)port) && clock_ns() < give_up) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
    CHECK(event_pending((evtchn_port_t)port));
    CHECK_OK(event_close((evtchn_port_t)port));
    set_xen_guest_handle(op.u.debug_keys.keys, (char *)SPARE_VA);
    CHECK_ERR(ask(XEN_SYSCTL_debug_keys), XEN_EFAULT);
}

// ---- what the processor has -------------------------------------------------------------------
TEST("feature sets are counted, then told, whole or in part")
{
    static uint32_t words[64];
    uint32_t all;

    clear();
    op.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_host;
    CHECK_OK(ask(XEN_SYSCTL_get_cpu_featureset));
    all = op.u.cpu_featureset.nr_features;
    CHECK(all > 2 && all <= 64);
    set_xen_guest_handle(op.u.cpu_featureset.features, words);
    CHECK_OK(ask(XEN_SYSCTL_get_cpu_featureset));
    CHECK(words[0] & 1); // an FPU
    op.u.cpu_featureset.nr_features = 1;
    CHECK_ERR(ask(XEN_SYSCTL_get_cpu_featureset), XEN_ENOBUFS);
    op.u.cpu_featureset.index = 99;
    CHECK_ERR(ask(XEN_SYSCTL_get_cpu_featureset), XEN_EINVAL);
}

TEST("the guests' features are among the machine's")
{
    static uint32_t host[64], guests[64];

    clear();
    op.u.cpu_featureset.nr_features = 64;
    op.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_host;
    set_xen_guest_handle(op.u.cpu_featureset.features, host);
    CHECK_OK(ask(XEN_SYSCTL_get_cpu_featureset));
    op.u.cpu_featureset.nr_features = 64;
    op.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_pv;
    set_xen_guest_handle(op.u.cpu_featureset.features, guests);
    CHECK_OK(ask(XEN_SYSCTL_get_cpu_featureset));
    CHECK_EQ(guests[0] & ~host[0], 0); // leaf 1, EDX: no feature there is made up
}

TEST("policies are counted, then told, and neither lists that are too short nor others")
{
    static xen_cpuid_leaf_t leaves[256];
    static xen_msr_entry_t msrs[64];
    static const uint32_t kinds[] = {XEN_SYSCTL_cpu_policy_raw, XEN_SYSCTL_cpu_policy_host,
                                     XEN_SYSCTL_cpu_policy_pv_max,
                                     XEN_SYSCTL_cpu_policy_pv_default};

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        clear();
        op.u.cpu_policy.index = kinds[i];
        CHECK_OK(ask(XEN_SYSCTL_get_cpu_policy));
        CHECK(op.u.cpu_policy.nr_leaves != 0 && op.u.cpu_policy.nr_leaves <= 256);
        CHECK(op.u.cpu_policy.nr_msrs <= 64);
        set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
        set_xen_guest_handle(op.u.cpu_policy.msrs, msrs);
        CHECK_OK(ask(XEN_SYSCTL_get_cpu_policy));
        CHECK_EQ(leaves[0].leaf, 0);
        CHECK(leaves[0].a != 0 && leaves[0].b != 0);
        op.u.cpu_policy.nr_leaves = 1;
        CHECK_ERR(ask(XEN_SYSCTL_get_cpu_policy), XEN_ENOBUFS);
    }
    op.u.cpu_policy.index = 99;
    CHECK_ERR(ask(XEN_SYSCTL_get_cpu_policy), XEN_EINVAL);
}

TEST("whether the processor can hide features is told")
{
    clear();
    CHECK_OK(ask(XEN_SYSCTL_get_cpu_levelling_caps));
}

// ---- what is not there ------------------------------------------------------------------------
TEST("trace buffers that are not used have no size")
{
    clear();
    op.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_get_info;
    CHECK_OK(ask(XEN_SYSCTL_tbuf_op));
    CHECK_EQ(op.u.tbuf_op.size, 0);
    op.u.tbuf_op.cmd = 99;
    CHECK_ERR(ask(XEN_SYSCTL_tbuf_op), XEN_EINVAL);
}

TEST("what this machine or this build does not have is refused")
{
    static const uint32_t commands[] = {
        XEN_SYSCTL_perfc_op,     XEN_SYSCTL_lockprof_op, XEN_SYSCTL_coverage_op,
        XEN_SYSCTL_psr_cmt_op,   XEN_SYSCTL_psr_alloc,   XEN_SYSCTL_get_pmstat,
        XEN_SYSCTL_livepatch_op,
    };

    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        clear();
        CHECK(ask(commands[i]) < 0);
    }
}

TEST("power management is told not to be there, or which of its operations is none")
{
    clear();
    op.u.pm_op.cmd = 0xff;
    CHECK(ask(XEN_SYSCTL_pm_op) < 0);
}

TEST("a page that is no memory is not taken offline")
{
    static uint32_t status;

    clear();
    op.u.page_offline.cmd = sysctl_page_offline;
    op.u.page_offline.start = op.u.page_offline.end = 1u << 30;
    set_xen_guest_handle(op.u.page_offline.status, &status);
    CHECK(ask(XEN_SYSCTL_page_offline_op) < 0 || status != 0);
}
