// SPDX-License-Identifier: Apache-2.0
// Guests' own tables: what of Pavise they map, and copies of guests' roots.
#include "isolation.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/speculation.h"
#include "cpu_features.h"
#include "domain/domain.h"
#include "layout.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "paging.h"
#include "percpu.h"

#define SLOT(va, level) (((va) >> (12 + 9 * ((level)-1))) % TABLE_ENTRIES)
#define FIRST_SLOT      SLOT(M2P_READ_ONLY_BASE, 4)
#define LAST_SLOT       SLOT(DIRECT_MAP_END - 1, 4)
#define TABLE_BITS      (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)

extern const char window_text_start[], window_text_end[];

_Static_assert(SLOT(IMAGE_BASE, 4) == SLOT(PERCPU_BASE, 4) &&
                   SLOT(IMAGE_BASE, 3) != SLOT(PERCPU_BASE, 3),
               "the image and the regions have a level-4 entry in common, and none below");
_Static_assert(sizeof(struct cpu) <= PERCPU_ISOLATION, "struct isolation lies behind struct cpu");

/* The level-3 entry of the window's tables, which all CPUs share. */
static uint64_t window_entry;

static uint64_t physical(const void *page)
{
    return mfn_to_maddr(virt_to_frame(page)).a;
}

static uint64_t *table_behind(uint64_t entry)
{
    return frame_to_virt(maddr_to_mfn(maddr(entry & PTE_ADDRESS)));
}

/* A fresh, empty table in *entry, where there is none yet. */
static uint64_t *table_in(uint64_t *entry)
{
    void *page;

    if (*entry != 0) {
        return table_behind(*entry);
    }
    page = page_alloc();
    if (page) {
        memset(page, 0, PAGE_SIZE);
        *entry = physical(page) | TABLE_BITS;
    }
    return page;
}

/* Pavise's own mapping of a page, as it is but not global: it goes with Pavise's tables. */
static uint64_t own_entry(uint64_t va)
{
    uint64_t bytes, *entry = paging_find(va, &bytes);
    uint64_t bits;

    if (!entry) {
        return 0;
    }
    bits = *entry & ~(PTE_ADDRESS | PTE_GLOBAL);
    /* A larger page's piece: without the size bit, at its own address. */
    return bytes == PAGE_SIZE ? *entry & ~PTE_GLOBAL
                              : (bits & ~PTE_LARGE) | (paging_physical_of((void *)va));
}

/* ---- the window ------------------------------------------------------------------------------ */

static int show_window_page(uint64_t *level2, uint64_t va)
{
    uint64_t *level1 = table_in(&level2[SLOT(va, 2)]);

    if (!level1) {
        return -ENOMEM;
    }
    level1[SLOT(va, 1)] = own_entry(va);
    return 0;
}

static int create_window(void)
{
    uint64_t *level2 = table_in(&window_entry);
    int error = level2 ? show_window_page(level2, percpu_idt()) : -ENOMEM;

    for (const char *page = window_text_start; error == 0 && page < window_text_end;
         page += PAGE_SIZE) {
        error = show_window_page(level2, (uint64_t)page);
    }
    return error;
}

/* ---- a CPU's part ---------------------------------------------------------------------------- */

static void show_region(struct isolation *own, uint64_t base)
{
    static const struct {
        uint32_t from, to;
    } parts[] = {
        {PERCPU_GDT, PERCPU_LDT},
        {PERCPU_TSS, PERCPU_TSS + PAGE_SIZE},
        {PERCPU_TRAMPOLINE, PERCPU_TRAMPOLINE + PAGE_SIZE},
        {PERCPU_ENTRY, PERCPU_ENTRY + PAGE_SIZE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        for (uint64_t va = base + parts[i].from; va < base + parts[i].to; va += PAGE_SIZE) {
            own->shadow[SLOT(va, 1)] = own_entry(va);
        }
    }
}

/* Level 3 with the window and the region below it. */
static uint64_t *create_tables(struct isolation *own, uint64_t base)
{
    uint64_t entry = 0;
    uint64_t *level3 = table_in(&entry);
    uint64_t *level2 = level3 ? table_in(&level3[SLOT(base, 3)]) : NULL;

    own->shadow = level2 ? table_in(&level2[SLOT(base, 2)]) : NULL;
    if (!own->shadow) {
        return NULL;
    }
    level3[SLOT(IMAGE_BASE, 3)] = window_entry;
    show_region(own, base);
    return level3;
}

/* What of Pavise a root maps; the guest's slots come with each copy. */
static void fill_root(uint64_t *root, const uint64_t *level3)
{
    memset(root, 0, PAGE_SIZE);
    root[SLOT(M2P_READ_ONLY_BASE, 4)] = paging_root_table()[SLOT(M2P_READ_ONLY_BASE, 4)];
    root[SLOT(IMAGE_BASE, 4)] = physical(level3) | TABLE_BITS;
}

int isolation_create(struct cpu *cpu)
{
    struct isolation *own = isolation_of(cpu);
    int error = window_entry == 0 ? create_window() : 0;
    uint64_t *level3 = error == 0 ? create_tables(own, (uint64_t)cpu) : NULL;

    for (unsigned int i = 0; level3 && i < ROOTS; i++) {
        uint64_t *root = page_alloc();
        if (!root) {
            return -ENOMEM;
        }
        fill_root(root, level3);
        own->root[i] = physical(root);
    }
    return level3 ? 0 : -ENOMEM;
}

void isolation_mirror(uint64_t va, uint64_t entry)
{
    uint64_t *shadow = isolation_of(this_cpu())->shadow;

    if (shadow) {
        shadow[SLOT(va, 1)] = entry & ~PTE_GLOBAL;
    }
}

void isolation_forget(void)
{
    struct isolation *own = isolation_of(this_cpu());
    struct entry_page *page = (struct entry_page *)((char *)this_cpu() + PERCPU_ENTRY);
    uint16_t selector = page->selector;

    if (speculation_guards_ways(&speculation)) {
        memset(own->base, 0, sizeof(own->base));
        memset(page, 0, sizeof(*page));
        page->selector = selector;
    }
}

/* ---- copies ---------------------------------------------------------------------------------- */

/*
 * The count is read before the table is: an edit in between is seen at the next way out. Nobody
 * leaves on the copy meanwhile, as it is this CPU's own.
 */
void isolation_renew(unsigned int which)
{
    struct cpu *cpu = this_cpu();
    struct isolation *own = isolation_of(cpu);
    const uint64_t *from = table_behind(cpu->current_cr3);
    uint64_t *to = table_behind(own->root[which]);
    uint64_t edits = __atomic_load_n(&cpu->current->domain->root_edits, __ATOMIC_ACQUIRE);

    memcpy(to, from, FIRST_SLOT * sizeof(*to));
    memcpy(to + LAST_SLOT + 1, from + LAST_SLOT + 1, (TABLE_ENTRIES - LAST_SLOT - 1) * sizeof(*to));
    own->base[which] = cpu->current_cr3;
    own->edits[which] = edits;
}
