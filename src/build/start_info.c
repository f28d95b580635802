// SPDX-License-Identifier: Apache-2.0
// Filling in start_info, in both widths.
#include "build/start_info.h"

#include "abi/start_info_32.h"
#include "lib/string.h"

_Static_assert(sizeof(struct start_info) + sizeof(struct dom0_vga_console_info) <= PAGE_SIZE,
               "start_info and the display's description share a page");

static bool is_empty(struct span span)
{
    return span.start == span.end;
}

static uint64_t machine_page(const struct layout *layout, const struct guest_memory *memory,
                             struct span page)
{
    return guest_machine_frame(memory, layout_pfn(layout, page.start)).n;
}

// The 64-bit structure, whatever the guest: the other is the same with narrower fields.
static void fill(struct start_info *info, const struct layout *layout,
                 const struct start_info_values *values, const struct guest_memory *memory)
{
    *info = (struct start_info){
        .nr_pages = layout->nr_pages,
        .shared_info = values->shared_info.a,
        .flags = values->flags,
        .pt_base = layout->page_tables.start,
        .nr_pt_frames = span_frames(layout->page_tables),
        .mfn_list = layout->p2m.start,
    };
    (void)string_copy(info->magic, layout->is_32bit ? "xen-3.0-x86_32p" : "xen-3.0-x86_64",
                      sizeof(info->magic));
    (void)string_copy((char *)info->cmd_line, values->command_line, sizeof(info->cmd_line));
    if (values->ramdisk_bytes != 0) {
        info->mod_start =
            layout->ramdisk_is_unmapped ? layout->ramdisk_pfn.n : layout->ramdisk.start;
        info->mod_len = values->ramdisk_bytes;
        info->flags |= layout->ramdisk_is_unmapped ? SIF_MOD_START_PFN : 0;
    }
    if (layout->p2m_is_apart) {
        // One run of frames: the list's page tables, then the list.
        info->first_p2m_pfn = layout->p2m_tables_pfn.n;
        info->nr_p2m_frames = layout->p2m_tables_frames + layout->p2m_frames;
    }
    if (!is_empty(layout->console)) {
        info->store_mfn = machine_page(layout, memory, layout->xenstore);
        info->store_evtchn = values->store_event_port;
        info->console.domU.mfn = machine_page(layout, memory, layout->console);
        info->console.domU.evtchn = values->console_event_port;
    }
}

static void narrow(struct start_info_x86_32 *to, const struct start_info *from)
{
    memcpy(to->magic, from->magic, sizeof(to->magic));
    memcpy(to->cmd_line, from->cmd_line, sizeof(to->cmd_line));
    to->nr_pages = (uint32_t)from->nr_pages;
    to->shared_info = (uint32_t)from->shared_info;
    to->flags = from->flags;
    to->store_mfn = (uint32_t)from->store_mfn;
    to->store_evtchn = from->store_evtchn;
    to->console.domU.mfn = (uint32_t)from->console.domU.mfn;
    to->console.domU.evtchn = from->console.domU.evtchn;
    to->pt_base = (uint32_t)from->pt_base;
    to->nr_pt_frames = (uint32_t)from->nr_pt_frames;
    to->mfn_list = (uint32_t)from->mfn_list;
    to->mod_start = (uint32_t)from->mod_start;
    to->mod_len = (uint32_t)from->mod_len;
    to->first_p2m_pfn = (uint32_t)from->first_p2m_pfn;
    to->nr_p2m_frames = (uint32_t)from->nr_p2m_frames;
}

// Domain 0's display, right behind start_info in its page.
static uint32_t add_vga(uint8_t *page, uint32_t offset, const struct dom0_vga_console_info *vga)
{
    memcpy(page + offset, vga, sizeof(*vga));
    return sizeof(*vga);
}

void start_info_write(const struct layout *layout, const struct start_info_values *values,
                      const struct guest_memory *memory)
{
    uint8_t *page = guest_page(memory, layout_pfn(layout, layout->start_info.start));
    struct start_info *info = (struct start_info *)page;
    bool has_vga = is_empty(layout->console) && values->vga != NULL;

    memset(page, 0, PAGE_SIZE);
    if (layout->is_32bit) {
        struct start_info_x86_32 *info_32 = (struct start_info_x86_32 *)page;
        struct start_info wide;
        fill(&wide, layout, values, memory);
        narrow(info_32, &wide);
        if (has_vga) {
            info_32->console.dom0.info_off = sizeof(*info_32);
            info_32->console.dom0.info_size = add_vga(page, sizeof(*info_32), values->vga);
        }
        return;
    }
    fill(info, layout, values, memory);
    if (has_vga) {
        info->console.dom0.info_off = sizeof(*info);
        info->console.dom0.info_size = add_vga(page, sizeof(*info), values->vga);
    }
}
