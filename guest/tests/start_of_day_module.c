// SPDX-License-Identifier: Apache-2.0
// Start of day with a module (an initial ramdisk) in the region.

#include "image.h"
#include "layout.h"

#define MODULE_BYTES 300007

IMAGE_BOOT("module=300007");

// What the runner fills a module with (image.h).
static unsigned char module_byte(uint64_t n)
{
    return (unsigned char)(n * 7 + (n >> 8));
}

TEST("mod_len is the module's length in bytes")
{
    CHECK_EQ(start_info->mod_len, MODULE_BYTES);
}

TEST("mod_start is a virtual address, as the image did not ask for a page number")
{
    CHECK_EQ(start_info->flags & SIF_MOD_START_PFN, 0);
    CHECK((layout_pte(start_info->mod_start) & PTE_PRESENT) != 0);
}

TEST("the module follows the image at once, page aligned")
{
    CHECK_EQ(layout_module().start, layout_kernel().end);
}

TEST("the frame list follows the module, page aligned")
{
    CHECK_EQ(layout_frame_list().start, layout_module().end);
}

TEST("start_info, page tables and stack follow in order")
{
    CHECK_EQ(layout_start_info().start, layout_frame_list().end);
    CHECK_EQ(layout_page_tables().start, layout_start_info().end);
    CHECK_EQ(layout_stack().start, layout_page_tables().end);
}

TEST("the module's bytes are as they were loaded")
{
    const unsigned char *module = (const unsigned char *)start_info->mod_start;
    unsigned wrong = 0;

    for (uint64_t n = 0; n < MODULE_BYTES; n++) {
        wrong += module[n] != module_byte(n);
    }
    CHECK_EQ(wrong, 0);
}

TEST("the module is mapped read-write")
{
    for (uint64_t va = layout_module().start; va < layout_module().end; va += PAGE_SIZE) {
        CHECK((layout_pte(va) & PTE_WRITE) != 0);
    }
}

TEST("the module's frames are the domain's, at their place in the frame list")
{
    uint64_t pfn = (start_info->mod_start - layout_region_start()) >> PAGE_SHIFT;

    CHECK_EQ(virt_to_mfn((void *)start_info->mod_start), pfn_to_mfn(pfn));
    CHECK_EQ(mfn_to_pfn(virt_to_mfn((void *)start_info->mod_start)), pfn);
}

TEST("the padding behind the stack is at least 512 KiB, module or not")
{
    CHECK(bootstrap_end() - layout_stack().end >= REGION_PADDING);
    CHECK_EQ(bootstrap_end(), ALIGN_UP(layout_stack().end + REGION_PADDING, REGION_ALIGNMENT));
}
