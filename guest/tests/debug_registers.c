// SPDX-License-Identifier: Apache-2.0
// Debug registers: by hypercall, by instruction, and the breakpoints they make.

#include "tap.h"
#include "user.h"

USER_CODE(user_touch, "mov " USER_DATA_TEXT ", %rax\nnop\nnop\nud2");

#define DR7_FIXED     (1ul << 10)
#define DR7_G(n)      (2ul << (n)*2)
#define DR7_WRITE(n)  (1ul << (16 + (n)*4))
#define DR7_ACCESS(n) (3ul << (16 + (n)*4))
#define DR7_LEN8(n)   (2ul << (18 + (n)*4))

static volatile uint64_t watched;

TEST("addresses set by hypercall are read back by it")
{
    for (int reg = 0; reg < 4; reg++) {
        CHECK_OK(set_debugreg(reg, POINTER(&watched) + (uint64_t)reg * 8));
    }
    for (int reg = 0; reg < 4; reg++) {
        CHECK_EQ(get_debugreg(reg), POINTER(&watched) + (uint64_t)reg * 8);
    }
}

TEST("an address in the hypervisor's range is refused")
{
    CHECK_ERR(set_debugreg(0, HYPERVISOR_VIRT_START), XEN_EPERM);
    CHECK_ERR(set_debugreg(0, HYPERVISOR_VIRT_END - 1), XEN_EPERM);
}

TEST("an address that is not canonical is refused")
{
    CHECK_ERR(set_debugreg(0, 0x900000000000), XEN_EPERM);
}

TEST("a register beyond 7 is refused, and reads as -EINVAL")
{
    if (differs_on_oracle("the reference answers -ENODEV where the public header has -EINVAL")) {
        return;
    }
    CHECK_ERR(set_debugreg(8, 0), XEN_EINVAL);
    CHECK_ERR((long)get_debugreg(8), XEN_EINVAL);
    CHECK_ERR((long)get_debugreg(-1), XEN_EINVAL);
}

TEST("DR6 and DR7 read their fixed bits")
{
    CHECK_OK(set_debugreg(7, 0));
    CHECK_EQ(get_debugreg(7), DR7_FIXED);
    CHECK_OK(set_debugreg(6, 0));
    CHECK_EQ(get_debugreg(6) & 0xffff0ff0, 0xffff0ff0);
}

TEST("a write watchpoint is vector 1 after the write, with its bit in DR6")
{
    struct fault fault;

    CHECK_OK(set_debugreg(6, 0));
    CHECK_OK(set_debugreg(0, POINTER(&watched)));
    CHECK_OK(set_debugreg(7, DR7_FIXED | DR7_G(0) | DR7_WRITE(0) | DR7_LEN8(0)));
    EXPECT_FAULT(&fault)
    {
        watched = 5;
        __asm__ volatile("nop\nnop");
    }
    CHECK_OK(set_debugreg(7, 0));
    CHECK_TRAP(fault, VECTOR_DB);
    CHECK_EQ(watched, 5);
    CHECK_EQ(get_debugreg(6) & 0xf, 1);
}

TEST("an execution breakpoint is vector 1 at the instruction")
{
    struct fault fault;
    extern const char break_here[];

    CHECK_OK(set_debugreg(6, 0));
    CHECK_OK(set_debugreg(1, POINTER(break_here)));
    CHECK_OK(set_debugreg(7, DR7_FIXED | DR7_G(1)));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("nop\n.globl break_here\nbreak_here: nop\nnop");
    }
    CHECK_OK(set_debugreg(7, 0));
    CHECK_TRAP(fault, VECTOR_DB);
    CHECK_EQ(fault.frame.rip, POINTER(break_here));
    CHECK_EQ(get_debugreg(6) & 0xf, 2);
}

TEST("a watchpoint works in user mode too")
{
    struct fault fault;

    user_init();
    CHECK_OK(set_debugreg(6, 0));
    CHECK_OK(set_debugreg(2, USER_DATA));
    CHECK_OK(set_debugreg(7, DR7_FIXED | DR7_G(2) | DR7_ACCESS(2) | DR7_LEN8(2)));
    user_call(user_touch, &fault);
    CHECK_OK(set_debugreg(7, 0));
    CHECK_TRAP(fault, VECTOR_DB);
    CHECK(frame_from_user(&fault.frame));
    CHECK_EQ(get_debugreg(6) & 0xf, 4);
}

TEST("I/O breakpoints cannot be set without CR4.DE")
{
    CHECK_ERR(set_debugreg(7, DR7_FIXED | DR7_G(0) | 2ul << 16), XEN_EPERM);
}

TEST("mov to and from a debug register does what the calls do")
{
    uint64_t value;

    __asm__ volatile("mov %0, %%dr3" : : "r"(POINTER(&watched)));
    CHECK_EQ(get_debugreg(3), POINTER(&watched));
    __asm__ volatile("mov %%dr3, %0" : "=r"(value));
    CHECK_EQ(value, POINTER(&watched));
}

TEST("general detect in DR7 is not for guests")
{
    CHECK_ERR(set_debugreg(7, DR7_FIXED | 1ul << 13), XEN_EPERM);
    CHECK_EQ(get_debugreg(7), DR7_FIXED);
}
