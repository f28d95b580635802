// SPDX-License-Identifier: Apache-2.0
// The elements of the bootstrap region, from start_info and the first registers.

#include "layout.h"
#include "image.h"

static struct span pages(uint64_t start, uint64_t bytes)
{
    return (struct span){start, ALIGN_UP(start + bytes, PAGE_SIZE)};
}

struct span layout_kernel(void)
{
    return pages(POINTER(image_start), (uint64_t)(image_end - image_start));
}

struct span layout_module(void)
{
    return pages(start_info->mod_start, start_info->mod_len);
}

struct span layout_frame_list(void)
{
    return pages(start_info->mfn_list, start_info->nr_pages * sizeof(uint64_t));
}

struct span layout_start_info(void)
{
    return pages(POINTER(start_info), sizeof(*start_info));
}

struct span layout_page_tables(void)
{
    return pages(start_info->pt_base, start_info->nr_pt_frames * PAGE_SIZE);
}

struct span layout_stack(void)
{
    uint64_t page = (boot_registers.rsp - 1) & PAGE_MASK;

    return pages(page, PAGE_SIZE);
}

uint64_t layout_region_start(void)
{
    return POINTER(image_virt_base_value);
}

uint64_t layout_pte(uint64_t va)
{
    const uint64_t *pte = pte_lookup((const void *)va, 1);

    return pte == NULL ? 0 : *pte;
}
