// SPDX-License-Identifier: Apache-2.0
// `syscall` from user mode goes to the kernel's callback.

#include "tap.h"
#include "user.h"

USER_CODE(user_syscall, "mov $0x1234, %rax\nmov $0xd1, %rdi\nmov $0x51, %rsi\nmov $0xd2, %rdx\n"
                        "mov $0x10, %r10\nmov $0x8, %r8\nmov $0x9, %r9\nmov $0xb, %rbx\nsyscall\n"
                        "user_syscall_end:");
extern const char user_syscall_end[];
USER_CODE(user_carry_syscall, "stc\nsyscall");
USER_CODE(user_iret_number, "mov $23, %eax\nsyscall");

static void run(struct fault *fault)
{
    user_call(user_syscall, fault);
}

static long register_callback(unsigned type, unsigned flags, const void *address)
{
    struct callback_register registration = {
        .type = (uint16_t)type, .flags = (uint16_t)flags, .address = POINTER(address)};

    return callback_op(CALLBACKOP_register, &registration);
}

TEST("a system call from user mode reaches the kernel's callback, after the instruction")
{
    struct fault fault;

    user_init();
    run(&fault);
    CHECK_TRAP(fault, VECTOR_SYSCALL);
    CHECK_EQ(fault.frame.rip, user_address(user_syscall_end));
}

TEST("its number and arguments arrive in their registers")
{
    struct fault fault;

    run(&fault);
    CHECK_EQ(fault.frame.rax, 0x1234);
    CHECK_EQ(fault.frame.rdi, 0xd1);
    CHECK_EQ(fault.frame.rsi, 0x51);
    CHECK_EQ(fault.frame.rdx, 0xd2);
    CHECK_EQ(fault.frame.r10, 0x10);
    CHECK_EQ(fault.frame.r8, 8);
    CHECK_EQ(fault.frame.r9, 9);
    CHECK_EQ(fault.frame.rbx, 0xb);
}

TEST("RCX is the return address and R11 the flags, as the instruction leaves them")
{
    struct fault fault;

    run(&fault);
    CHECK_EQ(fault.frame.rcx, fault.frame.rip);
    CHECK_EQ(fault.frame.r11, fault.frame.rflags);
}

TEST("its frame has user mode's selectors and stack")
{
    struct fault fault;

    run(&fault);
    CHECK_EQ(frame_selector(&fault.frame), USER_CS);
    CHECK_EQ(fault.frame.ss, FLAT_USER_SS);
    CHECK_EQ(fault.frame.rsp, USER_STACK_TOP);
}

TEST("its frame has user mode's flags")
{
    struct fault fault;

    user_call(user_carry_syscall, &fault);
    CHECK_EQ(fault.frame.rflags & RFLAGS_CF, RFLAGS_CF);
    CHECK_EQ(fault.frame.rflags & RFLAGS_IF, RFLAGS_IF);
}

TEST("no number from user mode is a hypercall")
{
    struct fault fault;

    user_call(user_iret_number, &fault);
    CHECK_TRAP(fault, VECTOR_SYSCALL);
    CHECK_EQ(fault.frame.rax, __HYPERVISOR_iret);
}

TEST("upcalls stay enabled in the callback that set_callbacks registers")
{
    struct fault fault;

    upcalls_allow();
    run(&fault);
    CHECK_EQ(fault.upcall_mask, 0);
}

TEST("CALLBACKF_mask_events masks upcalls in the callback")
{
    struct fault fault;

    CHECK_OK(register_callback(CALLBACKTYPE_syscall, CALLBACKF_mask_events, syscall_entry));
    upcalls_allow();
    run(&fault);
    CHECK_TRAP(fault, VECTOR_SYSCALL);
    CHECK_EQ(fault.upcall_mask, 1);
    CHECK_EQ(frame_saved_mask(&fault.frame), 0);
    CHECK_OK(register_callback(CALLBACKTYPE_syscall, 0, syscall_entry));
}

TEST("callback_op changes the callback at once")
{
    struct fault fault;

    CHECK_OK(register_callback(CALLBACKTYPE_syscall, 0, syscall32_entry));
    run(&fault);
    CHECK_TRAP(fault, VECTOR_SYSCALL32);
    CHECK_OK(register_callback(CALLBACKTYPE_syscall, 0, syscall_entry));
}

TEST("callback_op refuses an address that is not canonical")
{
    CHECK_ERR(register_callback(CALLBACKTYPE_syscall, 0, (void *)0x900000000000), XEN_EINVAL);
}

TEST("callback_op refuses types and operations it does not know")
{
    struct callback_unregister unregister = {.type = CALLBACKTYPE_syscall};

    CHECK_ERR(register_callback(99, 0, syscall_entry), XEN_ENOSYS);
    CHECK_ERR(callback_op(99, &unregister), XEN_ENOSYS);
}

static unsigned nmis;

static bool count_nmi(struct trap_frame *frame)
{
    nmis++;
    return true;
}

TEST("an NMI that a vCPU sends to itself has come when the call returns")
{
    nmis = 0;
    trap_set_handler(VECTOR_NMI, count_nmi);
    CHECK_OK(register_callback(CALLBACKTYPE_nmi, 0, nmi_entry));
    CHECK_OK(vcpu_op(VCPUOP_send_nmi, 0, NULL));
    CHECK_EQ(nmis, 1);
    CHECK_OK(vcpu_op(VCPUOP_send_nmi, 0, NULL));
    CHECK_EQ(nmis, 2);
    trap_set_handler(VECTOR_NMI, NULL);
}

TEST("of the callbacks only that for NMIs can be unregistered")
{
    static const uint16_t types[] = {CALLBACKTYPE_event, CALLBACKTYPE_failsafe,
                                     CALLBACKTYPE_syscall, CALLBACKTYPE_syscall32,
                                     CALLBACKTYPE_sysenter};
    struct callback_unregister unregister = {.type = CALLBACKTYPE_nmi};

    CHECK_OK(callback_op(CALLBACKOP_unregister, &unregister));
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        unregister.type = types[i];
        CHECK_ERR(callback_op(CALLBACKOP_unregister, &unregister), XEN_EINVAL);
    }
}

TEST("stack_switch takes any stack, and the next entry uses it")
{
    static uint64_t stack[512] __attribute__((aligned(16)));
    struct fault fault;

    CHECK_OK(stack_switch(KERNEL_SS, POINTER(stack + 512)));
    run(&fault);
    CHECK_EQ(stack[511], FLAT_USER_SS);
    trap_init();
}
