// SPDX-License-Identifier: Apache-2.0
// Start of day of domain 0, rule by rule (public header xen.h, "Start-of-day memory layout"), for
// an image linked high, without a module.

#include "image.h"
#include "layout.h"

IMAGE_BOOT("args=first second=2 \\\"third\\\"");

TEST("the entry point runs on the flat kernel selectors")
{
    CHECK_EQ(boot_registers.cs, FLAT_KERNEL_CS);
    CHECK_EQ(boot_registers.ss | 3, FLAT_KERNEL_SS);
}

TEST("the entry point runs with the direction flag clear")
{
    CHECK_EQ(boot_registers.rflags & RFLAGS_DF, 0);
}

TEST("RSI is the address of start_info")
{
    CHECK_EQ(boot_registers.rsi & ~PAGE_MASK, 0);
    CHECK(strncmp(start_info->magic, "xen-", 4) == 0);
}

TEST("RSP is the end of the bootstrap stack, a page")
{
    CHECK_EQ(boot_registers.rsp & ~PAGE_MASK, 0);
    CHECK_EQ(layout_stack().end, boot_registers.rsp);
}

TEST("CR3 is the frame of pt_base")
{
    uint64_t cr3;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    CHECK_EQ(cr3, virt_to_maddr((void *)start_info->pt_base));
}

TEST("the magic is xen-<version>-<platform>")
{
    // Domain 0 of the reference has one more letter behind it.
    CHECK(strncmp(start_info->magic, "xen-3.0-x86_64", 14) == 0);
}

TEST("the flags name a privileged initial domain")
{
    CHECK_EQ(start_info->flags & (SIF_PRIVILEGED | SIF_INITDOMAIN),
             SIF_PRIVILEGED | SIF_INITDOMAIN);
}

TEST("the flags name no module as there is none")
{
    CHECK_EQ(start_info->flags & (SIF_MULTIBOOT_MOD | SIF_MOD_START_PFN), 0);
    CHECK_EQ(start_info->mod_start, 0);
    CHECK_EQ(start_info->mod_len, 0);
}

TEST("the command line is the image's own arguments")
{
    CHECK(strstr((char *)start_info->cmd_line, "first second=2 \"third\"") != NULL);
    CHECK(strstr((char *)start_info->cmd_line, ".elf") == NULL);
}

TEST("shared_info is a page of the machine that the guest can map")
{
    CHECK_EQ(start_info->shared_info & ~PAGE_MASK, 0);
    CHECK_EQ(virt_to_maddr(shared_info), start_info->shared_info);
}

TEST("domain 0 has neither xenstore page nor console ring")
{
    CHECK_EQ(start_info->store_mfn, 0);
    CHECK_EQ(start_info->store_evtchn, 0);
}

TEST("domain 0's console information, if any, lies behind start_info in its page")
{
    uint32_t offset = start_info->console.dom0.info_off;

    if (start_info->console.dom0.info_size == 0) {
        CHECK_EQ(offset, 0);
        return;
    }
    CHECK(offset >= sizeof(*start_info));
    CHECK(offset + start_info->console.dom0.info_size <= PAGE_SIZE);
}

TEST("domain 0 gets the memory that dom0_mem asked for, less what its building took")
{
    const uint64_t asked = 128 * MIB >> PAGE_SHIFT;

    CHECK(start_info->nr_pages <= asked);
    CHECK(start_info->nr_pages > asked - asked / 8);
}

TEST("the region starts at the virtual base, 4 MiB aligned")
{
    CHECK_EQ(layout_region_start() & (REGION_ALIGNMENT - 1), 0);
    CHECK((layout_pte(layout_region_start()) & PTE_PRESENT) != 0);
}

TEST("the region ends on a 4 MiB boundary")
{
    CHECK_EQ(bootstrap_end() & (REGION_ALIGNMENT - 1), 0);
}

TEST("the region is contiguous: every page of it is mapped")
{
    unsigned missing = 0;

    for (uint64_t va = layout_region_start(); va < bootstrap_end(); va += PAGE_SIZE) {
        missing += (layout_pte(va) & PTE_PRESENT) == 0;
    }
    CHECK_EQ(missing, 0);
}

