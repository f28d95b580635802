// SPDX-License-Identifier: Apache-2.0
// vCPU contexts of another domain: what setvcpucontext takes, refuses, and getvcpucontext shows
// (public headers domctl.h and xen.h, struct vcpu_guest_context).

#include "clock.h"
#include "domu.h"
#include "foreign.h"
#include "tap.h"

static struct domu domu;
static struct vcpu_guest_context context;

// The state of a domain before its first instruction.
static void prepare(void)
{
    CHECK_OK(domu_prepare(&domu, NULL));
    CHECK_OK(domain_get_context(domu.domain.domid, 0, &context));
}

static long set(void)
{
    return domain_set_context(domu.domain.domid, 0, &context);
}

TEST("the context of a vCPU that did not run yet is what was set")
{
    struct domain_plan plan = plan_whole_image();

    prepare();
    CHECK_EQ(context.user_regs.rip, plan.entry);
    CHECK_EQ(context.user_regs.rsi, domu.domain.start_info);
    CHECK_EQ(context.ctrlreg[3], xen_pfn_to_cr3(domu.domain.l4_mfn));
    CHECK_EQ(context.user_regs.cs & 3, 3);
    CHECK(context.flags & VGCF_in_kernel);
    CHECK(context.flags & VGCF_online);
}

TEST("its interrupt flag, I/O privilege and kernel stack are as set")
{
    CHECK(context.user_regs.rflags & RFLAGS_IF);
    CHECK_EQ(context.user_regs.rflags & RFLAGS_IOPL, 0);
    CHECK_EQ(context.kernel_ss & ~3u, FLAT_KERNEL_SS & ~3u);
    CHECK_EQ(context.kernel_sp, context.user_regs.rsp);
}

TEST("a context that was read can be set again")
{
    CHECK_OK(set());
}

TEST("general registers come back as they were set")
{
    context.user_regs.rax = 0x1122334455667788;
    context.user_regs.r15 = UINT64_MAX;
    context.user_regs.rdi = 5;
    CHECK_OK(set());
    memset(&context, 0, sizeof(context));
    CHECK_OK(domain_get_context(domu.domain.domid, 0, &context));
    CHECK_EQ(context.user_regs.rax, 0x1122334455667788);
    CHECK_EQ(context.user_regs.r15, UINT64_MAX);
    CHECK_EQ(context.user_regs.rdi, 5);
    CHECK(domu_kill(&domu));
}

TEST("selectors of the hypervisor's own rings are made the guest's")
{
    prepare();
    context.user_regs.cs = FLAT_KERNEL_CS & ~3u;
    context.user_regs.ss = FLAT_KERNEL_SS & ~3u;
    CHECK_OK(set());
    CHECK_OK(domain_get_context(domu.domain.domid, 0, &context));
    CHECK_EQ(context.user_regs.cs & 3, 3);
    CHECK_EQ(context.user_regs.ss & 3, 3);
    CHECK(domu_kill(&domu));
}

TEST("a guest cannot be started with interrupts off or with I/O privilege of the processor")
{
    prepare();
    context.user_regs.rflags = RFLAGS_IOPL;
    CHECK_OK(set());
    CHECK_OK(domain_get_context(domu.domain.domid, 0, &context));
    CHECK(domu_kill(&domu));
}

TEST("addresses that are not canonical are refused")
{
    prepare();
    context.event_callback_eip = 1ul << 60;
    CHECK_ERR(set(), XEN_EINVAL);
    context.event_callback_eip = 0;
    context.fs_base = 1ul << 60;
    CHECK_ERR(set(), XEN_EINVAL);
    context.fs_base = 0;
    context.gs_base_kernel = 1ul << 60;
    CHECK_ERR(set(), XEN_EINVAL);
    context.gs_base_kernel = 0;
    CHECK_OK(set());
    CHECK(domu_kill(&domu));
}

TEST("a vCPU that has a context keeps its page tables and descriptor pages")
{
    prepare();
    context.ctrlreg[3] = xen_pfn_to_cr3(1ul << 40);
    CHECK_ERR(set(), XEN_EOPNOTSUPP);
    context.ctrlreg[3] = xen_pfn_to_cr3(domu.domain.l4_mfn);
    context.gdt_ents = 512;
    context.gdt_frames[0] = domu.domain.frames[0];
    CHECK_ERR(set(), XEN_EOPNOTSUPP);
    CHECK(domu_kill(&domu));
}

// The same domain, its vCPU without a context.
static void prepare_anew(void)
{
    prepare();
    CHECK_OK(domain_set_context(domu.domain.domid, 0, NULL));
}

TEST("a page-table base that is no such table of the domain's is refused")
{
    prepare_anew();
    context.ctrlreg[3] = xen_pfn_to_cr3(1ul << 40);
    CHECK_ERR(set(), XEN_EINVAL);
    context.ctrlreg[3] = xen_pfn_to_cr3(domu.domain.frames[0]);
    CHECK_ERR(set(), XEN_EINVAL);
    context.ctrlreg[3] = xen_pfn_to_cr3(domu.domain.l4_mfn);
    CHECK_OK(set());
    CHECK(domu_kill(&domu));
}

