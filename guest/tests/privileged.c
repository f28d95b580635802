// SPDX-License-Identifier: Apache-2.0
// Privileged instructions the kernel runs in ring 3: done for it, or a protection fault.

#include "tap.h"
#include "user.h"

USER_CODE(user_reads_cr0, "mov %cr0, %rax\nint $0x80");
USER_CODE(user_hlt, "hlt");
USER_CODE(user_smsw, "smsw %eax\nint $0x80");
USER_CODE(user_sgdt, "sgdt -64(%rsp)\nint $0x80");
USER_CODE(user_cli, "cli");
USER_CODE(user_rdmsr, "mov $0x10, %ecx\nrdmsr");
USER_CODE(user_cpuid,
          "mov $0x40000000, %eax\n.byte 0x0f, 0x0b, 0x78, 0x65, 0x6e\ncpuid\nint $0x80");

#define CR0_PE (1ul << 0)
#define CR0_WP (1ul << 16)
#define CR0_PG (1ul << 31)

#define CR4_TSD        (1ul << 2)
#define CR4_DE         (1ul << 3)
#define CR4_PAE        (1ul << 5)
#define CR4_MCE        (1ul << 6)
#define CR4_PGE        (1ul << 7)
#define CR4_OSFXSR     (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_UMIP       (1ul << 11)
#define CR4_FSGSBASE   (1ul << 16)
#define CR4_SMEP       (1ul << 20)

#define MSR_TSC       0x10u
#define MSR_APIC_BASE 0x1bu
#define MSR_EFER      0xc0000080u
#define MSR_LSTAR     0xc0000082u

#define MSR_HYPERCALL_PAGE 0x40000000u
#define EFER_SCE           (1ul << 0)
#define EFER_LMA           (1ul << 10)

static uint64_t read_cr(unsigned number)
{
    uint64_t value = 0;

    switch (number) {
    case 0:
        __asm__ volatile("mov %%cr0, %0" : "=r"(value));
        break;
    case 2:
        __asm__ volatile("mov %%cr2, %0" : "=r"(value));
        break;
    case 3:
        __asm__ volatile("mov %%cr3, %0" : "=r"(value));
        break;
    default:
        __asm__ volatile("mov %%cr4, %0" : "=r"(value));
        break;
    }
    return value;
}

static void write_cr4(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value));
}

static void forced_cpuid(uint32_t leaf, uint32_t regs[4])
{
    __asm__ volatile(XEN_CPUID
                     : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(leaf), "c"(0));
}

static uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

TEST("CR0 reads as a paged, protected mode with supervisor write protection")
{
    CHECK_EQ(read_cr(0) & (CR0_PE | CR0_WP | CR0_PG), CR0_PE | CR0_WP | CR0_PG);
}

TEST("a write to CR0 that changes nothing is done, one that turns paging off faults")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov %0, %%cr0" : : "r"(read_cr(0)));
    }
    CHECK(!fault.taken);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov %0, %%cr0" : : "r"(read_cr(0) & ~CR0_PG));
    }
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, 0);
}

TEST("CR2 reads as the address of the last page fault, as vcpu_info has it")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        *(volatile char *)(SPARE_VA + 0x123) = 0;
    }
    CHECK_EQ(read_cr(2), SPARE_VA + 0x123);
    CHECK_EQ(this_vcpu()->arch.cr2, SPARE_VA + 0x123);
}

TEST("a write to CR2 is read back, and seen in vcpu_info")
{
    __asm__ volatile("mov %0, %%cr2" : : "r"(0x1234ul));
    CHECK_EQ(read_cr(2), 0x1234);
    CHECK_EQ(this_vcpu()->arch.cr2, 0x1234);
}

TEST("CR3 reads as the machine frame of the live top-level table")
{
    CHECK_EQ(read_cr(3), virt_to_maddr(live_l4()));
}

TEST("a write to CR3 loads a base like NEW_BASEPTR")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov %0, %%cr3" : : "r"(read_cr(3)) : "memory");
    }
    CHECK(!fault.taken);
}

TEST("a write to CR3 of a frame that is no top-level table faults")
{
    uint64_t page = virt_to_maddr(page_alloc());
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov %0, %%cr3" : : "r"(page) : "memory");
    }
    CHECK_TRAP(fault, VECTOR_GP);
}

