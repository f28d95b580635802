// SPDX-License-Identifier: Apache-2.0
// Frames, page tables and spare pages. `pfn` numbers the domain's own frames from 0, `mfn` the
// machine's; the list handed over at start of day leads one way, the hypervisor's table back.
#pragma once

#include "guest.h"

#define PAGE_SHIFT    12
#define PAGE_SIZE     (1ul << PAGE_SHIFT)
#define PAGE_MASK     (~(PAGE_SIZE - 1))
#define TABLE_ENTRIES 512

#define PTE_PRESENT  (1ul << 0)
#define PTE_WRITE    (1ul << 1)
#define PTE_USER     (1ul << 2)
#define PTE_PWT      (1ul << 3)
#define PTE_PCD      (1ul << 4)
#define PTE_ACCESSED (1ul << 5)
#define PTE_DIRTY    (1ul << 6)
#define PTE_PSE      (1ul << 7)
#define PTE_GLOBAL   (1ul << 8)
#define PTE_AVAIL    (7ul << 9)
#define PTE_NX       (1ul << 63)
#define PTE_FRAME    0x000ffffffffff000ul

#define PTE_KERNEL_RW (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
#define PTE_KERNEL_RO (PTE_PRESENT | PTE_ACCESSED)
#define PTE_USER_RW   (PTE_KERNEL_RW | PTE_USER)
#define PTE_USER_RO   (PTE_KERNEL_RO | PTE_USER)
#define PTE_TABLE     (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

// Addresses that nothing of ours uses: for tests that need room for mappings of their own.
#define SPARE_VA 0xffffc90000000000ul

// Finds what start of day left free. Before anything else here.
void mm_init(void);

// The end of the contiguous region the domain was started in.
uint64_t bootstrap_end(void);

uint64_t pfn_to_mfn(uint64_t pfn);
uint64_t mfn_to_pfn(uint64_t mfn);
// Any mapped kernel address, by walking the tables; 0 if it is not mapped.
uint64_t virt_to_mfn(const void *va);
uint64_t virt_to_maddr(const void *va);
// The kernel's address of one of the domain's own frames that mm.c knows; NULL for others.
void *mfn_to_virt(uint64_t mfn);

// A zeroed page that is mapped read-write once, and nowhere else. Pages are not given back; an
// image uses few. Bails out when there are no more.
void *page_alloc(void);
void *pages_alloc(unsigned count);

// The entry that maps `va` at a level (1 to 4), read-only, in the live tables or in those of `l4`;
// NULL where a table on the way is missing.
const uint64_t *pte_lookup(const void *va, unsigned level);
const uint64_t *pte_lookup_in(const uint64_t *l4, const void *va, unsigned level);
uint64_t pte_maddr(const uint64_t *pte);
unsigned table_index(uint64_t va, unsigned level);
const uint64_t *live_l4(void);

// Rights of a page of ours, by update_va_mapping: 0 or the error.
long page_make_readonly(const void *va);
long page_make_writable(const void *va);

// One checked write of a page-table entry at its machine address: 0 or the error.
long pte_write(const uint64_t *pte, uint64_t value);
long pte_write_maddr(uint64_t maddr, uint64_t value);

// Maps a page-table entry at `va` in the live tables, or those of `l4`, with new tables where they
// are missing: 0 or the error.
long map_page(const void *va, uint64_t pte);
long map_page_in(const uint64_t *l4, const void *va, uint64_t pte);
// Tables down to the last level for `va` in the live tables, so that update_va_mapping works there.
void *map_spare(uint64_t va);

// One operation on a frame (pin, unpin, base pointer, clear): 0 or the error.
long mmuext_frame(unsigned command, uint64_t mfn);
long mmuext_address(unsigned command, const void *va);
static inline uint64_t pte_of(const void *page, uint64_t flags)
{
    return virt_to_maddr(page) | flags;
}
