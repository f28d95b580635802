// SPDX-License-Identifier: Apache-2.0
// The iret hypercall, in each of its forms (public header arch-x86/xen-x86_64.h).

#include "tap.h"
#include "user.h"

USER_CODE(user_int80, "int $0x80");
USER_CODE(user_flags, "pushfq\npop %rax\nint $0x80");
USER_CODE(user_registers, "int $0x80");

#define NON_CANONICAL 0x0000900000000000ul

static char landing_stack[4096] __attribute__((aligned(16)));

// Where a return to the kernel lands: a trap that shows all registers.
extern const char kernel_landing[];
__asm__(".pushsection .text\nkernel_landing: ud2\n.popsection");

static void resume_in_kernel(struct trap_frame *frame, struct fault *fault)
{
    EXPECT_FAULT(fault)
    {
        upcalls_disable();
        frame_resume(frame);
    }
}

static struct trap_frame kernel_frame(void)
{
    return (struct trap_frame){
        .rip = POINTER(kernel_landing),
        .cs = KERNEL_CS,
        .rflags = RFLAGS_ONE | RFLAGS_IF,
        .rsp = POINTER(landing_stack + sizeof(landing_stack)),
        .ss = KERNEL_SS,
    };
}

TEST("iret to ring 0 stays in kernel mode at the given address and stack")
{
    struct trap_frame frame = kernel_frame();
    struct fault fault;

    resume_in_kernel(&frame, &fault);
    CHECK_TRAP(fault, VECTOR_UD);
    CHECK_EQ(fault.frame.rip, POINTER(kernel_landing));
    CHECK_EQ(fault.frame.rsp, POINTER(landing_stack + sizeof(landing_stack)));
    CHECK_EQ(frame_selector(&fault.frame), KERNEL_CS);
}

TEST("iret restores RAX, R11 and RCX from the stack and keeps the rest")
{
    struct trap_frame frame = kernel_frame();
    struct fault fault;

    frame.rax = 0xa, frame.r11 = 0x11, frame.rcx = 0xc;
    frame.rdi = 0xd1, frame.rsi = 0x51, frame.rdx = 0xd, frame.r8 = 8, frame.r9 = 9;
    frame.r10 = 0x10, frame.rbx = 0xb, frame.rbp = 0xb9, frame.r12 = 0x12, frame.r15 = 0x15;
    resume_in_kernel(&frame, &fault);
    CHECK_EQ(fault.frame.rax, 0xa);
    CHECK_EQ(fault.frame.r11, 0x11);
    CHECK_EQ(fault.frame.rcx, 0xc);
    CHECK_EQ(fault.frame.rdi, 0xd1);
    CHECK_EQ(fault.frame.rsi, 0x51);
    CHECK_EQ(fault.frame.rdx, 0xd);
    CHECK_EQ(fault.frame.r8, 8);
    CHECK_EQ(fault.frame.r9, 9);
    CHECK_EQ(fault.frame.r10, 0x10);
    CHECK_EQ(fault.frame.rbx, 0xb);
    CHECK_EQ(fault.frame.rbp, 0xb9);
    CHECK_EQ(fault.frame.r12, 0x12);
    CHECK_EQ(fault.frame.r15, 0x15);
}

TEST("iret with IF enables upcalls")
{
    struct trap_frame frame = kernel_frame();
    struct fault fault;

    resume_in_kernel(&frame, &fault);
    CHECK_EQ(fault.frame.rflags & RFLAGS_IF, RFLAGS_IF);
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 0);
}

TEST("iret without IF masks upcalls")
{
    struct trap_frame frame = kernel_frame();
    struct fault fault;

    frame.rflags = RFLAGS_ONE;
    resume_in_kernel(&frame, &fault);
    CHECK_EQ(fault.frame.rflags & RFLAGS_IF, 0);
    CHECK_EQ(frame_saved_mask(&fault.frame), 1);
    upcalls_enable();
}

TEST("iret with IF takes an upcall that waited, after the return")
{
    struct trap_frame frame = kernel_frame();
    int port = event_bind_ipi(0);
    struct fault fault;

    event_reset_counts();
    upcalls_disable();
    event_clear_mask((evtchn_port_t)port);
    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK_EQ(event_upcalls(), 0);
    resume_in_kernel(&frame, &fault);
    CHECK_EQ(fault.frame.rip, POINTER(kernel_landing));
    CHECK_EQ(event_upcalls(), 1);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("iret to ring 3 goes to user mode with all registers, RCX and R11 too")
{
    struct trap_frame frame;
    struct fault fault;

    user_init();
    CHECK_OK(trap_set_gate(0x80, 3, trap_stub(0x80)));
    frame = user_start(user_registers);
    frame.rax = 0xa, frame.rcx = 0xc, frame.r11 = 0x11, frame.rdi = 0xd1, frame.r14 = 0x14;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rip, user_address(user_registers) + 2);
    CHECK_EQ(fault.frame.rax, 0xa);
    CHECK_EQ(fault.frame.rcx, 0xc);
    CHECK_EQ(fault.frame.r11, 0x11);
    CHECK_EQ(fault.frame.rdi, 0xd1);
    CHECK_EQ(fault.frame.r14, 0x14);
}

