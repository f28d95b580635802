// SPDX-License-Identifier: Apache-2.0
// Frames, page tables and spare pages.

#include "mm.h"
#include "image.h"

// Pages beyond the bootstrap region are mapped here, in order of pfn, when they are needed.
#define POOL_VA    0xffffc80000000000ul
#define POOL_PAGES 4096ul

#define LEVELS     4
#define INDEX_BITS 9

static struct {
    uint64_t *mfn_list;
    uint64_t region_end;
    uint64_t next_free;  // within the bootstrap region
    uint64_t pool_first; // pfn of the pool's first page
    uint64_t pool_mapped;
} mm;

static uint64_t virt_base(void)
{
    return POINTER(image_virt_base_value);
}

uint64_t bootstrap_end(void)
{
    return mm.region_end;
}

uint64_t pfn_to_mfn(uint64_t pfn)
{
    return mm.mfn_list[pfn];
}

uint64_t mfn_to_pfn(uint64_t mfn)
{
    return machine_to_phys_mapping[mfn];
}

void *mfn_to_virt(uint64_t mfn)
{
    uint64_t pfn = mfn_to_pfn(mfn);

    if (pfn < (mm.region_end - virt_base()) >> PAGE_SHIFT) {
        return (void *)(virt_base() + (pfn << PAGE_SHIFT));
    }
    if (pfn >= mm.pool_first && pfn - mm.pool_first < mm.pool_mapped) {
        return (void *)(POOL_VA + ((pfn - mm.pool_first) << PAGE_SHIFT));
    }
    return NULL;
}

unsigned table_index(uint64_t va, unsigned level)
{
    return va >> (PAGE_SHIFT + (level - 1) * INDEX_BITS) & (TABLE_ENTRIES - 1);
}

// The base can change, so it is read (and emulated) each time.
const uint64_t *live_l4(void)
{
    uint64_t cr3;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    return mfn_to_virt(cr3 >> PAGE_SHIFT);
}

const uint64_t *pte_lookup_in(const uint64_t *l4, const void *va, unsigned level)
{
    const uint64_t *table = l4;

    for (unsigned at = LEVELS; at > level && table != NULL; at--) {
        uint64_t entry = table[table_index(POINTER(va), at)];
        if ((entry & PTE_PRESENT) == 0) {
            return NULL;
        }
        table = mfn_to_virt((entry & PTE_FRAME) >> PAGE_SHIFT);
    }
    return table == NULL ? NULL : &table[table_index(POINTER(va), level)];
}

const uint64_t *pte_lookup(const void *va, unsigned level)
{
    return pte_lookup_in(live_l4(), va, level);
}

uint64_t virt_to_mfn(const void *va)
{
    const uint64_t *pte = pte_lookup(va, 1);

    return pte == NULL || (*pte & PTE_PRESENT) == 0 ? 0 : (*pte & PTE_FRAME) >> PAGE_SHIFT;
}

uint64_t virt_to_maddr(const void *va)
{
    return virt_to_mfn(va) << PAGE_SHIFT | (POINTER(va) & ~PAGE_MASK);
}

uint64_t pte_maddr(const uint64_t *pte)
{
    return virt_to_maddr(pte);
}

long pte_write_maddr(uint64_t maddr, uint64_t value)
{
    struct mmu_update update = {.ptr = maddr | MMU_NORMAL_PT_UPDATE, .val = value};

    return mmu_update(&update, 1, NULL, DOMID_SELF);
}

long pte_write(const uint64_t *pte, uint64_t value)
{
    return pte_write_maddr(pte_maddr(pte), value);
}

long mmuext_frame(unsigned command, uint64_t mfn)
{
    struct mmuext_op op = {.cmd = command, .arg1.mfn = mfn};

    return mmuext_op(&op, 1, NULL, DOMID_SELF);
}

long mmuext_address(unsigned command, const void *va)
{
    struct mmuext_op op = {.cmd = command, .arg1.linear_addr = POINTER(va)};

    return mmuext_op(&op, 1, NULL, DOMID_SELF);
}

