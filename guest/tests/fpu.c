// SPDX-License-Identifier: Apache-2.0
// fpu_taskswitch, and the FPU state across it.

#include "tap.h"

static uint64_t read_cr0(void)
{
    uint64_t cr0;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    return cr0;
}

#define CR0_TS (1ul << 3)

TEST("after fpu_taskswitch(1) the first FPU instruction traps")
{
    struct fault fault;

    CHECK_OK(fpu_taskswitch(1));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("fninit");
    }
    CHECK_TRAP(fault, VECTOR_NM);
}

TEST("the trap clears the flag: the instruction runs when it is repeated")
{
    struct fault fault;

    CHECK_OK(fpu_taskswitch(1));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("fninit");
    }
    CHECK_TRAP(fault, VECTOR_NM);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("fninit");
    }
    CHECK(!fault.taken);
}

TEST("fpu_taskswitch(0) clears the flag")
{
    struct fault fault;

    CHECK_OK(fpu_taskswitch(1));
    CHECK_OK(fpu_taskswitch(0));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("fninit");
    }
    CHECK(!fault.taken);
}

TEST("an SSE instruction traps too")
{
    struct fault fault;

    CHECK_OK(fpu_taskswitch(1));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("xorps %xmm0, %xmm0");
    }
    CHECK_TRAP(fault, VECTOR_NM);
}

TEST("CR0.TS as the guest reads it is what fpu_taskswitch set")
{
    CHECK_OK(fpu_taskswitch(1));
    CHECK_EQ(read_cr0() & CR0_TS, CR0_TS);
    CHECK_OK(fpu_taskswitch(0));
    CHECK_EQ(read_cr0() & CR0_TS, 0);
}

TEST("CLTS and a write to CR0 do the same")
{
    CHECK_OK(fpu_taskswitch(1));
    __asm__ volatile("clts");
    CHECK_EQ(read_cr0() & CR0_TS, 0);
    __asm__ volatile("mov %0, %%cr0" : : "r"(read_cr0() | CR0_TS));
    CHECK_EQ(read_cr0() & CR0_TS, CR0_TS);
    __asm__ volatile("clts");
}

TEST("FPU and SSE registers keep their values over hypercalls and time")
{
    static const uint64_t pattern[2] = {0x1122334455667788, 0x99aabbccddeeff00};
    static const double number = 2.5;
    uint64_t xmm[2] = {0}, st = 0;

    __asm__ volatile("movups %0, %%xmm7\nfninit\nfldl %1" : : "m"(pattern), "m"(number));
    for (unsigned i = 0; i < 100; i++) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
    __asm__ volatile("movups %%xmm7, %0\nfstpl %1" : "=m"(xmm), "=m"(st));
    CHECK_EQ(xmm[0], pattern[0]);
    CHECK_EQ(xmm[1], pattern[1]);
    CHECK_EQ(st, 0x4004000000000000);
}
