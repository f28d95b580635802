// SPDX-License-Identifier: Apache-2.0
// Start of day with the frame list at an address of the image's choice (elfnote.h,
// XEN_ELFNOTE_INIT_P2M).

#include "image.h"
#include "layout.h"

#define P2M_VA 0xffffa00000000000

IMAGE_NOTE(15, 0xffffa00000000000); // XEN_ELFNOTE_INIT_P2M

TEST("mfn_list is the address that was asked for")
{
    CHECK_EQ(start_info->mfn_list, P2M_VA);
}

TEST("every entry of the list is there, and the machine's table agrees")
{
    unsigned wrong = 0;

    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++) {
        wrong += mfn_to_pfn(pfn_to_mfn(pfn)) != pfn;
    }
    CHECK_EQ(wrong, 0);
}

TEST("start_info follows the image at once, as the list is not in the region")
{
    CHECK_EQ(layout_start_info().start, layout_kernel().end);
}

TEST("the list's frames and their page tables are beyond the region, named by start_info")
{
    uint64_t region = (bootstrap_end() - layout_region_start()) >> PAGE_SHIFT;
    uint64_t list = ALIGN_UP(start_info->nr_pages * sizeof(uint64_t), PAGE_SIZE) >> PAGE_SHIFT;

    CHECK(start_info->first_p2m_pfn >= region);
    CHECK(start_info->nr_p2m_frames >= list);
    CHECK(start_info->first_p2m_pfn + start_info->nr_p2m_frames <= start_info->nr_pages);
}

TEST("nr_pt_frames counts the tables of the region alone")
{
    const uint64_t l1_tables = (bootstrap_end() - layout_region_start()) >> 21;

    CHECK_EQ(start_info->nr_pt_frames, 3 + l1_tables);
}

TEST("the list can be written")
{
    volatile uint64_t *list = (volatile uint64_t *)start_info->mfn_list;
    uint64_t last = list[start_info->nr_pages - 1];

    list[start_info->nr_pages - 1] = last;
    CHECK_EQ(list[start_info->nr_pages - 1], last);
}
