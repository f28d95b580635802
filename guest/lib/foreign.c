// SPDX-License-Identifier: Apache-2.0
// The window on other domains' frames.

#include "foreign.h"

// One last-level table's worth of addresses.
#define WINDOW_VA  0xffffca0000000000ul
#define BATCH      128u
#define BATCH_NONE 0ul

_Static_assert(FOREIGN_PAGES <= TABLE_ENTRIES, "the window is one table");

static bool slot_used[FOREIGN_PAGES];

static char *slot_address(unsigned slot)
{
    return (char *)(WINDOW_VA + ((uint64_t)slot << PAGE_SHIFT));
}

// The first of `count` free slots in a row, FOREIGN_PAGES if there are none.
static unsigned find_slots(unsigned count)
{
    unsigned run = 0;

    for (unsigned slot = 0; slot < FOREIGN_PAGES; slot++) {
        run = slot_used[slot] ? 0 : run + 1;
        if (run == count) {
            return slot + 1 - count;
        }
    }
    return FOREIGN_PAGES;
}

// The window's page-table entries, its tables made at first use.
static const uint64_t *window_entries(void)
{
    static const uint64_t *entries;

    if (entries == NULL) {
        entries = pte_lookup(map_spare(WINDOW_VA), 1);
    }
    return entries;
}

// Writes entries of the window in batches: frames with flags, or nothing where there is no list.
static long write_entries(domid_t domid, unsigned slot, const xen_pfn_t *frames, unsigned count,
                          uint64_t flags)
{
    static struct mmu_update batch[BATCH];
    uint64_t table = pte_maddr(window_entries());
    long error = 0;

    for (unsigned done = 0; done < count && error == 0; done += BATCH) {
        unsigned length = count - done < BATCH ? count - done : BATCH;
        for (unsigned i = 0; i < length; i++) {
            batch[i].ptr = table + (slot + done + i) * sizeof(uint64_t);
            batch[i].val =
                frames == NULL ? BATCH_NONE : (uint64_t)frames[done + i] << PAGE_SHIFT | flags;
        }
        error = mmu_update(batch, length, NULL, domid);
    }
    return error;
}

void *foreign_map(domid_t domid, const xen_pfn_t *frames, unsigned count, uint64_t flags,
                  long *error)
{
    unsigned slot = find_slots(count);
    long result =
        slot == FOREIGN_PAGES ? -XEN_ENOSPC : write_entries(domid, slot, frames, count, flags);

    if (error != NULL) {
        *error = result;
    }
    if (slot == FOREIGN_PAGES) {
        return NULL;
    }
    if (result != 0) {
        foreign_unmap(slot_address(slot), count);
        return NULL;
    }
    memset(&slot_used[slot], true, count);
    return slot_address(slot);
}

void foreign_unmap(void *address, unsigned count)
{
    unsigned slot = (unsigned)((POINTER(address) - WINDOW_VA) >> PAGE_SHIFT);

    (void)write_entries(DOMID_SELF, slot, NULL, count, 0);
    (void)mmuext_address(MMUEXT_TLB_FLUSH_ALL, NULL);
    memset(&slot_used[slot], false, count);
}