long page_make_readonly(const void *va)
{
    return update_va_mapping(va, pte_of((const void *)(POINTER(va) & PAGE_MASK), PTE_KERNEL_RO),
                             UVMF_INVLPG);
}

long page_make_writable(const void *va)
{
    return update_va_mapping(va, pte_of((const void *)(POINTER(va) & PAGE_MASK), PTE_KERNEL_RW),
                             UVMF_INVLPG);
}

// ---- spare pages ------------------------------------------------------------------------------
static void out_of_pages(const char *why)
{
    print("Bail out! no spare pages: %s\n", why);
    guest_shutdown(SHUTDOWN_crash);
}

static void *region_page(void)
{
    void *page = (void *)mm.next_free;

    if (mm.next_free >= mm.region_end) {
        return NULL;
    }
    mm.next_free += PAGE_SIZE;
    return page;
}

// Maps the pool's next page. Page tables it needs come from the bootstrap region's padding; one
// page holds 512 entries, so the pool needs few of them.
static void *pool_page(void)
{
    void *va = (void *)(POOL_VA + (mm.pool_mapped << PAGE_SHIFT));
    uint64_t pfn = mm.pool_first + mm.pool_mapped;

    if (mm.pool_mapped >= POOL_PAGES || pfn >= start_info->nr_pages) {
        out_of_pages("the pool is used up");
    }
    if (map_page(va, pfn_to_mfn(pfn) << PAGE_SHIFT | PTE_KERNEL_RW) != 0) {
        out_of_pages("a page cannot be mapped");
    }
    mm.pool_mapped++;
    return va;
}

// Pages for tables come from the region alone: the pool cannot be extended without them.
static void *table_page(void)
{
    void *page = region_page();

    if (page == NULL) {
        out_of_pages("no table");
    }
    memset(page, 0, PAGE_SIZE);
    return page;
}

void *page_alloc(void)
{
    void *page = pool_page();

    memset(page, 0, PAGE_SIZE);
    return page;
}

void *pages_alloc(unsigned count)
{
    void *first = page_alloc();

    for (unsigned i = 1; i < count; i++) {
        (void)page_alloc();
    }
    return first;
}

// ---- building tables --------------------------------------------------------------------------
long map_page_in(const uint64_t *l4, const void *va, uint64_t pte)
{
    for (unsigned level = LEVELS; level > 1; level--) {
        const uint64_t *entry = pte_lookup_in(l4, va, level);
        if ((*entry & PTE_PRESENT) != 0) {
            continue;
        }
        void *table = table_page();
        long error = page_make_readonly(table);
        if (error == 0) {
            error = pte_write(entry, pte_of(table, PTE_TABLE));
        }
        if (error != 0) {
            return error;
        }
    }
    return pte_write(pte_lookup_in(l4, va, 1), pte);
}

long map_page(const void *va, uint64_t pte)
{
    return map_page_in(live_l4(), va, pte);
}

void *map_spare(uint64_t va)
{
    (void)map_page((const void *)va, 0);
    return (void *)va;
}

// The region ends where the start-of-day tables stop mapping; past it come, with some ELF notes,
// the frames of the frame list and of the ramdisk.
static uint64_t first_pool_pfn(void)
{
    uint64_t pfn = (mm.region_end - virt_base()) >> PAGE_SHIFT;
    uint64_t p2m_end = start_info->first_p2m_pfn + start_info->nr_p2m_frames;

    return p2m_end > pfn ? p2m_end : pfn;
}

void mm_init(void)
{
    uint64_t stack_page = (boot_registers.rsp - 1) & PAGE_MASK;

    mm.mfn_list = (uint64_t *)start_info->mfn_list;
    // Everything up to here must be known for pte_lookup to find the bootstrap tables.
    mm.region_end = stack_page + PAGE_SIZE;
    for (const uint64_t *pte = pte_lookup((void *)mm.region_end, 1);
         pte != NULL && (*pte & PTE_PRESENT) != 0; pte = pte_lookup((void *)mm.region_end, 1)) {
        mm.region_end += PAGE_SIZE;
    }
    mm.next_free = stack_page + PAGE_SIZE;
    mm.pool_first = first_pool_pfn();
}
