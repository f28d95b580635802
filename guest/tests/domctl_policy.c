// SPDX-License-Identifier: Apache-2.0
// What domain 0 decides about another domain's processors and events before and while it runs:
// CPUID policies, triggers, the port for suspensions, widths, clocks; and what a PV domain does not
// have (public header domctl.h).

#include "clock.h"
#include "domu.h"
#include "tap.h"

#define LEAVES 256
#define MSRS   64

static struct domu domu;
static struct xen_domctl op;
static xen_cpuid_leaf_t leaves[LEAVES];
static xen_msr_entry_t msrs[MSRS];
static int none;

static long on_domu(uint32_t command)
{
    return domctl(command, domu.domain.domid, &op);
}

static void clear(void)
{
    memset(&op, 0, sizeof(op));
}

static void policy_lists(uint32_t leaf_count, uint32_t msr_count)
{
    clear();
    set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
    set_xen_guest_handle(op.u.cpu_policy.msrs, msrs);
    op.u.cpu_policy.nr_leaves = leaf_count;
    op.u.cpu_policy.nr_msrs = msr_count;
}

static xen_cpuid_leaf_t *leaf_of(uint32_t number)
{
    for (unsigned i = 0; i < LEAVES; i++) {
        if (leaves[i].leaf == number) {
            return &leaves[i];
        }
    }
    return NULL;
}

// ---- policies ---------------------------------------------------------------------------------
TEST("a domain's policy is told; lists that are too short are not filled over")
{
    CHECK_OK(domu_prepare(&domu, NULL));
    policy_lists(LEAVES, MSRS);
    CHECK_OK(on_domu(XEN_DOMCTL_get_cpu_policy));
    CHECK(op.u.cpu_policy.nr_leaves > 1 && op.u.cpu_policy.nr_leaves <= LEAVES);
    CHECK(leaf_of(1) != NULL && leaf_of(1)->d != 0);
    policy_lists(1, MSRS);
    CHECK_ERR(on_domu(XEN_DOMCTL_get_cpu_policy), XEN_ENOBUFS);
    policy_lists(LEAVES, MSRS);
    set_xen_guest_handle(op.u.cpu_policy.leaves, (xen_cpuid_leaf_t *)SPARE_VA);
    CHECK_ERR(on_domu(XEN_DOMCTL_get_cpu_policy), XEN_EFAULT);
}

TEST("a policy that was told can be set again, and a leaf of it changed")
{
    policy_lists(LEAVES, MSRS);
    CHECK_OK(on_domu(XEN_DOMCTL_get_cpu_policy));
    CHECK_OK(on_domu(XEN_DOMCTL_set_cpu_policy));
    leaf_of(1)->a = 0x00010203;
    CHECK_OK(on_domu(XEN_DOMCTL_set_cpu_policy));
    memset(leaves, 0, sizeof(leaves));
    policy_lists(LEAVES, MSRS);
    CHECK_OK(on_domu(XEN_DOMCTL_get_cpu_policy));
    CHECK_EQ(leaf_of(1)->a, 0x00010203);
}

TEST("a leaf that is none, an MSR that is none, and lists that are too long are refused")
{
    xen_cpuid_leaf_t odd = {.leaf = 0x70000000, .subleaf = XEN_CPUID_NO_SUBLEAF};
    xen_msr_entry_t bad = {.idx = 0x12345};

    policy_lists(1, 0);
    set_xen_guest_handle(op.u.cpu_policy.leaves, &odd);
    CHECK_ERR(on_domu(XEN_DOMCTL_set_cpu_policy), XEN_ERANGE);
    CHECK_EQ(op.u.cpu_policy.err_leaf, 0x70000000);
    policy_lists(0, 1);
    set_xen_guest_handle(op.u.cpu_policy.msrs, &bad);
    CHECK_ERR(on_domu(XEN_DOMCTL_set_cpu_policy), XEN_ERANGE);
    CHECK_EQ(op.u.cpu_policy.err_msr, 0x12345);
    policy_lists(1u << 20, 0);
    CHECK_ERR(on_domu(XEN_DOMCTL_set_cpu_policy), XEN_E2BIG);
}

