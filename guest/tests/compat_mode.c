// SPDX-License-Identifier: Apache-2.0
// User programs in 32-bit code: the flat segment for them, and their ways into the kernel.

#include "tap.h"
#include "user.h"

#define CODE32(name, text) USER_CODE(name, ".code32\n" text "\n.code64")

CODE32(int80, "mov $0x1234, %eax\nint $0x80");
CODE32(call_by_syscall, "mov $0x1234, %eax\nmov $0xb, %ebx\nsyscall\ncall_by_syscall_end:");
CODE32(call_by_sysenter, "mov $0x1234, %eax\nmov $0xb, %ebx\nsysenter");
CODE32(faults, "mov 0x1234, %eax");
CODE32(inc, "xor %eax, %eax\ninc %eax\nint $0x80");
extern const char call_by_syscall_end[];

static long register_callback(unsigned type, unsigned flags, const void *address)
{
    struct callback_register registration = {
        .type = (uint16_t)type, .flags = (uint16_t)flags, .address = POINTER(address)};

    return callback_op(CALLBACKOP_register, &registration);
}

// In long mode Intel's processors have SYSENTER for 32-bit code, and others SYSCALL. QEMU's
// software processor has SYSCALL whatever it calls itself.
static bool is_intel(void)
{
    uint32_t eax = 0, ebx, ecx = 0, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx == 0x756e6547;
}

static void run(const char *code, struct fault *exit)
{
    struct trap_frame start = user_start(code);

    start.cs = FLAT_USER_CS32;
    user_run(&start, 0, exit);
}

TEST("a 32-bit program runs, and its interrupt's frame says so")
{
    struct fault fault;

    user_init();
    CHECK_OK(trap_set_gate(0x80, 3, trap_stub(0x80)));
    run(int80, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rax, 0x1234);
    CHECK_EQ(frame_selector(&fault.frame), FLAT_USER_CS32);
    CHECK_EQ(fault.frame.rip, user_address(int80) + 7);
}

TEST("it really is 32-bit code")
{
    struct fault fault;

    run(inc, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rax, 1);
}

TEST("its page faults are user mode's")
{
    struct fault fault;

    run(faults, &fault);
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, 0x1234);
    CHECK_EQ(fault.frame.error & PF_USER, PF_USER);
    CHECK_EQ(frame_selector(&fault.frame), FLAT_USER_CS32);
}

TEST("SYSCALL without a callback for it is an invalid opcode")
{
    struct fault fault;

    run(call_by_syscall, &fault);
    CHECK_TRAP(fault, VECTOR_UD);
    CHECK_EQ(fault.frame.rip, user_address(call_by_syscall_end) - 2);
    CHECK(frame_from_user(&fault.frame));
}

TEST("SYSCALL goes to the callback for 32-bit code, where the processor has it")
{
    struct fault fault;

    CHECK_OK(register_callback(CALLBACKTYPE_syscall32, 0, syscall32_entry));
    run(call_by_syscall, &fault);
    if (is_intel() && fault.frame.vector == VECTOR_UD) {
        return;
    }
    CHECK_TRAP(fault, VECTOR_SYSCALL32);
    CHECK_EQ(fault.frame.rip, user_address(call_by_syscall_end));
    CHECK_EQ(fault.frame.rax, 0x1234);
    CHECK_EQ(fault.frame.rbx, 0xb);
    CHECK_EQ(fault.frame.rsp, USER_STACK_TOP);
    CHECK_EQ(frame_selector(&fault.frame), FLAT_USER_CS32);
}

TEST("CALLBACKF_mask_events masks upcalls in that callback")
{
    struct fault fault;

    if (differs_on_oracle("the reference forgets the flag for 32-bit system calls")) {
        return;
    }
    CHECK_OK(register_callback(CALLBACKTYPE_syscall32, CALLBACKF_mask_events, syscall32_entry));
    upcalls_allow();
    run(call_by_syscall, &fault);
    CHECK_EQ(fault.upcall_mask, fault.frame.vector == VECTOR_SYSCALL32);
    CHECK_EQ(frame_saved_mask(&fault.frame), 0);
}

TEST("SYSENTER without a callback for it is a fault")
{
    struct fault fault;

    run(call_by_sysenter, &fault);
    CHECK(fault.frame.vector == VECTOR_GP || (!is_intel() && fault.frame.vector == VECTOR_UD));
    CHECK(frame_from_user(&fault.frame));
}

// SYSENTER forgets where it was: kernel and program agree on that, and the frame may hold anything.
TEST("SYSENTER goes to its callback, where the processor has it")
{
    struct fault fault;

    CHECK_OK(register_callback(CALLBACKTYPE_sysenter, CALLBACKF_mask_events, sysenter_entry));
    upcalls_allow();
    run(call_by_sysenter, &fault);
    if (!is_intel() && fault.frame.vector != VECTOR_SYSENTER) {
        return;
    }
    CHECK_TRAP(fault, VECTOR_SYSENTER);
    CHECK_EQ(fault.frame.rax, 0x1234);
    CHECK_EQ(fault.frame.rbx, 0xb);
    CHECK(frame_from_user(&fault.frame));
    CHECK_EQ(fault.upcall_mask, 1);
    CHECK_EQ(frame_saved_mask(&fault.frame), 0);
}
