// SPDX-License-Identifier: Apache-2.0
// Each exception arrives at its gate, at the right instruction, with the right error code.

#include "tap.h"

#define NON_CANONICAL 0x0000900000000000ul

TEST("a divide error is vector 0, at the instruction")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "xor %%ecx, %%ecx\nxor %%edx, %%edx\ndiv %%ecx"
                         :
                         :
                         : "rax", "rcx", "rdx", "memory");
    }
    CHECK_TRAP(fault, VECTOR_DE);
    CHECK_EQ(fault.frame.rip, site + 4);
}

TEST("a single step is vector 1, after the instruction, with BS in DR6")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("pushfq\norl $0x100, (%%rsp)\n" SITE "popfq\nnop\nnop"
                         :
                         :
                         : "rax", "memory", "cc");
    }
    CHECK_TRAP(fault, VECTOR_DB);
    CHECK_EQ(fault.frame.rip, site + 2);
    CHECK((fault.frame.rflags & RFLAGS_TF) != 0);
    CHECK((get_debugreg(6) & 1ul << 14) != 0);
}

TEST("a breakpoint is vector 3, after the instruction")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "int3" : : : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_BP);
    CHECK_EQ(fault.frame.rip, site + 1);
}

TEST("int $3 in two bytes is vector 3, after the instruction")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE ".byte 0xcd, 3" : : : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_BP);
    CHECK_EQ(fault.frame.rip, site + 2);
}

TEST("an overflow trap is vector 4, after the instruction")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "int $4" : : : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_OF);
    CHECK_EQ(fault.frame.rip, site + 2);
}

TEST("an undefined instruction is vector 6, at the instruction")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "ud2" : : : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_UD);
    CHECK_EQ(fault.frame.rip, site);
}

TEST("an FPU instruction after fpu_taskswitch(1) is vector 7, at the instruction")
{
    struct fault fault;

    CHECK_OK(fpu_taskswitch(1));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "fninit" : : : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_NM);
    CHECK_EQ(fault.frame.rip, site);
    CHECK_OK(fpu_taskswitch(0));
}

TEST("a data reference that is not canonical is vector 13 with error code 0")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "mov (%0), %%rax" : : "r"(NON_CANONICAL) : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.rip, site);
    CHECK_EQ(fault.frame.error, 0);
}

TEST("a selector beyond every table is vector 13 with the selector as error code")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "mov %0, %%fs" : : "r"(0xfff8 | 3) : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.rip, site);
    CHECK_EQ(fault.frame.error, 0xfff8);
}

TEST("a page fault by reading is vector 14, with its address in vcpu_info")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE "mov (%0), %%al" : : "r"(SPARE_VA + 0x123) : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.frame.rip, site);
    CHECK_EQ(fault.cr2, SPARE_VA + 0x123);
    CHECK_EQ(fault.frame.error, 0);
}

TEST("a page fault by writing to no page has W alone in its error code")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        *(volatile char *)(SPARE_VA + 0x456) = 1;
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, SPARE_VA + 0x456);
    CHECK_EQ(fault.frame.error, PF_WRITE);
}

TEST("a page fault by writing to a read-only page has W and P, never U for the kernel")
{
    char *page = page_alloc();
    struct fault fault;

    CHECK_OK(page_make_readonly(page));
    EXPECT_FAULT(&fault)
    {
        *(volatile char *)(page + 0x10) = 1;
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, POINTER(page) + 0x10);
    CHECK_EQ(fault.frame.error, PF_WRITE | PF_PRESENT);
}

TEST("a page fault by executing a no-execute page has I and P")
{
    char *page = page_alloc();
    struct fault fault;

    CHECK_OK(update_va_mapping(page, pte_of(page, PTE_KERNEL_RW | PTE_NX), UVMF_INVLPG));
    EXPECT_FAULT(&fault)
    {
        ((void (*)(void))page)();
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.frame.rip, POINTER(page));
    CHECK_EQ(fault.cr2, POINTER(page));
    CHECK_EQ(fault.frame.error, PF_FETCH | PF_PRESENT);
}

TEST("reading the hypervisor's own memory is a page fault of the guest")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        (void)*(volatile char *)(HYPERVISOR_VIRT_END - PAGE_SIZE);
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, HYPERVISOR_VIRT_END - PAGE_SIZE);
}

TEST("writing the machine-to-physical table is a page fault of the guest")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        *(volatile uint64_t *)&machine_to_phys_mapping[start_info->shared_info >> PAGE_SHIFT] = 0;
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.frame.error & PF_WRITE, PF_WRITE);
}

TEST("an unmasked x87 error is vector 16")
{
    static const uint16_t unmasked = 0x0340;
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("fninit\nfldcw %0\nfld1\nfldz\nfdivrp\nfwait" : : "m"(unmasked));
    }
    __asm__ volatile("fninit");
    CHECK_TRAP(fault, VECTOR_MF);
}

TEST("set_trap_table changes the gates it names, at once")
{
    struct fault fault;

    CHECK_OK(trap_set_gate(VECTOR_UD, 0, trap_stub(VECTOR_BP)));

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_TRAP(fault, VECTOR_BP);
    trap_table_reset();
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_TRAP(fault, VECTOR_UD);
}

TEST("set_trap_table leaves the gates it does not name")
{
    struct fault fault;

    CHECK_OK(trap_set_gate(VECTOR_DE, 0, trap_stub(VECTOR_DE)));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("int3");
    }
    CHECK_TRAP(fault, VECTOR_BP);
}

TEST("set_trap_table refuses an address that is not canonical")
{
    CHECK_ERR(trap_set_gate(VECTOR_UD, 0, NON_CANONICAL), XEN_EINVAL);
    trap_table_reset();
}