// CPUID of leaf 1 by the forced emulation, whose family and model domain 0 chose.
static long see_leaf_1(void *data)
{
    uint32_t a = 1, b, c = 0, d;

    __asm__ volatile(XEN_EMULATE_PREFIX "cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return a;
}

TEST("the domain sees what was chosen, and when it has run nothing is chosen any more")
{
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK_EQ(domu_call(&domu, see_leaf_1, &none, 0), 0x00010203);
    policy_lists(LEAVES, MSRS);
    CHECK_OK(on_domu(XEN_DOMCTL_get_cpu_policy));
    leaf_of(1)->a = 0x00030201;
    CHECK_ERR(on_domu(XEN_DOMCTL_set_cpu_policy), XEN_EEXIST);
}

// ---- triggers and subscriptions ---------------------------------------------------------------
static volatile uint64_t nmis;

static bool count_nmi(struct trap_frame *frame)
{
    nmis++;
    return true;
}

static long await_nmi(void *data)
{
    struct callback_register nmi = {.type = CALLBACKTYPE_nmi, .address = POINTER(nmi_entry)};
    uint64_t give_up = clock_ns() + 10000000000ul;

    trap_set_handler(VECTOR_NMI, count_nmi);
    (void)callback_op(CALLBACKOP_register, &nmi);
    domu_mailbox->progress = 1;
    while (nmis == 0 && clock_ns() < give_up) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
    return (long)nmis;
}

TEST("an NMI that domain 0 sends is taken by the domain's callback")
{
    uint64_t give_up = clock_ns() + 10000000000ul;

    domu.mailbox->progress = 0;
    domu_ask(&domu, await_nmi, &none, 0);
    while (*(volatile uint64_t *)&domu.mailbox->progress == 0 && clock_ns() < give_up) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
    clear();
    op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_NMI;
    CHECK_OK(on_domu(XEN_DOMCTL_sendtrigger));
    CHECK_EQ(domu_answer(&domu, &none, 0), 1);
}

TEST("a trigger for a vCPU that cannot be, and those of another kind of machine, are refused")
{
    clear();
    op.u.sendtrigger.vcpu = 99;
    CHECK_ERR(on_domu(XEN_DOMCTL_sendtrigger), XEN_ESRCH);
    clear();
    op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_POWER;
    CHECK_ERR(on_domu(XEN_DOMCTL_sendtrigger), XEN_EINVAL);
    op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_SLEEP;
    CHECK_ERR(on_domu(XEN_DOMCTL_sendtrigger), XEN_EINVAL);
    op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_RESET;
    CHECK_ERR(on_domu(XEN_DOMCTL_sendtrigger), XEN_ENOSYS);
}

static long suspend(void *data)
{
    struct sched_shutdown reason = {.reason = SHUTDOWN_suspend};

    return sched_op(SCHEDOP_shutdown, &reason);
}

// A port of the domain's own that domain 0 hears of, and domain 0's end.
static evtchn_port_t open_suspend_port(evtchn_port_t *remote)
{
    struct evtchn_alloc_unbound unbound = {.dom = domu.domain.domid, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain bind = {.remote_dom = domu.domain.domid};

    CHECK_OK(event_channel_op(EVTCHNOP_alloc_unbound, &unbound));
    bind.remote_port = *remote = unbound.port;
    CHECK_OK(event_channel_op(EVTCHNOP_bind_interdomain, &bind));
    event_clear_pending(bind.local_port);
    return bind.local_port;
}

TEST("who subscribed hears of a suspension on the port; resumed, the domain goes on")
{
    evtchn_port_t remote, local = open_suspend_port(&remote);

    clear();
    op.u.subscribe.port = remote;
    CHECK_OK(on_domu(XEN_DOMCTL_subscribe));
    domu_ask(&domu, suspend, &none, 0);
    CHECK_EQ(domain_wait_shutdown(domu.domain.domid), SHUTDOWN_suspend);
    CHECK(event_pending(local));
    CHECK_OK(domain_resume(domu.domain.domid));
    CHECK_EQ(domu_answer(&domu, &none, 0), 0);
    CHECK_OK(event_close(local));
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_subscribe));
}