TEST("CR4 reads with PAE, and can be written back")
{
    CHECK_EQ(read_cr(4) & CR4_PAE, CR4_PAE);
    write_cr4(read_cr(4));
}

TEST("CR8 does not exist for a guest")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        uint64_t value;
        __asm__ volatile("mov %%cr8, %0" : "=r"(value));
    }
    CHECK(fault.taken);
}

TEST("RDMSR of the time stamp is the time stamp")
{
    uint32_t low, high;

    uint64_t before = read_msr(MSR_TSC);
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    CHECK(((uint64_t)high << 32 | low) >= before);
}

TEST("EFER reads with system calls and long mode on")
{
    CHECK_EQ(read_msr(MSR_EFER) & EFER_LMA, EFER_LMA);
}

TEST("a write to EFER or to the system-call target does not reach the processor")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        write_msr(MSR_EFER, 0);
    }
    EXPECT_FAULT(&fault)
    {
        write_msr(MSR_LSTAR, 0x1234);
    }
    CHECK_EQ(xen_version(XENVER_version, NULL) >> 16, 4);
}

TEST("an MSR that does not exist is a protection fault with error code 0")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        (void)read_msr(0x12345678);
    }
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, 0);
    EXPECT_FAULT(&fault)
    {
        write_msr(0x12345678, 0);
    }
    CHECK_TRAP(fault, VECTOR_GP);
}

TEST("a write to the hypervisor's own MSR fills a page with hypercalls")
{
    uint8_t *page = page_alloc();
    struct fault fault;

    write_msr(MSR_HYPERCALL_PAGE, virt_to_mfn(page) << PAGE_SHIFT);
    CHECK(memcmp(page + 17 * 32, (uint8_t *)hypercall_page + 17 * 32, 14) == 0);
    CHECK(memcmp(page + 23 * 32, (uint8_t *)hypercall_page + 23 * 32, 11) == 0);
    EXPECT_FAULT(&fault)
    {
        write_msr(MSR_HYPERCALL_PAGE, virt_to_mfn(page) << PAGE_SHIFT | 1);
    }
    CHECK_TRAP(fault, VECTOR_GP);
    EXPECT_FAULT(&fault)
    {
        write_msr(MSR_HYPERCALL_PAGE, 1ul << 50);
    }
    CHECK_TRAP(fault, VECTOR_GP);
}

TEST("CLI and STI leave the mask alone: either does nothing, or faults")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("cli");
    }
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 0);
    CHECK(!fault.taken || fault.frame.vector == VECTOR_GP);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("sti");
    }
    CHECK(!fault.taken || fault.frame.vector == VECTOR_GP);
}

TEST("POPF does not change the real interrupt flag")
{
    uint64_t flags;

    __asm__ volatile("pushfq\nandl $~0x200, (%%rsp)\npopfq\npushfq\npop %0" : "=r"(flags));
    CHECK_EQ(flags & RFLAGS_IF, RFLAGS_IF);
}

TEST("WBINVD is done for the kernel of a domain with I/O memory")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("wbinvd");
    }
    CHECK(!fault.taken);
}

TEST("LGDT, LIDT, LLDT, LTR, SWAPGS and HLT are protection faults")
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) table;
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("lgdt %0" : : "m"(table));
    }
    CHECK_TRAP(fault, VECTOR_GP);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("lidt %0" : : "m"(table));
    }
    CHECK_TRAP(fault, VECTOR_GP);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("lldt %w0" : : "r"(0));
    }
    CHECK_TRAP(fault, VECTOR_GP);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ltr %w0" : : "r"(0));
    }
    CHECK_TRAP(fault, VECTOR_GP);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("swapgs");
    }
    CHECK_TRAP(fault, VECTOR_GP);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("hlt");
    }
    CHECK_TRAP(fault, VECTOR_GP);
}

TEST("INVD is a protection fault")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("invd");
    }
    if (!fault.taken) {
        skip("QEMU 10 takes it for no operation, at any privilege");
        return;
    }
    CHECK_TRAP(fault, VECTOR_GP);
}

static void expect_control4_bit(uint64_t bit, bool wanted)
{
    uint64_t before = read_cr(4);

    write_cr4(before | bit);
    CHECK_EQ((read_cr(4) & bit) != 0, wanted);
    write_cr4(before & ~bit);
    CHECK_EQ(read_cr(4) & bit, 0);
    write_cr4(before);
}