TEST("domain 0's own tables are no base for another domain")
{
    prepare_anew();
    context.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(live_l4()));
    CHECK_ERR(set(), XEN_EINVAL);
    CHECK(domu_kill(&domu));
}

TEST("more descriptor pages than there are, and pages of others, are refused")
{
    prepare_anew();
    context.gdt_ents = 8193;
    CHECK_ERR(set(), XEN_EINVAL);
    context.gdt_ents = 512;
    context.gdt_frames[0] = virt_to_mfn(page_alloc());
    CHECK_ERR(set(), XEN_EINVAL);
    CHECK(domu_kill(&domu));
}

TEST("a vCPU that is not there is refused")
{
    prepare();
    CHECK_ERR(domain_set_context(domu.domain.domid, 1, &context), XEN_EINVAL);
    CHECK_ERR(domain_get_context(domu.domain.domid, 1, &context), XEN_EINVAL);
    CHECK_ERR(domain_set_context(domu.domain.domid, UINT32_MAX, &context), XEN_EINVAL);
    CHECK_ERR(domain_get_context(domu.domain.domid, UINT32_MAX, &context), XEN_EINVAL);
}

TEST("a context that cannot be read or written gets -EFAULT")
{
    CHECK_ERR(domain_set_context(domu.domain.domid, 0, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(domain_get_context(domu.domain.domid, 0, (void *)SPARE_VA), XEN_EFAULT);
    CHECK(domu_kill(&domu));
}

TEST("a vCPU that was never set has no context")
{
    struct xen_domctl_createdomain config = domain_defaults();
    domid_t domid = (domid_t)domain_create(0, &config);

    CHECK_OK(domain_max_vcpus(domid, 1));
    CHECK_ERR(domain_get_context(domid, 0, &context), XEN_ENODATA);
    CHECK_OK(domain_destroy(domid));
    CHECK(domain_wait_gone(domid));
}

TEST("NULL takes the context away: the vCPU has to be set anew")
{
    prepare();
    CHECK_OK(domain_set_context(domu.domain.domid, 0, NULL));
    memset(&context, 0, sizeof(context));
    CHECK_ERR(domain_get_context(domu.domain.domid, 0, &context), XEN_ENODATA);
    CHECK(domu_kill(&domu));
}

TEST("the caller's own context is not to be had")
{
    CHECK_ERR(domain_get_context(0, 0, &context), XEN_EINVAL);
    CHECK_ERR(domain_set_context(0, 0, &context), XEN_EINVAL);
}

// ---- of a domain that runs --------------------------------------------------------------------
// Loops until its RBX is not what it was.
static long spin(void *data)
{
    uint64_t rbx = 0x5eed;

    __asm__ volatile("1: pause\ncmp $0x5eed, %%rbx\nje 1b" : "+b"(rbx));
    return (long)rbx;
}

TEST("domain 0 changes a register of a domain it paused, and that goes on with it")
{
    struct domain_plan plan = plan_whole_image();
    uint64_t give_up = clock_ns() + 10000000000ul;
    int none = 0;

    CHECK_OK(domu_start(&domu, &plan));
    domu_ask(&domu, spin, &none, sizeof(none));
    do {
        CHECK_OK(domain_pause(domu.domain.domid));
        CHECK_OK(domain_get_context(domu.domain.domid, 0, &context));
        if (context.user_regs.rbx != 0x5eed) {
            CHECK_OK(domain_unpause(domu.domain.domid));
            (void)sched_op(SCHEDOP_yield, NULL);
        }
    } while (context.user_regs.rbx != 0x5eed && clock_ns() < give_up);
    context.user_regs.rbx = 99;
    CHECK_OK(domain_set_context(domu.domain.domid, 0, &context));
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK_EQ(domu_answer(&domu, &none, sizeof(none)), 99);
}

TEST("a running domain's context shows its callbacks and trap table")
{
    CHECK_OK(domain_pause(domu.domain.domid));
    CHECK_OK(domain_get_context(domu.domain.domid, 0, &context));
    CHECK_OK(domain_unpause(domu.domain.domid));
    CHECK_EQ(context.event_callback_eip, POINTER(event_entry));
    CHECK_EQ(context.failsafe_callback_eip, POINTER(failsafe_entry));
    CHECK_EQ(context.syscall_callback_eip, POINTER(syscall_entry));
    CHECK_EQ(context.trap_ctxt[VECTOR_GP].address, trap_stub(VECTOR_GP));
    CHECK(domu_kill(&domu));
}

TEST("getvcpuinfo tells of a vCPU whether it is online, and its time")
{
    struct xen_domctl operation = {.u.getvcpuinfo.vcpu = 0};

    prepare();
    CHECK_OK(domctl(XEN_DOMCTL_getvcpuinfo, domu.domain.domid, &operation));
    CHECK_EQ(operation.u.getvcpuinfo.online, 1);
    CHECK_EQ(operation.u.getvcpuinfo.running, 0);
    CHECK_EQ(operation.u.getvcpuinfo.cpu_time, 0);
    operation.u.getvcpuinfo.vcpu = 1;
    CHECK_ERR(domctl(XEN_DOMCTL_getvcpuinfo, domu.domain.domid, &operation), XEN_EINVAL);
    CHECK(domu_kill(&domu));
}
