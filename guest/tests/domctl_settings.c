// SPDX-License-Identifier: Apache-2.0
// What domain 0 sets and reads of another domain and its vCPUs: where they run, their share, width,
// clock, extended state, model-specific registers (public header domctl.h).

#include "clock.h"
#include "domu.h"
#include "tap.h"

static struct domu domu;
static struct xen_domctl op;

static long on_domu(uint32_t command)
{
    return domctl(command, domu.domain.domid, &op);
}

static void clear(void)
{
    memset(&op, 0, sizeof(op));
}

TEST("a domain to look at is built")
{
    CHECK_OK(domu_prepare(&domu, NULL));
}

// ---- where it runs ----------------------------------------------------------------------------
static uint8_t hard_map[8], soft_map[8];

static void affinity_of(uint32_t vcpu, uint32_t flags, unsigned bits)
{
    clear();
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = flags;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = bits;
    op.u.vcpuaffinity.cpumap_soft.nr_bits = bits;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, hard_map);
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap, soft_map);
}

TEST("a new vCPU may run anywhere")
{
    memset(hard_map, 0, sizeof(hard_map));
    affinity_of(0, XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT, 64);
    CHECK_OK(on_domu(XEN_DOMCTL_getvcpuaffinity));
    CHECK(hard_map[0] & 1);
    CHECK(soft_map[0] & 1);
}

TEST("its affinity is set to CPUs that are there, and told as it was set")
{
    memset(hard_map, 0, sizeof(hard_map));
    hard_map[0] = 1;
    affinity_of(0, XEN_VCPUAFFINITY_HARD, 64);
    CHECK_OK(on_domu(XEN_DOMCTL_setvcpuaffinity));
    hard_map[0] = 0xff;
    affinity_of(0, XEN_VCPUAFFINITY_HARD, 64);
    CHECK_OK(on_domu(XEN_DOMCTL_getvcpuaffinity));
    CHECK_EQ(hard_map[0], 1);
}

TEST("an affinity to no CPU that is there is refused")
{
    memset(hard_map, 0, sizeof(hard_map));
    affinity_of(0, XEN_VCPUAFFINITY_HARD, 64);
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuaffinity), XEN_EINVAL);
    hard_map[4] = 1;
    affinity_of(0, XEN_VCPUAFFINITY_HARD, 64);
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuaffinity), XEN_EINVAL);
}

TEST("an affinity of neither kind, of both in one, or of no such vCPU is refused")
{
    hard_map[0] = 1;
    affinity_of(0, 0, 64);
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuaffinity), XEN_EINVAL);
    affinity_of(5, XEN_VCPUAFFINITY_HARD, 64);
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuaffinity), XEN_EINVAL);
    CHECK_ERR(on_domu(XEN_DOMCTL_getvcpuaffinity), XEN_EINVAL);
}

TEST("a domain's share of the CPUs is set and told")
{
    clear();
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    op.u.scheduler_op.u.credit2.weight = 512;
    op.u.scheduler_op.u.credit2.cap = 0;
    CHECK_OK(on_domu(XEN_DOMCTL_scheduler_op));
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    op.u.scheduler_op.u.credit2.weight = 0;
    CHECK_OK(on_domu(XEN_DOMCTL_scheduler_op));
    CHECK_EQ(op.u.scheduler_op.u.credit2.weight, 512);
}

TEST("another scheduler than the one that runs, or an operation of none, is refused")
{
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_RTDS;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    CHECK_ERR(on_domu(XEN_DOMCTL_scheduler_op), XEN_EINVAL);
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = 99;
    CHECK_ERR(on_domu(XEN_DOMCTL_scheduler_op), XEN_EINVAL);
}

TEST("a domain's nodes are set and told, and are not none")
{
    static uint8_t nodes[8] = {1};

    clear();
    op.u.nodeaffinity.nodemap.nr_bits = 64;
    set_xen_guest_handle(op.u.nodeaffinity.nodemap.bitmap, nodes);
    CHECK_OK(on_domu(XEN_DOMCTL_setnodeaffinity));
    nodes[0] = 0;
    CHECK_OK(on_domu(XEN_DOMCTL_getnodeaffinity));
    CHECK(nodes[0] & 1);
    nodes[0] = 0;
    CHECK_ERR(on_domu(XEN_DOMCTL_setnodeaffinity), XEN_EINVAL);
}

