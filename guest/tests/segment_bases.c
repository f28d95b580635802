// SPDX-License-Identifier: Apache-2.0
// Bases of FS and GS: set_segment_base, and what user mode sees of them.

#include "tap.h"
#include "user.h"

USER_CODE(user_reads_fs, "mov %fs:0, %rax\nud2");
USER_CODE(user_reads_gs, "mov %gs:0, %rax\nud2");

#define NON_CANONICAL 0x0000900000000000ul

static uint64_t cell = 0x5e6;

static uint64_t read_fs(void)
{
    uint64_t value;

    __asm__ volatile("mov %%fs:0, %0" : "=r"(value));
    return value;
}

static uint64_t read_gs(void)
{
    uint64_t value;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}

TEST("SEGBASE_FS sets the base of FS")
{
    CHECK_OK(set_segment_base(SEGBASE_FS, POINTER(&cell)));
    CHECK_EQ(read_fs(), 0x5e6);
}

TEST("SEGBASE_GS_KERNEL sets the base of the kernel's GS")
{
    CHECK_OK(set_segment_base(SEGBASE_GS_KERNEL, POINTER(&cell)));
    CHECK_EQ(read_gs(), 0x5e6);
}

TEST("SEGBASE_GS_USER sets the base of user mode's GS, and the kernel keeps its own")
{
    struct fault fault;

    user_init();
    *(uint64_t *)user_data() = 0x15e;
    CHECK_OK(set_segment_base(SEGBASE_GS_USER, USER_DATA));
    CHECK_EQ(read_gs(), 0x5e6);
    user_call(user_reads_gs, &fault);
    CHECK_EQ(fault.frame.rax, 0x15e);
    CHECK_EQ(read_gs(), 0x5e6);
}

TEST("user mode has the FS base the kernel set")
{
    struct fault fault;

    CHECK_OK(set_segment_base(SEGBASE_FS, USER_DATA));
    user_call(user_reads_fs, &fault);
    CHECK_EQ(fault.frame.rax, 0x15e);
}

TEST("SEGBASE_GS_USER_SEL loads a selector into user mode's GS: its base is the segment's")
{
    struct fault fault;

    CHECK_OK(set_segment_base(SEGBASE_GS_USER, USER_DATA));
    CHECK_OK(set_segment_base(SEGBASE_GS_USER_SEL, FLAT_RING3_DS32));
    user_call(user_reads_gs, &fault);
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, 0);
    CHECK_EQ(read_gs(), 0x5e6);
}

TEST("a selector that does not load is taken as the null selector, without an error")
{
    CHECK_OK(set_segment_base(SEGBASE_GS_USER_SEL, 0x1233));
    CHECK_EQ(read_gs(), 0x5e6);
}

TEST("an address that is not canonical is refused")
{
    CHECK_ERR(set_segment_base(SEGBASE_FS, NON_CANONICAL), XEN_EINVAL);
    CHECK_ERR(set_segment_base(SEGBASE_GS_USER, NON_CANONICAL), XEN_EINVAL);
    CHECK_ERR(set_segment_base(SEGBASE_GS_KERNEL, NON_CANONICAL), XEN_EINVAL);
}

TEST("a base nobody knows is refused")
{
    CHECK_ERR(set_segment_base(4, 0), XEN_EINVAL);
}

#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

TEST("the base registers can be written and read as MSRs")
{
    write_msr(MSR_FS_BASE, POINTER(&cell));
    CHECK_EQ(read_msr(MSR_FS_BASE), POINTER(&cell));
    CHECK_EQ(read_fs(), 0x5e6);
    write_msr(MSR_KERNEL_GS_BASE, USER_DATA);
    CHECK_EQ(read_msr(MSR_KERNEL_GS_BASE), USER_DATA);
}

TEST("the MSR of the GS in use is the kernel's")
{
    CHECK_EQ(read_msr(MSR_GS_BASE), POINTER(&cell));
    write_msr(MSR_GS_BASE, POINTER(&cell));
    CHECK_EQ(read_gs(), 0x5e6);
}

TEST("a base that is not canonical is a protection fault as an MSR")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        write_msr(MSR_FS_BASE, NON_CANONICAL);
    }
    CHECK_TRAP(fault, VECTOR_GP);
}
