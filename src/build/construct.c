// SPDX-License-Identifier: Apache-2.0
// The order of filling a domain's memory, and the elements that take a few lines only.
#include "build/construct.h"

#include "build/initial_tables.h"
#include "pv/hypercall_page.h"

static uint64_t byte_of(pfn_t frame)
{
    return frame.n << PAGE_SHIFT;
}

static void write_ramdisk(const struct construction *c)
{
    uint64_t start = byte_of(c->layout->ramdisk_pfn), bytes = c->values.ramdisk_bytes;

    guest_memory_write(&c->memory, start, c->ramdisk, bytes);
    guest_memory_clear(&c->memory, start + bytes, byte_of(pfn(c->layout->ramdisk_frames)) - bytes);
}

// The list of the domain's machine frames, by pseudo-physical number, in words of the guest's
// width. A 32-bit guest is only given frames whose numbers fit.
static void write_p2m(const struct construction *c)
{
    const struct layout *layout = c->layout;
    uint64_t entry_bytes = p2m_entry_bytes(layout->is_32bit);
    uint64_t entries_in_page = PAGE_SIZE / entry_bytes;
    void *page = NULL;

    for (pfn_t frame = pfn(0); frame.n < layout->nr_pages; frame.n++) {
        uint64_t index = frame.n % entries_in_page;
        if (index == 0) {
            page = guest_page(&c->memory, pfn(layout->p2m_pfn.n + frame.n / entries_in_page));
        }
        uint64_t machine = guest_machine_frame(&c->memory, frame).n;
        if (layout->is_32bit) {
            ((uint32_t *)page)[index] = (uint32_t)machine;
        } else {
            ((uint64_t *)page)[index] = machine;
        }
    }
}

static void write_hypercall_page(const struct construction *c)
{
    const struct kernel_notes *notes = &c->kernel->notes;

    if (notes->has_hypercall_page) {
        pfn_t frame = layout_pfn(c->layout, notes->hypercall_page);
        hypercall_page_write(guest_page(&c->memory, frame), c->layout->is_32bit);
    }
}

struct start_of_day construct_domain(const struct construction *construction)
{
    const struct layout *layout = construction->layout;
    const struct guest_memory *memory = &construction->memory;

    kernel_image_load(construction->kernel, memory);
    write_hypercall_page(construction);
    write_ramdisk(construction);
    write_p2m(construction);
    start_info_write(layout, &construction->values, memory);
    initial_tables_write(layout, memory);
    return (struct start_of_day){
        .instruction_pointer = construction->kernel->notes.entry,
        .stack_pointer = layout->stack.end,
        .start_info = layout->start_info.start,
        .top_table = guest_machine_frame(memory, layout_pfn(layout, layout->page_tables.start)),
    };
}
