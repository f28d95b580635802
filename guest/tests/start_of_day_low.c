// SPDX-License-Identifier: Apache-2.0
// Start of day of an image linked low: its virtual base is 0, the image at 1 MiB.

#include "image.h"
#include "layout.h"

IMAGE_VIRT_BASE(0);

TEST("an image linked at 1 MiB runs there")
{
    CHECK_EQ(POINTER(image_start), MIB);
    CHECK(POINTER(&guest_main) < REGION_ALIGNMENT);
}

TEST("the region starts at address 0 and ends on a 4 MiB boundary")
{
    CHECK_EQ(layout_region_start(), 0);
    CHECK((layout_pte(0) & PTE_PRESENT) != 0);
    CHECK_EQ(bootstrap_end() & (REGION_ALIGNMENT - 1), 0);
}

TEST("virtual addresses are pseudo-physical ones")
{
    unsigned wrong = 0;

    for (uint64_t va = 0; va < bootstrap_end(); va += PAGE_SIZE) {
        uint64_t mfn = (layout_pte(va) & PTE_FRAME) >> PAGE_SHIFT;
        wrong += mfn != pfn_to_mfn(va >> PAGE_SHIFT) && va != POINTER(shared_info);
    }
    CHECK_EQ(wrong, 0);
}

TEST("the elements follow each other in order, each page aligned")
{
    CHECK_EQ(layout_frame_list().start, layout_kernel().end);
    CHECK_EQ(layout_start_info().start, layout_frame_list().end);
    CHECK_EQ(layout_page_tables().start, layout_start_info().end);
    CHECK_EQ(layout_stack().start, layout_page_tables().end);
    CHECK(bootstrap_end() - layout_stack().end >= REGION_PADDING);
}

TEST("the page tables are mapped read-only")
{
    struct span tables = layout_page_tables();

    for (uint64_t va = tables.start; va < tables.end; va += PAGE_SIZE) {
        CHECK_EQ(layout_pte(va) & (PTE_PRESENT | PTE_WRITE), PTE_PRESENT);
    }
}

TEST("traps work from low addresses")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_TRAP(fault, VECTOR_UD);
    CHECK(fault.frame.rip < REGION_ALIGNMENT);
}
