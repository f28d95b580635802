// SPDX-License-Identifier: Apache-2.0
// The calling convention of hypercalls, and the numbers nobody has.

#include "tap.h"

TEST("a hypercall returns its result in RAX")
{
    CHECK_EQ(xen_version(XENVER_version, NULL) >> 16, 4);
}

TEST("a hypercall through a system call is the same as one through the page")
{
    CHECK_EQ(hypercall_raw(__HYPERVISOR_xen_version, XENVER_version, 0, 0),
             xen_version(XENVER_version, NULL));
}

TEST("no argument register is changed by a hypercall")
{
    register uint64_t r10 __asm__("r10") = 0x1010;
    register uint64_t r8 __asm__("r8") = 0x0808;
    register uint64_t r9 __asm__("r9") = 0x0909;
    uint64_t rdi = XENVER_version, rsi = 0, rdx = 0x0d0d;
    uint64_t rax = __HYPERVISOR_xen_version;

    __asm__ volatile("syscall"
                     : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
                     :
                     : "rcx", "r11", "memory");
    CHECK_EQ(rdi, XENVER_version);
    CHECK_EQ(rsi, 0);
    CHECK_EQ(rdx, 0x0d0d);
    CHECK_EQ(r10, 0x1010);
    CHECK_EQ(r8, 0x0808);
    CHECK_EQ(r9, 0x0909);
}

TEST("callee-saved registers and the stack are as they were")
{
    uint64_t rbx = 0xb0b, rbp_in = 0, rbp_out = 0, rsp_in = 0, rsp_out = 0;
    register uint64_t r12 __asm__("r12") = 0x1212;
    register uint64_t r15 __asm__("r15") = 0x1515;
    uint64_t rax = __HYPERVISOR_xen_version;

    __asm__ volatile("mov %%rsp, %[rsp_in]\nmov %%rbp, %[rbp_in]\nsyscall\n"
                     "mov %%rsp, %[rsp_out]\nmov %%rbp, %[rbp_out]"
                     : "+a"(rax), "+b"(rbx), "+r"(r12), "+r"(r15), [rsp_in] "=m"(rsp_in),
                       [rsp_out] "=m"(rsp_out), [rbp_in] "=m"(rbp_in), [rbp_out] "=m"(rbp_out)
                     : "D"(XENVER_version), "S"(0)
                     : "rcx", "r11", "memory");
    CHECK_EQ(rbx, 0xb0b);
    CHECK_EQ(r12, 0x1212);
    CHECK_EQ(r15, 0x1515);
    CHECK_EQ(rsp_out, rsp_in);
    CHECK_EQ(rbp_out, rbp_in);
}

TEST("numbers between the calls, and beyond them, get -ENOSYS")
{
    static const uint64_t unknown[] = {11,  43,  44,   45,         46,         47,
                                       56,  60,  63,   64,         127,        128,
                                       255, 256, 4096, 0x7fffffff, 0x80000000, UINT32_MAX};

    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        CHECK_ERR(hypercall_raw(unknown[i], 0, 0, 0), XEN_ENOSYS);
    }
}

TEST("all 64 bits of the number count")
{
    CHECK_ERR(hypercall_raw(1ul << 32 | __HYPERVISOR_xen_version, 0, 0, 0), XEN_ENOSYS);
    CHECK_ERR(hypercall_raw(UINT64_MAX, 0, 0, 0), XEN_ENOSYS);
}

TEST("the number without an owner, 39, is refused")
{
    CHECK_ERR(hypercall_raw(39, 0, 0, 0), XEN_ENOSYS);
}

TEST("architecture calls nobody defined get -ENOSYS")
{
    for (unsigned number = __HYPERVISOR_arch_2; number <= __HYPERVISOR_arch_7; number++) {
        CHECK_ERR(hypercall_raw(number, 0, 0, 0), XEN_ENOSYS);
    }
}

TEST("an argument that is not mapped gets -EFAULT")
{
    CHECK_ERR(xen_version(XENVER_extraversion, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(set_trap_table((void *)SPARE_VA), XEN_EFAULT);
}

TEST("an argument in the hypervisor's own range gets -EFAULT")
{
    CHECK_ERR(xen_version(XENVER_extraversion, (void *)HYPERVISOR_VIRT_START), XEN_EFAULT);
    CHECK_ERR(xen_version(XENVER_extraversion, (void *)(HYPERVISOR_VIRT_END - 8)), XEN_EFAULT);
}

TEST("an argument that is no canonical address gets -EFAULT")
{
    CHECK_ERR(xen_version(XENVER_extraversion, (void *)0x0000800000000000), XEN_EFAULT);
    CHECK_ERR(xen_version(XENVER_extraversion, (void *)0x7000000000000000), XEN_EFAULT);
}

TEST("an argument on a page that is read-only is not written to")
{
    void *page = page_alloc();

    CHECK_OK(page_make_readonly(page));
    CHECK_ERR(xen_version(XENVER_extraversion, page), XEN_EFAULT);
    CHECK_EQ(*(uint64_t *)page, 0);
}
