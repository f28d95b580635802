// SPDX-License-Identifier: Apache-2.0
// Domain 0 debugs the kernel of another domain: its memory, its vCPUs stopped, breakpoints and
// single steps that pause it (public headers domctl.h: setdebugging, gdbsx; xen.h: VIRQ_DEBUGGER).

#include "clock.h"
#include "domu.h"
#include "tap.h"
#include "user.h"

#define SECOND    1000000000ul
#define DR7_L0    1ul
#define DR7_FIXED (1ul << 10)
#define DR6_FIRST 1ul
#define DR6_STEP  (1ul << 14)
#define NO_VCPU   UINT32_MAX

static struct domu domu;
static struct xen_domctl op;
static struct vcpu_guest_context context;
static evtchn_port_t port; // of VIRQ_DEBUGGER
static int none;

// What is debugged: a breakpoint with 1 in RAX, which is the result, then four instructions.
extern const char stop_here[], stop_behind[], stop_second[], stop_third[], stop_end[];
long stop_and_go(void *data);
__asm__(".pushsection .text\nstop_and_go: mov $1, %eax\n"
        "stop_here: int3\nstop_behind: nop\nstop_second: nop\nstop_third: nop\nstop_end: ret\n"
        ".popsection");

static long on_domu(uint32_t command)
{
    return domctl(command, domu.domain.domid, &op);
}

static void clear(void)
{
    memset(&op, 0, sizeof(op));
}

static long set_debugging(bool on)
{
    clear();
    op.u.setdebugging.enable = on;
    return on_domu(XEN_DOMCTL_setdebugging);
}

static bool no_debugger(void)
{
    return differs_on_oracle("Debian builds it without the calls of a debugger");
}

// ---- memory and vCPUs -------------------------------------------------------------------------
TEST("a debugger reads and writes the domain's memory by its virtual addresses")
{
    static uint64_t buffer;
    const struct mailbox *box = domu_mailbox;

    CHECK_OK(domu_start(&domu, NULL));
    if (no_debugger()) {
        return;
    }
    domu.mailbox->progress = 0x1234567;
    clear();
    op.u.gdbsx_guest_memio.gva = POINTER(&box->progress);
    op.u.gdbsx_guest_memio.uva = POINTER(&buffer);
    op.u.gdbsx_guest_memio.len = sizeof(buffer);
    CHECK_OK(on_domu(XEN_DOMCTL_gdbsx_guestmemio));
    CHECK_EQ(op.u.gdbsx_guest_memio.remain, 0);
    CHECK_EQ(buffer, 0x1234567);
    buffer = 99;
    op.u.gdbsx_guest_memio.gwr = 1;
    CHECK_OK(on_domu(XEN_DOMCTL_gdbsx_guestmemio));
    CHECK_EQ(domu.mailbox->progress, 99);
}

TEST("of memory that is not mapped nothing is read, and what remains is told")
{
    static uint8_t buffer[PAGE_SIZE];

    if (no_debugger()) {
        return;
    }
    clear();
    op.u.gdbsx_guest_memio.gva = SPARE_VA;
    op.u.gdbsx_guest_memio.uva = POINTER(buffer);
    op.u.gdbsx_guest_memio.len = 8;
    CHECK_ERR(on_domu(XEN_DOMCTL_gdbsx_guestmemio), XEN_EFAULT);
    CHECK_EQ(op.u.gdbsx_guest_memio.remain, 8);
    CHECK_ERR(domctl(XEN_DOMCTL_gdbsx_guestmemio, 0, &op), XEN_EINVAL);
}

TEST("a debugger sees whether the domain is paused")
{
    if (no_debugger()) {
        return;
    }
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_gdbsx_domstatus));
    CHECK_EQ(op.u.gdbsx_domstatus.paused, 0);
    CHECK_OK(domain_pause(domu.domain.domid));
    CHECK_OK(on_domu(XEN_DOMCTL_gdbsx_domstatus));
    CHECK_EQ(op.u.gdbsx_domstatus.paused, 1);
    CHECK_EQ(op.u.gdbsx_domstatus.vcpu_id, NO_VCPU);
    CHECK_OK(domain_unpause(domu.domain.domid));
}

static long nothing(void *data)
{
    return 7;
}

TEST("a vCPU is held once and let go once, by itself")
{
    if (no_debugger()) {
        return;
    }
    clear();
    CHECK_ERR(on_domu(XEN_DOMCTL_gdbsx_unpausevcpu), XEN_EINVAL);
    CHECK_OK(on_domu(XEN_DOMCTL_gdbsx_pausevcpu));
    CHECK_ERR(on_domu(XEN_DOMCTL_gdbsx_pausevcpu), XEN_EBUSY);
    CHECK_EQ(domain_flags(domu.domain.domid) & XEN_DOMINF_paused, 0);
    CHECK_OK(on_domu(XEN_DOMCTL_gdbsx_unpausevcpu));
    op.u.gdbsx_pauseunp_vcpu.vcpu = 8;
    CHECK_ERR(on_domu(XEN_DOMCTL_gdbsx_pausevcpu), XEN_EINVAL);
    CHECK_ERR(on_domu(XEN_DOMCTL_gdbsx_unpausevcpu), XEN_EINVAL);
    CHECK_EQ(domu_call(&domu, nothing, &none, 0), 7);
}

