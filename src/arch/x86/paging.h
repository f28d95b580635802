// SPDX-License-Identifier: Apache-2.0
// Pavise's own page tables: mappings in L4 slots 256..271, shared by every address space. L4
// entries of these slots never change once start of day is over, so an address space copies them
// once.
#pragma once

#include "arch/paging.h"
#include "lib/address.h"

#define PTE_PRESENT  (1UL << 0)
#define PTE_WRITE    (1UL << 1)
#define PTE_USER     (1UL << 2)
#define PTE_PWT      (1UL << 3)
#define PTE_PCD      (1UL << 4)
#define PTE_ACCESSED (1UL << 5)
#define PTE_DIRTY    (1UL << 6)
#define PTE_LARGE    (1UL << 7) /* in L2 and L3 */
#define PTE_PAT      (1UL << 7) /* in L1 */
#define PTE_GLOBAL   (1UL << 8)
#define PTE_NX       (1UL << 63)
#define PTE_ADDRESS  0x000ffffffffff000UL

#define TABLE_ENTRIES 512

enum paging_flags {
    PAGING_READ = 0,
    PAGING_WRITE = 1 << 0,
    PAGING_EXECUTE = 1 << 1,
    PAGING_USER = 1 << 2,            /* guests too */
    PAGING_UNCACHED = 1 << 3,        /* UC: device registers */
    PAGING_WRITE_COMBINING = 1 << 4, /* WC: frame buffers */
};

/*
 * Maps [va, va + bytes) to [pa, pa + bytes), all multiples of 4 KiB, with the largest pages that
 * fit. `va` must lie in Pavise's slots. Returns 0, -EEXIST where something is mapped already (what
 * lies before it has been mapped then), -ENOMEM for want of a table. Not locked: at start of day,
 * or under the caller's own lock.
 */
must_check int paging_map(uint64_t va, uint64_t pa, uint64_t bytes, unsigned int flags);

/* Makes the table that L4's entry for `va` points to, so that the entry is final. 0 or -ENOMEM. */
must_check int paging_prepare_slot(uint64_t va);

/*
 * Takes a range of whole 4 KiB mappings out (never part of a larger page: that is a panic), on this
 * CPU at once; other CPUs are the caller's business. Holes are skipped.
 */
void paging_unmap(uint64_t va, uint64_t bytes);

/* The L1, L2 or L3 entry that maps `va`, and how many bytes it maps; NULL where none does. */
uint64_t *paging_find(uint64_t va, uint64_t *bytes);

/* Physical address of Pavise's own L4 (only slots 256..271 are in use), and the table itself. */
uint64_t paging_root(void);
uint64_t *paging_root_table(void);
