// SPDX-License-Identifier: Apache-2.0
// Building page tables top down, taking each new one from a run of frames that was counted before.
#include "build/initial_tables.h"

#include "base/panic.h"
#include "lib/string.h"

// Bits of an entry (Intel SDM volume 3, section 4.5).
enum {
    ENTRY_PRESENT = 1 << 0,
    ENTRY_WRITE = 1 << 1,
    ENTRY_USER = 1 << 2,
    ENTRY_ACCESSED = 1 << 5,
    ENTRY_DIRTY = 1 << 6,
};

#define ENTRY_ADDRESS 0x000ffffffffff000UL

// A guest's kernel runs in ring 3, so all its pages are user pages. Accessed and dirty are set
// already, where the processor would otherwise write to tables on first use.
enum {
    TABLE_FLAGS = ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | ENTRY_ACCESSED,
    READ_ONLY_FLAGS = ENTRY_PRESENT | ENTRY_USER | ENTRY_ACCESSED,
    WRITABLE_FLAGS = READ_ONLY_FLAGS | ENTRY_WRITE | ENTRY_DIRTY,
};

enum { HYPERVISOR_ADDRESS_32BIT = 3U << 30 }; // in the last entry of a 32-bit guest's L3

struct mapper {
    const struct guest_memory *memory;
    unsigned int top_level;
    uint64_t *top;
    pfn_t next_table, end_of_tables; // frames to make tables from
};

static uint64_t *take_table(struct mapper *mapper)
{
    BUG_ON(mapper->next_table.n >= mapper->end_of_tables.n);
    uint64_t *table = guest_page(mapper->memory, mapper->next_table);

    memset(table, 0, PAGE_SIZE);
    mapper->next_table.n++;
    return table;
}

static uint64_t *slot_in(uint64_t *table, uint64_t address, unsigned int level)
{
    return &table[(address >> table_shift(level)) % TABLE_ENTRIES];
}

// The table of `level` on the way to `address`, made where it is missing, with those above.
static uint64_t *table_for(struct mapper *mapper, uint64_t address, unsigned int level)
{
    uint64_t *table = mapper->top;

    for (unsigned int above = mapper->top_level; above > level; above--) {
        uint64_t *slot = slot_in(table, address, above);
        if (*slot == 0) {
            uint64_t *lower = take_table(mapper);
            *slot = mfn_to_maddr(virt_to_frame(lower)).a | TABLE_FLAGS;
        }
        table = frame_to_virt(maddr_to_mfn(maddr(*slot & ENTRY_ADDRESS)));
    }
    return table;
}

static void map(struct mapper *mapper, struct span span, pfn_t first, uint64_t flags)
{
    pfn_t frame = first;

    for (uint64_t address = span.start; address < span.end; address += PAGE_SIZE, frame.n++) {
        uint64_t *l1 = table_for(mapper, address, 1);
        mfn_t machine = guest_machine_frame(mapper->memory, frame);
        *slot_in(l1, address, 1) = mfn_to_maddr(machine).a | flags;
    }
}

void initial_tables_write(const struct layout *layout, const struct guest_memory *memory)
{
    pfn_t tables = layout_pfn(layout, layout->page_tables.start);
    struct mapper mapper = {
        .memory = memory,
        .top_level = top_table_level(layout->is_32bit),
        .next_table = tables,
        .end_of_tables = layout_pfn(layout, layout->page_tables.end),
    };

    mapper.top = take_table(&mapper);
    map(&mapper, layout->region, pfn(0), WRITABLE_FLAGS);
    map(&mapper, layout->page_tables, tables, READ_ONLY_FLAGS);
    if (layout->is_32bit) {
        (void)table_for(&mapper, HYPERVISOR_ADDRESS_32BIT, 2);
    }
    BUG_ON(mapper.next_table.n != mapper.end_of_tables.n);

    if (layout->p2m_is_apart) {
        mapper.next_table = layout->p2m_tables_pfn;
        mapper.end_of_tables = pfn(layout->p2m_tables_pfn.n + layout->p2m_tables_frames);
        map(&mapper, layout->p2m, layout->p2m_pfn, WRITABLE_FLAGS);
        BUG_ON(mapper.next_table.n != mapper.end_of_tables.n);
    }
}
