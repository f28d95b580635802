// SPDX-License-Identifier: Apache-2.0
// A guest's own write to a read-only page-table entry is trapped and done for it, with every check
// (public header xen.h, VMASST_TYPE_writable_pagetables).

#include "tap.h"

static volatile uint64_t *pte;
static char *mapped;
static uint64_t original;

static void setup(void)
{
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables));
    mapped = page_alloc();
    pte = (volatile uint64_t *)pte_lookup(mapped, 1);
    original = *pte;
}

TEST("mov of a whole entry is done")
{
    setup();
    *pte = original | PTE_AVAIL;
    CHECK_EQ(*pte, original | PTE_AVAIL);
    *pte = original;
    CHECK_EQ(*pte, original);
}

TEST("an immediate mov is done")
{
    __asm__ volatile("movq $0, %0" : "=m"(*pte));
    CHECK_EQ(*pte, 0);
    *pte = original;
}

TEST("xchg is done and gives the old entry")
{
    uint64_t value = 0;

    __asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(*pte));
    CHECK_EQ(value & PTE_FRAME, original & PTE_FRAME);
    CHECK_EQ(*pte, 0);
    *pte = original;
}

TEST("lock cmpxchg with the right old entry is done")
{
    uint64_t old = *pte, wanted = old & ~PTE_DIRTY;

    CHECK(
        __atomic_compare_exchange_n(pte, &old, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    CHECK_EQ(*pte, wanted);
    *pte = original;
}

TEST("lock cmpxchg with a wrong old entry gives the entry and changes nothing")
{
    uint64_t before = *pte, old = 0x1230;

    CHECK(!__atomic_compare_exchange_n(pte, &old, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    CHECK_EQ(old, before);
    CHECK_EQ(*pte, before);
}

TEST("and, or, add: read, modify and write are done, with the flags of the result")
{
    bool zero;

    *pte = 0x1000;
    __asm__ volatile("lock orq $0x200, %0" : "+m"(*pte));
    CHECK_EQ(*pte, 0x1200);
    __asm__ volatile("lock andq $~0x200, %0" : "+m"(*pte));
    CHECK_EQ(*pte, 0x1000);
    __asm__ volatile("lock subq $0x1000, %0\nsetz %1" : "+m"(*pte), "=q"(zero));
    CHECK_EQ(*pte, 0);
    CHECK(zero);
    *pte = original;
}

TEST("lock btr and bts are done, with the old bit in CF")
{
    bool was;

    *pte = 0x1000;
    __asm__ volatile("lock btrq $12, %0\nsetc %1" : "+m"(*pte), "=q"(was));
    CHECK(was);
    CHECK_EQ(*pte, 0);
    __asm__ volatile("lock btsq $12, %0\nsetc %1" : "+m"(*pte), "=q"(was));
    CHECK(!was);
    CHECK_EQ(*pte, 0x1000);
    *pte = original;
}

TEST("a write of half an entry is done")
{
    *pte = 0x1000;
    *(volatile uint32_t *)pte = 0x2000;
    CHECK_EQ(*pte, 0x2000);
    *(volatile uint32_t *)((uint64_t)pte + 4) = 0x3;
    CHECK_EQ(*pte, 0x300002000);
    *pte = original;
}

TEST("the new mapping is seen after a flush")
{
    char *other = page_alloc();

    other[0] = 7;
    mapped[0] = 1;
    *pte = pte_of(other, PTE_KERNEL_RW);
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_LOCAL, mapped));
    CHECK_EQ(*(volatile char *)mapped, 7);
    *pte = original;
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_LOCAL, mapped));
    CHECK_EQ(*(volatile char *)mapped, 1);
}

TEST("an entry that is not allowed is the page fault it would have been, and not written")
{
    uint64_t table = virt_to_mfn((const void *)pte) << PAGE_SHIFT, before = *pte;
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        *pte = table | PTE_KERNEL_RW;
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, POINTER(pte));
    CHECK_EQ(fault.frame.error, PF_WRITE | PF_PRESENT);
    CHECK_EQ(*pte, before);
}

TEST("an entry of a level above the last is not the guest's to write")
{
    volatile uint64_t *l2 = (volatile uint64_t *)pte_lookup(mapped, 2);
    uint64_t before = *l2;
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        *l2 = before;
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, POINTER(l2));
    CHECK_EQ(*l2, before);
}

TEST("registers and the address behind the instruction are right afterwards")
{
    uint64_t rax = original, rbx = POINTER(pte), count = 3;

    __asm__ volatile("1: mov %%rax, (%%rbx)\nmov $0, %%ecx\nmov %%rax, (%%rbx, %%rcx, 8)\n"
                     "dec %2\njnz 1b"
                     : "+a"(rax), "+b"(rbx), "+r"(count)
                     :
                     : "rcx", "memory");
    CHECK_EQ(rax, original);
    CHECK_EQ(rbx, POINTER(pte));
    CHECK_EQ(count, 0);
    CHECK_EQ(*pte, original);
}

TEST("a whole run of entries can be cleared by rep stosq")
{
    uint64_t *table = page_alloc();
    void *va = map_spare(SPARE_VA);
    volatile uint64_t *run = (volatile uint64_t *)pte_lookup(va, 1);
    void *to = (void *)(uint64_t)run;
    uint64_t count = 4;

    run[0] = pte_of(table, PTE_KERNEL_RW);
    run[3] = pte_of(table, PTE_KERNEL_RW);
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0ul) : "memory");
    CHECK_EQ(count, 0);
    CHECK_EQ(run[0], 0);
    CHECK_EQ(run[3], 0);
}
