// SPDX-License-Identifier: Apache-2.0
// What domain 0 asks of a processor that it does not run on, on a machine with two.

#include "clock.h"
#include "event.h"
#include "image.h"
#include "tap.h"

IMAGE_BOOT("vcpus=1");
IMAGE_BOOT("cpus=2");

#define MSR_TSC       0x10
#define MSR_SYSENTER  0x174
#define MSR_QM_EVTSEL 0xc8d

static long platform(struct xen_platform_op *op)
{
    op->interface_version = XENPF_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_platform_op, POINTER(op));
}

// ---- resource_op -------------------------------------------------------------------------------

static struct xenpf_resource_entry entry[4];

static long resource_op(uint32_t cpu, uint32_t count)
{
    struct xen_platform_op op = {.cmd = XENPF_resource_op};

    op.u.resource_op.cpu = cpu;
    op.u.resource_op.nr_entries = count;
    op.u.resource_op.entries.p = entry;
    return platform(&op);
}

static void ask(unsigned i, uint32_t cmd, uint64_t msr)
{
    entry[i] = (struct xenpf_resource_entry){.u.cmd = cmd, .idx = msr};
}

TEST("resource_op reads system time on either processor")
{
    for (uint32_t cpu = 0; cpu < 2; cpu++) {
        uint64_t before = clock_ns();
        ask(0, XEN_RESOURCE_OP_MSR_READ, MSR_TSC);
        CHECK_EQ(resource_op(cpu, 1), 1);
        // The reference's figure is years ahead under emulation.
        CHECK(entry[0].val + 1000 > before);
        CHECK(entry[0].val < clock_ns() + 1000 || running_on_oracle());
    }
}

TEST("resource_op names the entry that failed, and what was before it is done")
{
    for (uint32_t cpu = 0; cpu < 2; cpu++) {
        ask(0, XEN_RESOURCE_OP_MSR_READ, MSR_TSC);
        ask(1, XEN_RESOURCE_OP_MSR_READ, MSR_SYSENTER);
        ask(2, XEN_RESOURCE_OP_MSR_READ, MSR_TSC);
        CHECK_EQ(resource_op(cpu, 3), 1);
        CHECK(entry[0].val != 0);
        CHECK_EQ(entry[1].u.ret, -XEN_EPERM);
        CHECK_EQ(entry[2].val, 0);
    }
    ask(0, XEN_RESOURCE_OP_MSR_WRITE, MSR_TSC);
    CHECK_EQ(resource_op(1, 1), 0);
    CHECK_EQ(entry[0].u.ret, -XEN_EPERM);
    ask(0, 7, MSR_TSC);
    CHECK_EQ(resource_op(1, 1), 0);
    CHECK_EQ(entry[0].u.ret, -XEN_EOPNOTSUPP);
    ask(0, XEN_RESOURCE_OP_MSR_READ, MSR_TSC);
    entry[0].rsvd = 1;
    CHECK_EQ(resource_op(1, 1), 0);
    CHECK_EQ(entry[0].u.ret, -XEN_EINVAL);
}

TEST("resource_op refuses processors that are not there, and too many entries")
{
    ask(0, XEN_RESOURCE_OP_MSR_READ, MSR_TSC);
    CHECK_ERR(resource_op(2, 1), XEN_ENODEV);
    CHECK_ERR(resource_op(~0u, 1), XEN_ENODEV);
    CHECK_ERR(resource_op(1, 4), XEN_EINVAL);
    CHECK_EQ(resource_op(1, 0), 0);
}

// ---- processors that come and go ---------------------------------------------------------------

static long set_online(bool online)
{
    struct xen_platform_op op = {.cmd = online ? XENPF_cpu_online : XENPF_cpu_offline};

    op.u.cpu_ol.cpuid = 1;
    return platform(&op);
}

TEST("a processor that is offline is not there for resource_op")
{
    CHECK_OK(set_online(false));
    ask(0, XEN_RESOURCE_OP_MSR_READ, MSR_TSC);
    CHECK_ERR(resource_op(1, 1), XEN_ENODEV);
    CHECK_OK(set_online(true));
    CHECK_EQ(resource_op(1, 1), 1);
}

// Whether it was raised since the last look. Upcalls are masked, so the bit stays.
static bool was_raised(evtchn_port_t port)
{
    bool raised = event_pending(port);

    event_clear_pending(port);
    return raised;
}

TEST("VIRQ_PCPU_STATE tells of each processor that goes offline or comes back")
{
    int port = event_bind_virq(VIRQ_PCPU_STATE, 0);

    CHECK(port > 0);
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    for (unsigned round = 0; round < 3; round++) {
        CHECK_OK(set_online(false));
        CHECK(was_raised((evtchn_port_t)port));
        CHECK_OK(set_online(true));
        CHECK(was_raised((evtchn_port_t)port));
    }
    CHECK_OK(set_online(true));
    CHECK(!was_raised((evtchn_port_t)port));
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("FLUSH_CACHE_GLOBAL is done with all processors, online or not")
{
    for (unsigned round = 0; round < 20; round++) {
        CHECK_OK(mmuext_address(MMUEXT_FLUSH_CACHE_GLOBAL, NULL));
        CHECK_OK(set_online(round % 2 == 1));
    }
    CHECK_OK(set_online(true));
}