// ---- what a PV domain does not have -----------------------------------------------------------
TEST("what takes a domain with hardware assistance, or a device, is refused")
{
    static const uint32_t commands[] = {
        XEN_DOMCTL_gethvmcontext,
        XEN_DOMCTL_sethvmcontext,
        XEN_DOMCTL_gethvmcontext_partial,
        XEN_DOMCTL_bind_pt_irq,
        XEN_DOMCTL_unbind_pt_irq,
        XEN_DOMCTL_debug_op,
        XEN_DOMCTL_set_broken_page_p2m,
        XEN_DOMCTL_vmtrace_op,
        XEN_DOMCTL_assign_device,
        XEN_DOMCTL_deassign_device,
        XEN_DOMCTL_test_assign_device,
        XEN_DOMCTL_get_device_group,
        XEN_DOMCTL_ioport_mapping,
        XEN_DOMCTL_psr_cmt_op,
        XEN_DOMCTL_psr_alloc,
        XEN_DOMCTL_vm_event_op,
        XEN_DOMCTL_mem_sharing_op,
        XEN_DOMCTL_vuart_op,
        XEN_DOMCTL_setvnumainfo,
        XEN_DOMCTL_get_paging_mempool_size,
        XEN_DOMCTL_set_paging_mempool_size,
        XEN_DOMCTL_real_mode_area,
        XEN_DOMCTL_set_opt_feature,
        XEN_DOMCTL_set_target,
        XEN_DOMCTL_audit_p2m,
        XEN_DOMCTL_cacheflush,
        XEN_DOMCTL_soft_reset,
    };

    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        clear();
        long result = on_domu(commands[i]);
        if (result >= 0) {
            diagnose("command %u: %ld", commands[i], result);
        }
        CHECK(result < 0);
    }
    if (!running_on_oracle()) { // which takes it, though no monitor listens
        CHECK_ERR(on_domu(XEN_DOMCTL_set_access_required), XEN_ENOSYS);
    }
}

TEST("shadow operations that there is nothing to shadow for are refused")
{
    clear();
    op.u.shadow_op.op = 77;
    CHECK_ERR(on_domu(XEN_DOMCTL_shadow_op), XEN_EINVAL);
    if (differs_on_oracle("it can log which pages a domain writes")) {
        return;
    }
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;
    CHECK_ERR(on_domu(XEN_DOMCTL_shadow_op), XEN_EOPNOTSUPP);
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_CLEAN;
    CHECK_ERR(on_domu(XEN_DOMCTL_shadow_op), XEN_EINVAL);
}

TEST("a monitor is told what it could be told of: nothing")
{
    clear();
    op.u.monitor_op.op = XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES;
    CHECK_OK(on_domu(XEN_DOMCTL_monitor_op));
    op.u.monitor_op.op = XEN_DOMCTL_MONITOR_OP_ENABLE;
    op.u.monitor_op.event = XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG;
    CHECK(on_domu(XEN_DOMCTL_monitor_op) < 0);
}

TEST("device memory is mapped by the domain itself: the call for it does nothing, or refuses a "
     "range")
{
    clear();
    op.u.memory_mapping.first_gfn = UINT64_MAX;
    op.u.memory_mapping.first_mfn = 0xb8;
    op.u.memory_mapping.nr_mfns = 2;
    op.u.memory_mapping.add_mapping = 1;
    CHECK_ERR(on_domu(XEN_DOMCTL_memory_mapping), XEN_EINVAL);
}

TEST("commands of old numbers are not known")
{
    clear();
    CHECK_ERR(on_domu(2048), XEN_ENOSYS);
}

TEST("every call about a domain that is not there is refused")
{
    static const uint32_t commands[] = {
        XEN_DOMCTL_pausedomain,     XEN_DOMCTL_unpausedomain,  XEN_DOMCTL_max_mem,
        XEN_DOMCTL_max_vcpus,       XEN_DOMCTL_resumedomain,   XEN_DOMCTL_setdebugging,
        XEN_DOMCTL_getvcpuinfo,     XEN_DOMCTL_scheduler_op,   XEN_DOMCTL_getvcpuaffinity,
        XEN_DOMCTL_setdomainhandle, XEN_DOMCTL_settimeoffset,  XEN_DOMCTL_get_address_size,
        XEN_DOMCTL_getvcpucontext,  XEN_DOMCTL_setvcpucontext, XEN_DOMCTL_getpageframeinfo3,
        XEN_DOMCTL_sendtrigger,     XEN_DOMCTL_get_cpu_policy, XEN_DOMCTL_set_cpu_policy,
        XEN_DOMCTL_gettscinfo,      XEN_DOMCTL_get_vcpu_msrs,  XEN_DOMCTL_getvcpuextstate,
        XEN_DOMCTL_destroydomain,
    };

    CHECK(domu_kill(&domu));
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        clear();
        CHECK_ERR(on_domu(commands[i]), XEN_ESRCH);
    }
}
