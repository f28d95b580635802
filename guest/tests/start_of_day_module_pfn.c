// SPDX-License-Identifier: Apache-2.0
// Start of day with a module outside the region, for an image whose ELF notes allow that
// (elfnote.h, XEN_ELFNOTE_MOD_START_PFN).

#include "image.h"
#include "layout.h"

#define MODULE_BYTES 300007

IMAGE_BOOT("module=300007");
IMAGE_NOTE(16, 1); // XEN_ELFNOTE_MOD_START_PFN

static unsigned char module_byte(uint64_t n)
{
    return (unsigned char)(n * 7 + (n >> 8));
}

TEST("the flags say that mod_start is a page number")
{
    CHECK_EQ(start_info->flags & SIF_MOD_START_PFN, SIF_MOD_START_PFN);
    CHECK_EQ(start_info->mod_len, MODULE_BYTES);
}

TEST("the module's pages are beyond the region, within the domain's")
{
    uint64_t pages = ALIGN_UP(start_info->mod_len, PAGE_SIZE) >> PAGE_SHIFT;

    CHECK(start_info->mod_start >= (bootstrap_end() - layout_region_start()) >> PAGE_SHIFT);
    CHECK(start_info->mod_start + pages <= start_info->nr_pages);
}

TEST("the frame list follows the image at once")
{
    CHECK_EQ(layout_frame_list().start, layout_kernel().end);
}

TEST("the module's bytes are as they were loaded, page by page of the frame list")
{
    unsigned char *window = map_spare(SPARE_VA);
    unsigned wrong = 0;

    for (uint64_t n = 0; n < MODULE_BYTES; n += PAGE_SIZE) {
        uint64_t mfn = pfn_to_mfn(start_info->mod_start + (n >> PAGE_SHIFT));
        CHECK_OK(update_va_mapping(window, mfn << PAGE_SHIFT | PTE_KERNEL_RW, UVMF_INVLPG));
        for (uint64_t at = n; at < n + PAGE_SIZE && at < MODULE_BYTES; at++) {
            wrong += window[at - n] != module_byte(at);
        }
    }
    CHECK_EQ(wrong, 0);
}

TEST("the machine's table knows the module's frames by their page numbers")
{
    CHECK_EQ(mfn_to_pfn(pfn_to_mfn(start_info->mod_start)), start_info->mod_start);
}