TEST("the region maps the first pseudo-physical pages one to one")
{
    unsigned wrong = 0;

    for (uint64_t va = layout_region_start(); va < bootstrap_end(); va += PAGE_SIZE) {
        uint64_t pfn = (va - layout_region_start()) >> PAGE_SHIFT;
        uint64_t mfn = (layout_pte(va) & PTE_FRAME) >> PAGE_SHIFT;
        // The framework has put shared_info over one page of the image.
        wrong += mfn != pfn_to_mfn(pfn) && va != POINTER(shared_info);
    }
    CHECK_EQ(wrong, 0);
}

TEST("the image is loaded as its program headers say, with .bss cleared")
{
    static char unused[4096];
    unsigned dirty = 0;

    for (unsigned i = 0; i < sizeof(unused); i++) {
        dirty += ((volatile char *)unused)[i] != 0;
    }
    CHECK_EQ(dirty, 0);
}

TEST("the frame list follows the image at once, page aligned")
{
    CHECK_EQ(layout_frame_list().start, layout_kernel().end);
}

TEST("start_info follows the frame list, page aligned")
{
    CHECK_EQ(layout_start_info().start, layout_frame_list().end);
}

TEST("the page tables follow start_info, page aligned")
{
    CHECK_EQ(layout_page_tables().start, layout_start_info().end);
}

TEST("the stack follows the page tables, page aligned")
{
    CHECK_EQ(layout_stack().start, layout_page_tables().end);
}

TEST("at least 512 KiB of padding follow the stack")
{
    CHECK(bootstrap_end() - layout_stack().end >= REGION_PADDING);
}

TEST("the region is no longer than alignment and padding ask for")
{
    CHECK_EQ(bootstrap_end(), ALIGN_UP(layout_stack().end + REGION_PADDING, REGION_ALIGNMENT));
}

TEST("all of the region but the page tables is mapped read-write")
{
    struct span tables = layout_page_tables();
    unsigned wrong = 0;

    for (uint64_t va = layout_region_start(); va < tables.start; va += PAGE_SIZE) {
        wrong += (layout_pte(va) & PTE_WRITE) == 0;
    }
    CHECK((layout_pte(layout_stack().start) & PTE_WRITE) != 0);
    CHECK_EQ(wrong, 0);
}

TEST("the page tables are mapped read-only")
{
    struct span tables = layout_page_tables();

    for (uint64_t va = tables.start; va < tables.end; va += PAGE_SIZE) {
        CHECK_EQ(layout_pte(va) & (PTE_PRESENT | PTE_WRITE), PTE_PRESENT);
    }
}

TEST("nr_pt_frames counts a top-level table and those that map the region")
{
    const uint64_t l1_tables = (bootstrap_end() - layout_region_start()) >> 21;

    CHECK_EQ(start_info->nr_pt_frames, 3 + l1_tables);
}

TEST("the top-level table is the first of the page-table frames, and pinned")
{
    CHECK_EQ(start_info->pt_base, layout_page_tables().start);
    CHECK_ERR(mmuext_frame(MMUEXT_PIN_L4_TABLE, virt_to_mfn((void *)start_info->pt_base)),
              XEN_EINVAL);
}

TEST("the frame list names every page once, and the machine's table agrees")
{
    unsigned wrong = 0;

    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++) {
        wrong += mfn_to_pfn(pfn_to_mfn(pfn)) != pfn;
    }
    CHECK_EQ(wrong, 0);
}

TEST("first_p2m_pfn and nr_p2m_frames are those of the frame list in the region")
{
    uint64_t pfn = (start_info->mfn_list - layout_region_start()) >> PAGE_SHIFT;

    if (start_info->nr_p2m_frames != 0) {
        CHECK_EQ(start_info->first_p2m_pfn, pfn);
    }
    CHECK_EQ(start_info->mfn_list, layout_region_start() + (pfn << PAGE_SHIFT));
}

TEST("the hypercall page is in the image, filled by the hypervisor")
{
    CHECK((unsigned char)hypercall_page[0] != 0xcc);
    CHECK((unsigned char)hypercall_page[__HYPERVISOR_xen_version * 32] != 0xcc);
}
