// SPDX-License-Identifier: Apache-2.0
// Pavise's own page tables: the walk that makes and takes mappings. What is mapped where at start
// of day is in address_space.c.

#include "paging.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/panic.h"
#include "base/speculation.h"
#include "cpu_features.h"
#include "instructions.h"
#include "layout.h"
#include "lib/string.h"

_Static_assert(DIRECT_MAP_BASE == DIRECT_MAP_START, "layout.h and arch/frames.h agree");

/* All tables of Pavise's own are found through here. */
static uint64_t root[TABLE_ENTRIES] aligned_to(PAGE_SIZE);

static paging_source table_source;
static uint64_t table_limit;

void paging_set_source(paging_source source, uint64_t limit)
{
    table_source = source;
    table_limit = limit;
}

uint64_t *paging_root_table(void)
{
    return root;
}

uint64_t paging_root(void)
{
    return (uint64_t)root - IMAGE_BASE;
}

/* ---- one level ----------------------------------------------------------------------------- */

static unsigned int level_shift(unsigned int level)
{
    return PAGE_SHIFT + 9 * (level - 1);
}

static uint64_t level_bytes(unsigned int level)
{
    return 1UL << level_shift(level);
}

static unsigned int level_index(uint64_t va, unsigned int level)
{
    return (va >> level_shift(level)) % TABLE_ENTRIES;
}

static uint64_t *table_of(uint64_t entry)
{
    return frame_to_virt(maddr_to_mfn(maddr(entry & PTE_ADDRESS)));
}

/* Rights are decided in the last level; those above it let everything pass. */
static int add_table(uint64_t *entry)
{
    uint64_t pa = table_source(PAGE_SIZE, PAGE_SIZE, table_limit);

    if (pa == 0) {
        return -ENOMEM;
    }
    memset(frame_to_virt(maddr_to_mfn(maddr(pa))), 0, PAGE_SIZE);
    *entry = pa | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED;
    return 0;
}

/* ---- mapping --------------------------------------------------------------------------------- */

/*
 * Page-type bits by PAT_VALUE: UC is 3, PWT and PCD; WC is 4, the PAT bit, whose place depends on
 * the level. Accessed and dirty are set, so the processor never writes to these tables.
 */
static uint64_t leaf_bits(unsigned int flags, unsigned int level)
{
    uint64_t bits = PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;

    /* A translation that outlived the way out would be one that isolated guests can use. */
    bits |= speculation_has_xpti(&speculation) ? 0 : PTE_GLOBAL;
    bits |= flags & PAGING_WRITE ? PTE_WRITE : 0;
    bits |= flags & PAGING_EXECUTE ? 0 : PTE_NX;
    bits |= flags & PAGING_USER ? PTE_USER : 0;
    bits |= flags & PAGING_UNCACHED ? PTE_PWT | PTE_PCD : 0;
    bits |= level > 1 ? PTE_LARGE : 0;
    if (flags & PAGING_WRITE_COMBINING) {
        bits |= level > 1 ? 1UL << 12 : PTE_PAT;
    }
    return bits;
}

/* The level of the largest page that can start at `va` and `pa` and stay within `bytes`. */
static unsigned int largest_level(uint64_t va, uint64_t pa, uint64_t bytes)
{
    unsigned int level = cpu_has(FEATURE_PAGE_1GB) ? 3 : 2;

    while (level > 1 && (((va | pa) % level_bytes(level)) != 0 || bytes < level_bytes(level))) {
        level--;
    }
    return level;
}

/*
 * The entry of `va` at `level`, tables above it made as needed. Fails with -EEXIST where a larger
 * page is in the way.
 */
static int entry_for_map(uint64_t va, unsigned int level, uint64_t **found)
{
    uint64_t *table = root;

    for (unsigned int at = 4; at > level; at--) {
        uint64_t *entry = &table[level_index(va, at)];
        if ((*entry & PTE_PRESENT) == 0) {
            int error = add_table(entry);
            if (error != 0) {
                return error;
            }
        } else if (at < 4 && (*entry & PTE_LARGE) != 0) {
            return -EEXIST;
        }
        table = table_of(*entry);
    }
    *found = &table[level_index(va, level)];
    return 0;
}

int paging_prepare_slot(uint64_t va)
{
    uint64_t *unused;
    return entry_for_map(va, 3, &unused);
}

int paging_map(uint64_t va, uint64_t pa, uint64_t bytes, unsigned int flags)
{
    BUG_ON((va | pa | bytes) % PAGE_SIZE != 0 || va < M2P_READ_ONLY_BASE);
    while (bytes != 0) {
        unsigned int level = largest_level(va, pa, bytes);
        uint64_t *entry;
        int error = entry_for_map(va, level, &entry);
        /* Where smaller pages were mapped before, a table stands in a large page's place. */
        while (error == 0 && level > 1 && (*entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT) {
            error = entry_for_map(va, --level, &entry);
        }
        if (error == 0 && (*entry & PTE_PRESENT) != 0) {
            error = -EEXIST;
        }
        if (error != 0) {
            return error;
        }
        *entry = pa | leaf_bits(flags, level);
        va += level_bytes(level);
        pa += level_bytes(level);
        bytes -= level_bytes(level);
    }
    return 0;
}

/* ---- looking and unmapping ---------------------------------------------------------------------
 */

uint64_t *paging_find(uint64_t va, uint64_t *bytes)
{
    uint64_t *table = root;

    for (unsigned int level = 4;; level--) {
        uint64_t *entry = &table[level_index(va, level)];
        if ((*entry & PTE_PRESENT) == 0) {
            return NULL;
        }
        if (level == 1 || (level < 4 && (*entry & PTE_LARGE) != 0)) {
            *bytes = level_bytes(level);
            return entry;
        }
        table = table_of(*entry);
    }
}

void paging_unmap(uint64_t va, uint64_t bytes)
{
    for (uint64_t end = va + bytes; va != end; va += PAGE_SIZE) {
        uint64_t size;
        uint64_t *entry = paging_find(va, &size);
        if (entry == NULL) {
            continue;
        }
        BUG_ON(size != PAGE_SIZE);
        *entry = 0;
        invlpg(va);
    }
}