// ---- breakpoints ------------------------------------------------------------------------------
// Whether a stop was told since the last call.
static bool take_stop(void)
{
    bool told = event_pending(port);

    event_clear_pending(port);
    return told;
}

static bool wait_for_stop(void)
{
    uint64_t give_up = clock_ns() + 20 * SECOND;

    while (!event_pending(port) && clock_ns() < give_up) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
    return take_stop();
}

// The domain stands still, where its context says, by this vector.
static void check_stop(unsigned vector, const char *rip)
{
    CHECK(wait_for_stop());
    CHECK(domain_flags(domu.domain.domid) & XEN_DOMINF_paused);
    CHECK_OK(domain_get_context(domu.domain.domid, 0, &context));
    CHECK_EQ(context.user_regs.rip, POINTER(rip));
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_gdbsx_domstatus));
    CHECK_EQ(op.u.gdbsx_domstatus.paused, 1);
    CHECK_EQ(op.u.gdbsx_domstatus.vcpu_id, 0);
    CHECK_EQ(op.u.gdbsx_domstatus.vcpu_ev, vector);
}

static void go_on(void)
{
    CHECK_OK(domain_set_context(domu.domain.domid, 0, &context));
    CHECK_OK(domain_unpause(domu.domain.domid));
}

TEST("debugging is switched on and off, but not of oneself")
{
    CHECK_OK(set_debugging(true));
    CHECK(domain_flags(domu.domain.domid) & XEN_DOMINF_debugged);
    CHECK_OK(set_debugging(false));
    CHECK_EQ(domain_flags(domu.domain.domid) & XEN_DOMINF_debugged, 0);
    CHECK_ERR(domctl(XEN_DOMCTL_setdebugging, 0, &op), XEN_EINVAL);
}

TEST("domain 0 can bind the interrupt that tells of stops")
{
    int bound = event_bind_virq(VIRQ_DEBUGGER, 0);

    CHECK(bound > 0);
    port = (evtchn_port_t)bound;
}

TEST("without a debugger a breakpoint is the domain's own business")
{
    CHECK_EQ(domu_call(&domu, stop_and_go, &none, 0), DOMU_TRAPPED);
    CHECK_EQ(domu.mailbox->vector, VECTOR_BP);
    CHECK(!take_stop());
}

TEST("a breakpoint of a domain that is debugged pauses it, and domain 0 is told")
{
    if (no_debugger()) {
        return;
    }
    CHECK_OK(set_debugging(true));
    domu_ask(&domu, stop_and_go, &none, 0);
    check_stop(VECTOR_BP, stop_behind);
    CHECK_EQ(context.user_regs.rax, 1);
}

TEST("a stop is told once")
{
    if (no_debugger()) {
        return;
    }
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_gdbsx_domstatus));
    CHECK_EQ(op.u.gdbsx_domstatus.paused, 1);
    CHECK_EQ(op.u.gdbsx_domstatus.vcpu_id, NO_VCPU);
    CHECK(!take_stop());
}

TEST("with the trap flag it stops behind each instruction")
{
    if (no_debugger()) {
        return;
    }
    context.user_regs.rflags |= RFLAGS_TF;
    go_on();
    check_stop(VECTOR_DB, stop_second);
    CHECK(context.debugreg[6] & DR6_STEP);
    go_on();
    check_stop(VECTOR_DB, stop_third);
}

TEST("it goes on with the registers that the debugger sets")
{
    if (no_debugger()) {
        return;
    }
    context.user_regs.rflags &= ~RFLAGS_TF;
    context.user_regs.rax = 42;
    go_on();
    CHECK_EQ(domu_answer(&domu, &none, 0), 42);
    CHECK(!take_stop());
}

TEST("a breakpoint in a debug register stops it before the instruction")
{
    if (no_debugger()) {
        return;
    }
    domu_ask(&domu, stop_and_go, &none, 0);
    check_stop(VECTOR_BP, stop_behind);
    context.debugreg[0] = POINTER(stop_third);
    context.debugreg[6] = 0;
    context.debugreg[7] = DR7_FIXED | DR7_L0;
    go_on();
    check_stop(VECTOR_DB, stop_third);
    CHECK(context.debugreg[6] & DR6_FIRST);
    context.debugreg[7] = 0;
    go_on();
    CHECK_EQ(domu_answer(&domu, &none, 0), 1);
}

USER_CODE(user_break, "int3\nud2");

static long break_in_user_mode(void *data)
{
    struct fault fault;

    user_init();
    user_call(user_break, &fault);
    return (long)fault.frame.vector;
}

TEST("a program's breakpoint is its own kernel's to handle")
{
    CHECK_EQ(domu_call(&domu, break_in_user_mode, &none, 0), VECTOR_BP);
    CHECK(!take_stop());
}

TEST("when the debugger is gone breakpoints are the domain's own again")
{
    CHECK_OK(set_debugging(false));
    CHECK_EQ(domu_call(&domu, stop_and_go, &none, 0), DOMU_TRAPPED);
    CHECK_EQ(domu.mailbox->vector, VECTOR_BP);
    CHECK(!take_stop());
}

TEST("a domain that has stopped can be ended")
{
    if (!no_debugger()) {
        CHECK_OK(set_debugging(true));
        domu_ask(&domu, stop_and_go, &none, 0);
        check_stop(VECTOR_BP, stop_behind);
    }
    CHECK(domu_kill(&domu));
}