TEST("with VGCF_in_syscall RCX and R11 are discarded, RAX and the address are not")
{
    struct trap_frame frame = user_start(user_registers);
    struct fault fault;

    frame.rax = 0xa, frame.rcx = 0xc, frame.r11 = 0x11;
    user_run(&frame, VGCF_in_syscall, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rip, user_address(user_registers) + 2);
    CHECK_EQ(fault.frame.rax, 0xa);
    CHECK_EQ(fault.frame.rsp, USER_STACK_TOP);
    CHECK_EQ(fault.frame.rcx, user_address(user_registers));
    CHECK_EQ(fault.frame.r11 & RFLAGS_IF, RFLAGS_IF);
}

TEST("with VGCF_in_syscall the selectors are the flat ones whatever the frame has")
{
    struct trap_frame frame = user_start(user_registers);
    struct fault fault;

    frame.cs = 0x33, frame.ss = 0x2b;
    user_run(&frame, VGCF_in_syscall, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(frame_selector(&fault.frame), USER_CS);
    CHECK_EQ(fault.frame.ss, FLAT_USER_SS);
}

TEST("I/O privilege and virtual-8086 mode in the frame are not for real")
{
    struct trap_frame frame = user_start(user_flags);
    struct fault fault;

    frame.rflags |= RFLAGS_IOPL;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rax & RFLAGS_IOPL, 0);
    frame = user_start(user_flags);
    frame.rflags |= RFLAGS_VM;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rax & RFLAGS_VM, 0);
}

TEST("the real interrupt flag is set in user mode even where the frame's is clear")
{
    struct trap_frame frame = user_start(user_flags);
    struct fault fault;

    frame.rflags = RFLAGS_ONE;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rax & RFLAGS_IF, RFLAGS_IF);
    CHECK_EQ(frame_saved_mask(&fault.frame), 1);
}

TEST("arithmetic flags, DF, AC and ID in the frame are restored")
{
    struct trap_frame frame = user_start(user_flags);
    const uint64_t flags = RFLAGS_CF | RFLAGS_ZF | RFLAGS_DF | RFLAGS_AC | RFLAGS_ID;
    struct fault fault;

    frame.rflags |= flags;
    user_run(&frame, 0, &fault);
    CHECK_EQ(fault.frame.rax & flags, flags);
    frame = user_start(user_flags);
    user_run(&frame, 0, &fault);
    CHECK_EQ(fault.frame.rax & flags, 0);
}

TEST("TF in the frame steps user mode by one instruction")
{
    struct trap_frame frame = user_start(user_flags);
    struct fault fault;

    frame.rflags |= RFLAGS_TF;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, VECTOR_DB);
    CHECK_EQ(fault.frame.rip, user_address(user_flags) + 1);
    CHECK(frame_from_user(&fault.frame));
}

// A state that cannot be loaded faults as of that state: the frame is the one that was asked for.
TEST("an address for user mode that is not canonical is a protection fault there")
{
    struct trap_frame frame = user_start(user_int80);
    struct fault fault;

    frame.rip = NON_CANONICAL;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, 0);
    CHECK_EQ(fault.frame.rip, NON_CANONICAL);
    CHECK(frame_from_user(&fault.frame));
}

TEST("a code selector that does not exist is a protection fault with it as error code")
{
    struct trap_frame frame = user_start(user_int80);
    struct fault fault;

    frame.cs = 0x1233;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, 0x1230);
    CHECK_EQ(fault.frame.rip, user_address(user_int80));
    CHECK_EQ(frame_selector(&fault.frame), 0x1233);
}

TEST("a stack selector that does not exist is a protection fault with it as error code")
{
    struct trap_frame frame = user_start(user_int80);
    struct fault fault;

    frame.ss = 0x1233;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, 0x1230);
    CHECK_EQ(fault.frame.ss & 0xffff, 0x1233);
}

TEST("the hypervisor's own code selector is no way out of ring 3")
{
    struct trap_frame frame = user_start(user_int80);
    struct fault fault;

    frame.cs = 0xe008 | 3;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, 0xe008);
}

TEST("an address in the hypervisor's range faults in the mode it was meant for")
{
    struct trap_frame frame = user_start(user_int80);
    struct fault fault;

    frame.rip = HYPERVISOR_VIRT_END - PAGE_SIZE;
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK(frame_from_user(&fault.frame));
    CHECK_EQ(fault.cr2, HYPERVISOR_VIRT_END - PAGE_SIZE);
}