TEST("CR4 starts without the bits a kernel turns on, and keeps those it may")
{
    CHECK_EQ(read_cr(4), CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT);
    expect_control4_bit(CR4_TSD, true);
    expect_control4_bit(CR4_DE, true);
    expect_control4_bit(CR4_SMEP, false);
    expect_control4_bit(CR4_UMIP, false);
    expect_control4_bit(CR4_PGE, false);
    write_cr4(0);
    CHECK_EQ(read_cr(4), CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT);
}

TEST("instructions for segment bases are there when CR4 has turned them on")
{
    uint32_t regs[4];
    struct fault fault;

    forced_cpuid(7, regs);
    if ((regs[1] & 1) == 0) {
        return;
    }
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("rdfsbase %%rax" : : : "rax");
    }
    CHECK_TRAP(fault, VECTOR_UD);
    expect_control4_bit(CR4_FSGSBASE, true);
    write_cr4(read_cr(4) | CR4_FSGSBASE);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("rdfsbase %%rax" : : : "rax");
    }
    CHECK(!fault.taken);
    write_cr4(read_cr(4) & ~CR4_FSGSBASE);
}

TEST("XCR0 starts as x87 and SSE")
{
    uint32_t regs[4], low, high;

    forced_cpuid(1, regs);
    if ((regs[2] & 1u << 26) == 0) {
        return;
    }
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    CHECK_EQ(low, 3);
    CHECK_EQ(high, 0);
}

// Whatever they say of where the tables lie.
TEST("SMSW, SGDT, SIDT, SLDT and STR are for the kernel and for user mode")
{
    uint64_t status, table[2];
    uint16_t word;
    struct fault fault;

    user_init();
    CHECK_OK(trap_set_gate(0x80, 3, trap_stub(0x80)));
    __asm__ volatile("smsw %0" : "=r"(status));
    CHECK_EQ(status & 1, 1);
    __asm__ volatile("smsw %0" : "=m"(word));
    CHECK_EQ(word & 1, 1);
    __asm__ volatile("sgdt %0" : "=m"(table));
    __asm__ volatile("sidt %0" : "=m"(table));
    __asm__ volatile("sldt %0" : "=r"(status));
    __asm__ volatile("str %0" : "=r"(status));
    user_call(user_smsw, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rax & 1, 1);
    user_call(user_sgdt, &fault);
    CHECK_TRAP(fault, 0x80);
}

TEST("user mode may run none of them")
{
    struct fault fault;

    user_init();
    user_call(user_reads_cr0, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK(frame_from_user(&fault.frame));
    CHECK_EQ(fault.frame.rip, user_address(user_reads_cr0));
    user_call(user_hlt, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    user_call(user_cli, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    user_call(user_rdmsr, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
}

TEST("CPUID behind the forced-emulation prefix finds the hypervisor's leaves")
{
    uint32_t regs[4];
    char signature[13] = {0};

    forced_cpuid(0x40000000, regs);
    memcpy(signature, &regs[1], 12);
    CHECK(strcmp(signature, "XenVMMXenVMM") == 0);
    CHECK(regs[0] >= 0x40000002 && regs[0] < 0x40000100);
}

TEST("the hypervisor's leaf 1 is the version that xen_version tells")
{
    uint32_t regs[4];

    forced_cpuid(0x40000001, regs);
    CHECK_EQ(regs[0], xen_version(XENVER_version, NULL));
}

TEST("the prefix works in user mode too")
{
    struct fault fault;

    CHECK_OK(trap_set_gate(0x80, 3, trap_stub(0x80)));
    user_call(user_cpuid, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ((uint32_t)fault.frame.rbx, 0x566e6558);
}

TEST("the prefix before any other instruction is an undefined instruction")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile(SITE ".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e\nnop" : : : "rax", "memory");
    }
    CHECK_TRAP(fault, VECTOR_UD);
    CHECK_EQ(fault.frame.rip, site);
}

TEST("features a guest cannot have are hidden from CPUID behind the prefix")
{
    uint32_t regs[4];

    forced_cpuid(1, regs);
    CHECK_EQ(regs[2] & 1u << 5, 0); // VMX
    CHECK_EQ(regs[2] & 1u << 3, 0); // MONITOR
}
