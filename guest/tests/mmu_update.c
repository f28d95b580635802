// SPDX-License-Identifier: Apache-2.0
// mmu_update: which entries a page table may get (public header xen.h).

#include "image.h"
#include "tap.h"

// A page and the entry that maps it, writable, in the live tables.
static void *own_page;
static const uint64_t *own_pte;

static void setup(void)
{
    if (own_page == NULL) {
        own_page = page_alloc();
        own_pte = pte_lookup(own_page, 1);
    }
}

static uint64_t own_mfn(void)
{
    return (*own_pte & PTE_FRAME) >> PAGE_SHIFT;
}

static long update(uint64_t ptr, uint64_t value)
{
    struct mmu_update request = {.ptr = ptr, .val = value};

    return mmu_update(&request, 1, NULL, DOMID_SELF);
}

// The frame of the table that holds the entry of `va` at `level`.
static uint64_t table_mfn(const void *va, unsigned level)
{
    return pte_maddr(pte_lookup(va, level)) >> PAGE_SHIFT;
}

TEST("a normal update writes the entry")
{
    void *other = page_alloc();

    setup();
    uint64_t before = *own_pte;
    *(uint64_t *)other = 0x1111;
    CHECK_OK(update(pte_maddr(own_pte) | MMU_NORMAL_PT_UPDATE, pte_of(other, PTE_KERNEL_RW)));
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_LOCAL, own_page));
    CHECK_EQ(*(volatile uint64_t *)own_page, 0x1111);
    CHECK_OK(update(pte_maddr(own_pte), before));
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_LOCAL, own_page));
}

TEST("an entry that is not present may hold anything")
{
    setup();
    uint64_t before = *own_pte, odd = 0x123456789abcde & ~PTE_PRESENT;
    CHECK_OK(update(pte_maddr(own_pte), odd));
    CHECK_EQ(*own_pte, odd);
    CHECK_OK(update(pte_maddr(own_pte), before));
}

TEST("the bits available to software are kept")
{
    setup();
    uint64_t before = *own_pte;
    CHECK_OK(update(pte_maddr(own_pte), before | PTE_AVAIL));
    CHECK_EQ(*own_pte & PTE_AVAIL, PTE_AVAIL);
    CHECK_OK(update(pte_maddr(own_pte), before));
    CHECK_EQ(*own_pte & PTE_AVAIL, before & PTE_AVAIL);
}

TEST("accessed and dirty are what a normal update says")
{
    setup();
    uint64_t before = *own_pte, clean = before & ~(PTE_ACCESSED | PTE_DIRTY);
    CHECK_OK(update(pte_maddr(own_pte), clean));
    CHECK_EQ(*own_pte & (PTE_ACCESSED | PTE_DIRTY), 0);
    CHECK_OK(update(pte_maddr(own_pte), before));
}

TEST("MMU_PT_UPDATE_PRESERVE_AD keeps accessed and dirty bits that are set")
{
    setup();
    uint64_t before = *own_pte, clean = before & ~(PTE_ACCESSED | PTE_DIRTY);
    CHECK_OK(update(pte_maddr(own_pte), before | PTE_ACCESSED | PTE_DIRTY));
    CHECK_OK(update(pte_maddr(own_pte) | MMU_PT_UPDATE_PRESERVE_AD, clean));
    CHECK_EQ(*own_pte & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY);
    CHECK_OK(update(pte_maddr(own_pte), before));
}

TEST("a page table is refused a writable mapping")
{
    setup();
    uint64_t before = *own_pte;
    for (unsigned level = 1; level <= 4; level++) {
        uint64_t table = table_mfn(own_page, level) << PAGE_SHIFT;
        CHECK(update(pte_maddr(own_pte), table | PTE_KERNEL_RW) < 0);
    }
    CHECK_EQ(*own_pte, before);
}

TEST("a page table may be mapped read-only")
{
    setup();
    uint64_t before = *own_pte;
    for (unsigned level = 1; level <= 4; level++) {
        uint64_t table = table_mfn(own_page, level) << PAGE_SHIFT;
        CHECK_OK(update(pte_maddr(own_pte), table | PTE_KERNEL_RO));
    }
    CHECK_OK(update(pte_maddr(own_pte), before));
}

