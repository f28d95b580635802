// SPDX-License-Identifier: Apache-2.0
// update_va_mapping: one entry by its virtual address, with a flush of choice.

#include "tap.h"

static char *first, *second;

static void setup(void)
{
    if (first == NULL) {
        first = page_alloc();
        second = page_alloc();
        first[0] = 1;
        second[0] = 2;
        (void)map_spare(SPARE_VA);
    }
}

static char seen_at_spare(void)
{
    return *(volatile char *)SPARE_VA;
}

static long map_at_spare(const void *page, uint64_t flush)
{
    return update_va_mapping((void *)SPARE_VA, pte_of(page, PTE_KERNEL_RW), flush);
}

TEST("UVMF_INVLPG makes the new mapping seen")
{
    setup();
    CHECK_OK(map_at_spare(first, UVMF_INVLPG));
    CHECK_EQ(seen_at_spare(), 1);
    CHECK_OK(map_at_spare(second, UVMF_INVLPG));
    CHECK_EQ(seen_at_spare(), 2);
}

TEST("UVMF_TLB_FLUSH makes the new mapping seen")
{
    CHECK_OK(map_at_spare(first, UVMF_TLB_FLUSH));
    CHECK_EQ(seen_at_spare(), 1);
    CHECK_OK(map_at_spare(second, UVMF_TLB_FLUSH));
    CHECK_EQ(seen_at_spare(), 2);
}

TEST("either flush for ALL makes the new mapping seen")
{
    CHECK_OK(map_at_spare(first, UVMF_INVLPG | UVMF_ALL));
    CHECK_EQ(seen_at_spare(), 1);
    CHECK_OK(map_at_spare(second, UVMF_TLB_FLUSH | UVMF_ALL));
    CHECK_EQ(seen_at_spare(), 2);
}

TEST("either flush for the vCPUs of a bitmap makes the new mapping seen")
{
    static uint64_t bitmap = 1;

    CHECK_OK(map_at_spare(first, UVMF_INVLPG | UVMF_MULTI | POINTER(&bitmap)));
    CHECK_EQ(seen_at_spare(), 1);
    CHECK_OK(map_at_spare(second, UVMF_TLB_FLUSH | UVMF_MULTI | POINTER(&bitmap)));
    CHECK_EQ(seen_at_spare(), 2);
}

TEST("UVMF_NONE with a flush by mmuext_op makes the new mapping seen")
{
    CHECK_OK(map_at_spare(first, UVMF_NONE));
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_LOCAL, (void *)SPARE_VA));
    CHECK_EQ(seen_at_spare(), 1);
}

TEST("a mapping that is taken away faults")
{
    struct fault fault;

    CHECK_OK(update_va_mapping((void *)SPARE_VA, 0, UVMF_INVLPG));
    EXPECT_FAULT(&fault)
    {
        (void)seen_at_spare();
    }
    CHECK_TRAP(fault, VECTOR_PF);
}

TEST("a mapping made read-only refuses writes")
{
    struct fault fault;

    CHECK_OK(map_at_spare(first, UVMF_INVLPG));
    *(volatile char *)SPARE_VA = 1;
    CHECK_OK(update_va_mapping((void *)SPARE_VA, pte_of(first, PTE_KERNEL_RO), UVMF_INVLPG));
    EXPECT_FAULT(&fault)
    {
        *(volatile char *)SPARE_VA = 5;
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(first[0], 1);
}

TEST("an entry that is refused changes nothing")
{
    uint64_t table = virt_to_mfn(pte_lookup(first, 1)) << PAGE_SHIFT;

    CHECK_OK(map_at_spare(first, UVMF_INVLPG));
    CHECK(update_va_mapping((void *)SPARE_VA, table | PTE_KERNEL_RW, UVMF_INVLPG) < 0);
    CHECK_EQ(seen_at_spare(), 1);
}

TEST("an address without a table is refused")
{
    CHECK_ERR(update_va_mapping((void *)(SPARE_VA + 0x8000000000), 0, UVMF_NONE), XEN_EINVAL);
}

TEST("an address of the hypervisor's is refused")
{
    CHECK_ERR(update_va_mapping((void *)HYPERVISOR_VIRT_START, 0, UVMF_NONE), XEN_EINVAL);
    CHECK_ERR(update_va_mapping((void *)(HYPERVISOR_VIRT_END - PAGE_SIZE), 0, UVMF_NONE),
              XEN_EINVAL);
}

TEST("a bitmap that is not there gets -EFAULT")
{
    CHECK_ERR(map_at_spare(first, UVMF_INVLPG | UVMF_MULTI | (SPARE_VA + PAGE_SIZE)), XEN_EFAULT);
}
