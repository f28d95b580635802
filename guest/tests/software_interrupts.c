// SPDX-License-Identifier: Apache-2.0
// `int n`: who may enter which gate (public header arch-x86/xen.h, struct trap_info).

#include "tap.h"
#include "user.h"

// In QEMU, a refused software interrupt pushes an error code of n * 16 + 2, from which the
// reference takes the wrong vector. Vector 0x80 has a gate of its own there, and 3 and 4 are open
// to all.
#define REFERENCE_READS_WRONG_VECTOR \
    "the reference trusts the error code of a refused int, which QEMU gets wrong"

USER_CODE(user_int80, "int $0x80");
USER_CODE(user_int3, "int3");
USER_CODE(user_into, "int $4");
USER_CODE(user_int90, "int $0x90");
USER_CODE(user_int91, "int $0x91");
USER_CODE(user_int0, "int $0");
USER_CODE(user_int14, "int $14");

// The error code of a refused one: the vector, and that it is one (processor manual, #GP).
#define GATE_ERROR(vector) ((vector)*8 + 2)

static bool open_gate(unsigned vector, unsigned privilege)
{
    return trap_set_gate(vector, (uint8_t)privilege, trap_stub(vector)) == 0;
}

TEST("int $0x80 from user mode enters a gate of privilege 3, after the instruction")
{
    struct fault fault;

    user_init();
    CHECK(open_gate(0x80, 3));
    user_call(user_int80, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rip, user_address(user_int80) + 2);
    CHECK_EQ(frame_selector(&fault.frame), USER_CS);
}

TEST("int $0x80 from the kernel enters a gate of privilege 3")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "int $0x80" : : : "rax", "memory");
    }
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rip, site + 2);
    CHECK_EQ(frame_selector(&fault.frame), KERNEL_CS);
}

TEST("int $0x80 with the interrupt flag in its gate masks upcalls")
{
    struct fault fault;

    CHECK_OK(trap_set_gate(0x80, 3 | 4, trap_stub(0x80)));
    upcalls_allow();
    user_call(user_int80, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.upcall_mask, 1);
}

TEST("int $0x80 without a gate is a protection fault at the instruction")
{
    struct fault fault;

    CHECK_OK(set_trap_table(NULL));
    CHECK_OK(trap_set_gate(VECTOR_GP, 0, trap_stub(VECTOR_GP)));
    user_call(user_int80, &fault);
    trap_table_reset();
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.rip, user_address(user_int80));
    CHECK_EQ(fault.frame.error, GATE_ERROR(0x80));
}

TEST("int $0x80 with a gate of privilege 0 is a protection fault")
{
    struct fault fault;

    if (differs_on_oracle("the reference looks at no privilege for vector 0x80")) {
        return;
    }
    CHECK(open_gate(0x80, 0));
    user_call(user_int80, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, GATE_ERROR(0x80));
}

TEST("int3 from user mode enters a gate of privilege 3")
{
    struct fault fault;

    user_call(user_int3, &fault);
    CHECK_TRAP(fault, VECTOR_BP);
    CHECK_EQ(fault.frame.rip, user_address(user_int3) + 1);
}

TEST("int $4 from user mode enters a gate of privilege 3")
{
    struct fault fault;

    user_call(user_into, &fault);
    CHECK_TRAP(fault, VECTOR_OF);
    CHECK_EQ(fault.frame.rip, user_address(user_into) + 2);
}

TEST("any other vector's gate of privilege 3 is open to user mode, after the instruction")
{
    struct fault fault;

    if (differs_on_oracle(REFERENCE_READS_WRONG_VECTOR)) {
        return;
    }
    CHECK(open_gate(0x90, 3));
    user_call(user_int90, &fault);
    CHECK_TRAP(fault, 0x90);
    CHECK_EQ(fault.frame.rip, user_address(user_int90) + 2);
}

TEST("a gate of privilege 1 is closed to user mode: #GP with the vector as error code")
{
    struct fault fault;

    if (differs_on_oracle(REFERENCE_READS_WRONG_VECTOR)) {
        return;
    }
    CHECK(open_gate(0x91, 1));
    user_call(user_int91, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.rip, user_address(user_int91));
    CHECK_EQ(fault.frame.error, GATE_ERROR(0x91));
}

TEST("a gate of privilege 1 or 2 is open to the kernel")
{
    struct fault fault;

    if (differs_on_oracle(REFERENCE_READS_WRONG_VECTOR)) {
        return;
    }
    for (unsigned privilege = 1; privilege <= 2; privilege++) {
        CHECK(open_gate(0x91, privilege));
        EXPECT_FAULT(&fault)
        {
            __asm__ volatile(SITE "int $0x91" : : : "rax", "memory");
        }
        CHECK_TRAP(fault, 0x91);
        CHECK_EQ(fault.frame.rip, site + 2);
    }
}

TEST("a gate of privilege 0 is open to nobody")
{
    struct fault fault;

    if (differs_on_oracle(REFERENCE_READS_WRONG_VECTOR)) {
        return;
    }
    CHECK(open_gate(0x91, 0));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "int $0x91" : : : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.rip, site);
    CHECK_EQ(fault.frame.error, GATE_ERROR(0x91));
}

TEST("the gates of exceptions are closed to user mode's int")
{
    struct fault fault;

    if (differs_on_oracle(REFERENCE_READS_WRONG_VECTOR)) {
        return;
    }
    user_call(user_int0, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, GATE_ERROR(0));
    user_call(user_int14, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, GATE_ERROR(14));
}