TEST("a writable page is refused as a page table, at every level")
{
    void *page = page_alloc();

    for (unsigned level = 2; level <= 4; level++) {
        const uint64_t *entry = pte_lookup((void *)(SPARE_VA + 0x8000000000), 4);
        if (level < 4) {
            entry = pte_lookup(own_page, level) + 1;
        }
        if ((*entry & PTE_PRESENT) != 0) {
            continue;
        }
        CHECK(update(pte_maddr(entry), pte_of(page, PTE_TABLE)) < 0);
        CHECK_EQ(*entry, 0);
    }
}

TEST("a page with read-only mappings alone becomes a page table")
{
    void *page = page_alloc();
    const uint64_t *entry = pte_lookup((void *)(SPARE_VA + 0x10000000000), 4);

    CHECK_OK(page_make_readonly(page));
    CHECK_OK(update(pte_maddr(entry), pte_of(page, PTE_TABLE)));
    CHECK(update_va_mapping(page, pte_of(page, PTE_KERNEL_RW), UVMF_INVLPG) < 0);
    CHECK_OK(update(pte_maddr(entry), 0));
    CHECK_OK(page_make_writable(page));
}

TEST("a table of one level is refused at another")
{
    const uint64_t *l3_entry = pte_lookup((void *)(SPARE_VA + 0x10000000000), 4);
    uint64_t l1 = table_mfn(own_page, 1) << PAGE_SHIFT;

    CHECK(update(pte_maddr(l3_entry), l1 | PTE_TABLE) < 0);
    CHECK_EQ(*l3_entry, 0);
}

TEST("a table with an entry that is not allowed does not become one")
{
    uint64_t *page = page_alloc();
    const uint64_t *entry = pte_lookup((void *)(SPARE_VA + 0x10000000000), 4);

    page[7] = pte_of(own_page, PTE_TABLE);
    CHECK_OK(page_make_readonly(page));
    CHECK(update(pte_maddr(entry), pte_of(page, PTE_TABLE)) < 0);
    CHECK_EQ(*entry, 0);
    CHECK_OK(page_make_writable(page));
}

TEST("a frame that is nobody's RAM is refused to a guest that may not have it")
{
    setup();
    uint64_t before = *own_pte, beyond = 1ul << 39;
    CHECK(update(pte_maddr(own_pte), beyond << PAGE_SHIFT | PTE_KERNEL_RW) < 0);
    CHECK_EQ(*own_pte, before);
}

TEST("a frame of the hypervisor is refused")
{
    setup();
    uint64_t before = *own_pte;
    uint64_t hypervisor = 0;
    // The machine's first frames of RAM that are not the domain's: the image of the hypervisor.
    struct xen_machphys_mfn_list list = {.max_extents = 1};
    xen_pfn_t extent = 0;
    set_xen_guest_handle(list.extent_start, &extent);
    CHECK_OK(memory_op(XENMEM_machphys_mfn_list, &list));
    hypervisor = extent << PAGE_SHIFT;
    CHECK(hypervisor != 0);
    CHECK(update(pte_maddr(own_pte), hypervisor | PTE_KERNEL_RW) < 0);
    CHECK_EQ(*own_pte, before);
}

TEST("flags a guest may not set are refused in upper levels")
{
    const uint64_t *entry = pte_lookup(own_page, 2);

    CHECK((*entry & PTE_PSE) == 0);
    CHECK(update(pte_maddr(entry), *entry | PTE_PSE) < 0);
    CHECK(update(pte_maddr(entry), *entry | PTE_GLOBAL) < 0);
}

TEST("address bits beyond the machine's are refused")
{
    setup();
    uint64_t before = *own_pte;
    CHECK(update(pte_maddr(own_pte), before | 1ul << 51) < 0);
    CHECK_EQ(*own_pte, before);
}