// ---- what it is -------------------------------------------------------------------------------
TEST("a domain is 64 bits wide until it is told otherwise, and not any longer with memory")
{
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_get_address_size));
    CHECK_EQ(op.u.address_size.size, 64);
    op.u.address_size.size = 48;
    CHECK(on_domu(XEN_DOMCTL_set_address_size) < 0);
}

TEST("the page for hypercalls has to be the domain's own")
{
    CHECK_OK(domain_hypercall_page(domu.domain.domid, domu.domain.frames[0]));
    CHECK_ERR(domain_hypercall_page(domu.domain.domid, virt_to_mfn(page_alloc())), XEN_EINVAL);
    CHECK_ERR(domain_hypercall_page(domu.domain.domid, 1ul << 40), XEN_EINVAL);
}

TEST("its clock is moved against the machine's")
{
    clear();
    op.u.settimeoffset.time_offset_seconds = 3600;
    CHECK_OK(on_domu(XEN_DOMCTL_settimeoffset));
}

TEST("its time-stamp counter is told and set while it has not run")
{
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_gettscinfo));
    CHECK(op.u.tsc_info.gtsc_khz != 0);
    op.u.tsc_info.tsc_mode = 2;
    CHECK_OK(on_domu(XEN_DOMCTL_settscinfo));
    CHECK_OK(on_domu(XEN_DOMCTL_gettscinfo));
    CHECK_EQ(op.u.tsc_info.tsc_mode, 2);
}

static long nothing(void *data)
{
    return 7;
}

TEST("with all of this the domain runs")
{
    int none = 0;

    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK_EQ(domu_call(&domu, nothing, &none, sizeof(none)), 7);
}

// ---- state of vCPUs ---------------------------------------------------------------------------
TEST("the entries for system calls of 32 bits are told")
{
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_get_ext_vcpucontext));
    CHECK(op.u.ext_vcpucontext.size != 0 && op.u.ext_vcpucontext.size <= 128);
    op.u.ext_vcpucontext.vcpu = 7;
    CHECK(on_domu(XEN_DOMCTL_get_ext_vcpucontext) < 0);
}

TEST("its size is asked for first; too small a one is refused when it is set")
{
    clear();
    op.u.ext_vcpucontext.size = 3;
    CHECK_ERR(on_domu(XEN_DOMCTL_set_ext_vcpucontext), XEN_EINVAL);
}

TEST("the extended state's size is told, then the state, which can be set again")
{
    static uint64_t buffer[1024];

    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_getvcpuextstate));
    CHECK(op.u.vcpuextstate.size > 0 && op.u.vcpuextstate.size <= sizeof(buffer));
    CHECK(op.u.vcpuextstate.xfeature_mask & 3);
    set_xen_guest_handle(op.u.vcpuextstate.buffer, buffer);
    CHECK_OK(on_domu(XEN_DOMCTL_getvcpuextstate));
    CHECK_OK(on_domu(XEN_DOMCTL_setvcpuextstate));
    op.u.vcpuextstate.vcpu = 9;
    CHECK(on_domu(XEN_DOMCTL_getvcpuextstate) < 0);
}

TEST("the number of model-specific registers is told, then they are, and can be set again")
{
    static xen_domctl_vcpu_msr_t msrs[64];

    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_get_vcpu_msrs));
    CHECK(op.u.vcpu_msrs.msr_count <= 64);
    set_xen_guest_handle(op.u.vcpu_msrs.msrs, msrs);
    op.u.vcpu_msrs.msr_count = 64;
    CHECK_OK(on_domu(XEN_DOMCTL_get_vcpu_msrs));
    CHECK(op.u.vcpu_msrs.msr_count <= 64);
    CHECK_OK(on_domu(XEN_DOMCTL_set_vcpu_msrs));
}

TEST("a register that is none is refused, and its index told")
{
    static xen_domctl_vcpu_msr_t msr = {.index = 0x12345};

    clear();
    set_xen_guest_handle(op.u.vcpu_msrs.msrs, &msr);
    op.u.vcpu_msrs.msr_count = 1;
    CHECK_ERR(on_domu(XEN_DOMCTL_set_vcpu_msrs), XEN_EINVAL);
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 0);
}

TEST("it still does in the end")
{
    int none = 0;

    CHECK_EQ(domu_call(&domu, nothing, &none, sizeof(none)), 7);
    CHECK(domu_kill(&domu));
}