TEST("the hypervisor's slots of a top-level table are refused")
{
    const uint64_t *l4 = live_l4();

    for (unsigned slot = 256; slot <= 271; slot++) {
        CHECK(update(pte_maddr(l4 + slot), l4[table_index(POINTER(own_page), 4)]) < 0);
        CHECK(update(pte_maddr(l4 + slot), 0) < 0);
    }
}

TEST("no-execute and write-through are kept")
{
    setup();
    uint64_t before = *own_pte;
    CHECK_OK(update(pte_maddr(own_pte), before | PTE_NX));
    CHECK_EQ(*own_pte & PTE_NX, PTE_NX);
    CHECK_OK(update(pte_maddr(own_pte), before));
}

TEST("an address that is no entry of a table, but of a writable page, is written like memory")
{
    uint64_t *page = page_alloc();

    CHECK_OK(update(pte_maddr(page + 5), 0x1234));
    CHECK_EQ(page[5], 0x1234);
}

TEST("an address in a frame that is not the domain's is refused")
{
    CHECK(update(1ul << 50, 0) < 0);
    CHECK(update(0, 0) < 0);
}

TEST("an address that is not a multiple of 8 is refused")
{
    setup();
    uint64_t before = *own_pte;
    CHECK(update((pte_maddr(own_pte) + 4) | MMU_NORMAL_PT_UPDATE, 0) < 0);
    CHECK_EQ(*own_pte, before);
}

TEST("MMU_MACHPHYS_UPDATE changes the entry of an own frame")
{
    setup();
    uint64_t mfn = own_mfn(), pfn = mfn_to_pfn(mfn);
    CHECK_OK(update(mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, 0xabcdef));
    CHECK_EQ(mfn_to_pfn(mfn), 0xabcdef);
    CHECK_OK(update(mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, pfn));
    CHECK_EQ(mfn_to_pfn(mfn), pfn);
}

TEST("MMU_MACHPHYS_UPDATE of a frame that is not the domain's is refused")
{
    CHECK(update(1ul << 50 | MMU_MACHPHYS_UPDATE, 0) < 0);
}

TEST("a batch is done in order, and done_out counts it")
{
    uint64_t *page = page_alloc();
    struct mmu_update batch[200];
    unsigned done = 0;

    for (unsigned i = 0; i < 200; i++) {
        batch[i] = (struct mmu_update){.ptr = pte_maddr(page + i), .val = i + 1};
    }
    CHECK_OK(mmu_update(batch, 200, &done, DOMID_SELF));
    CHECK_EQ(done, 200);
    CHECK_EQ(page[0], 1);
    CHECK_EQ(page[199], 200);
}

TEST("a batch stops at the first entry that is refused, and done_out says how many were done")
{
    uint64_t *page = page_alloc();
    struct mmu_update batch[3] = {{.ptr = pte_maddr(page), .val = 2},
                                  {.ptr = 1ul << 50, .val = 4},
                                  {.ptr = pte_maddr(page + 1), .val = 6}};
    unsigned done = 77;

    CHECK(mmu_update(batch, 3, &done, DOMID_SELF) < 0);
    CHECK_EQ(done, 1);
    CHECK_EQ(page[0], 2);
    CHECK_EQ(page[1], 0);
}

TEST("a batch of none is done at once")
{
    unsigned done = 77;

    CHECK_OK(mmu_update(NULL, 0, &done, DOMID_SELF));
    CHECK_EQ(done, 0);
}

TEST("a batch that is not there gets -EFAULT with nothing done")
{
    unsigned done = 77;

    CHECK_ERR(mmu_update((void *)SPARE_VA, 1, &done, DOMID_SELF), XEN_EFAULT);
    CHECK_EQ(done, 0);
}

TEST("MMU_PT_UPDATE_NO_TRANSLATE is a normal update for a domain that translates nothing")
{
    void *other = page_alloc();

    setup();
    uint64_t before = *own_pte;
    CHECK_OK(update(pte_maddr(own_pte) | MMU_PT_UPDATE_NO_TRANSLATE, pte_of(other, PTE_KERNEL_RW)));
    CHECK_EQ(virt_to_mfn(own_page), virt_to_mfn(other));
    CHECK_OK(update(pte_maddr(own_pte), before));
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_LOCAL, own_page));
}
