// SPDX-License-Identifier: Apache-2.0
// memory_op: the reservation, exchange, and what a guest may ask about memory (memory.h).

#include "tap.h"

static struct xen_memory_reservation reservation(xen_pfn_t *extents, unsigned count, unsigned order)
{
    struct xen_memory_reservation made = {
        .nr_extents = count, .extent_order = order, .domid = DOMID_SELF};

    set_xen_guest_handle(made.extent_start, extents);
    return made;
}

static long about_self(unsigned command)
{
    domid_t domid = DOMID_SELF;

    return memory_op(command, &domid);
}

static bool m2p_says(uint64_t mfn, uint64_t pfn)
{
    return mfn_to_pfn(mfn) == pfn;
}

// Frees the frame behind a page: takes its mapping away, then gives it back.
static uint64_t release(void *page, xen_pfn_t *mfn)
{
    struct xen_memory_reservation one = reservation(mfn, 1, 0);
    uint64_t pfn;

    *mfn = virt_to_mfn(page);
    pfn = mfn_to_pfn(*mfn);
    CHECK_OK(update_va_mapping(page, 0, UVMF_INVLPG));
    CHECK_EQ(memory_op(XENMEM_decrease_reservation, &one), 1);
    return pfn;
}

TEST("the current reservation is the domain's number of pages")
{
    CHECK_EQ(about_self(XENMEM_current_reservation), start_info->nr_pages);
}

TEST("the maximum reservation is not below the current one")
{
    CHECK(about_self(XENMEM_maximum_reservation) >= about_self(XENMEM_current_reservation));
}

TEST("the reservation of a domain that does not exist is refused")
{
    domid_t domid = 77;

    CHECK_ERR(memory_op(XENMEM_current_reservation, &domid), XEN_ESRCH);
}

TEST("the machine's last frame lies beyond every frame of the domain")
{
    uint64_t last = (uint64_t)memory_op(XENMEM_maximum_ram_page, NULL), highest = 0;

    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++) {
        highest = pfn_to_mfn(pfn) > highest ? pfn_to_mfn(pfn) : highest;
    }
    CHECK(last >= highest);
    CHECK(last < 1ul << 40);
}

TEST("decrease_reservation gives a frame back, and the domain has one less")
{
    long before = about_self(XENMEM_current_reservation);
    xen_pfn_t mfn;

    (void)release(page_alloc(), &mfn);
    CHECK_EQ(about_self(XENMEM_current_reservation), before - 1);
}

TEST("a frame that was given back is no longer the domain's to map")
{
    void *page = page_alloc();
    xen_pfn_t mfn;

    (void)release(page, &mfn);
    CHECK(update_va_mapping(page, mfn << PAGE_SHIFT | PTE_KERNEL_RW, UVMF_INVLPG) < 0);
}

TEST("decrease_reservation of a frame that is not the domain's does nothing")
{
    long before = about_self(XENMEM_current_reservation);
    xen_pfn_t mfn = ~0ul;
    struct xen_memory_reservation one = reservation(&mfn, 1, 0);

    CHECK_EQ(memory_op(XENMEM_decrease_reservation, &one), 0);
    CHECK_EQ(about_self(XENMEM_current_reservation), before);
}

TEST("decrease_reservation stops at the first extent it cannot free and says how many it did")
{
    void *page = page_alloc();
    xen_pfn_t extents[3] = {virt_to_mfn(page), ~0ul, 1};
    struct xen_memory_reservation three = reservation(extents, 3, 0);

    CHECK_OK(update_va_mapping(page, 0, UVMF_INVLPG));
    CHECK_EQ(memory_op(XENMEM_decrease_reservation, &three), 1);
}

TEST("populate_physmap puts a frame where it is told, and the machine's table says so")
{
    void *page = page_alloc();
    xen_pfn_t extent;
    uint64_t pfn = release(page, &extent);
    struct xen_memory_reservation one = reservation(&extent, 1, 0);

    extent = pfn;
    CHECK_EQ(memory_op(XENMEM_populate_physmap, &one), 1);
    CHECK(m2p_says(extent, pfn));
    CHECK_OK(update_va_mapping(page, extent << PAGE_SHIFT | PTE_KERNEL_RW, UVMF_INVLPG));
    *(volatile uint64_t *)page = 0x77;
    CHECK_EQ(*(volatile uint64_t *)page, 0x77);
}

TEST("a frame a domain is given holds nothing of anyone else's")
{
    void *page = page_alloc();
    xen_pfn_t extent;
    uint64_t pfn, bits = 0;

    memset(page, 0x5a, PAGE_SIZE);
    pfn = release(page, &extent);
    struct xen_memory_reservation one = reservation(&extent, 1, 0);
    extent = pfn;
    CHECK_EQ(memory_op(XENMEM_populate_physmap, &one), 1);
    CHECK_OK(update_va_mapping(page, extent << PAGE_SHIFT | PTE_KERNEL_RW, UVMF_INVLPG));
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(uint64_t); i++) {
        bits |= ((uint64_t *)page)[i];
    }
    if (bits != 0 && differs_on_oracle("the reference gives a domain its own pages back as they "
                                       "were")) {
        return;
    }
    CHECK_EQ(bits, 0);
}

TEST("increase_reservation gives a frame without a place, as its machine number")
{
    void *page = page_alloc();
    xen_pfn_t extent;
    uint64_t pfn = release(page, &extent);
    struct xen_memory_reservation one = reservation(&extent, 1, 0);

    extent = 0;
    CHECK_EQ(memory_op(XENMEM_increase_reservation, &one), 1);
    CHECK(extent != 0);
    CHECK(mfn_to_pfn(extent) != pfn);
    CHECK_OK(update_va_mapping(page, extent << PAGE_SHIFT | PTE_KERNEL_RW, UVMF_INVLPG));
}

TEST("increase_reservation beyond the maximum gives nothing")
{
    xen_pfn_t extent = 0;
    struct xen_memory_reservation huge = reservation(&extent, 1, 30);

    CHECK_EQ(memory_op(XENMEM_increase_reservation, &huge), 0);
    CHECK_EQ(extent, 0);
}

TEST("exchange swaps a frame for another, at the same place")
{
    void *page = page_alloc();
    xen_pfn_t in = virt_to_mfn(page), out = mfn_to_pfn(in);
    uint64_t old = in, pfn = out;
    struct xen_memory_exchange exchange = {.in = reservation(&in, 1, 0),
                                           .out = reservation(&out, 1, 0)};

    CHECK_OK(update_va_mapping(page, 0, UVMF_INVLPG));
    CHECK_OK(memory_op(XENMEM_exchange, &exchange));
    CHECK_EQ(exchange.nr_exchanged, 1);
    CHECK(m2p_says(out, pfn));
    CHECK_OK(update_va_mapping(page, out << PAGE_SHIFT | PTE_KERNEL_RW, UVMF_INVLPG));
    CHECK(old != out ? update_va_mapping((void *)page, old << PAGE_SHIFT | PTE_KERNEL_RW, 0) < 0
                     : true);
}

TEST("exchange of single frames makes a contiguous, aligned extent")
{
    enum { COUNT = 8, ORDER = 3 };
    char *pages = pages_alloc(COUNT);
    xen_pfn_t in[COUNT], out = mfn_to_pfn(virt_to_mfn(pages));
    uint64_t pfn = out;
    struct xen_memory_exchange exchange = {.in = reservation(in, COUNT, 0),
                                           .out = reservation(&out, 1, ORDER)};

    for (unsigned i = 0; i < COUNT; i++) {
        in[i] = virt_to_mfn(pages + i * PAGE_SIZE);
        CHECK_OK(update_va_mapping(pages + i * PAGE_SIZE, 0, UVMF_INVLPG));
    }
    CHECK_OK(memory_op(XENMEM_exchange, &exchange));
    CHECK_EQ(exchange.nr_exchanged, COUNT);
    CHECK_EQ(out & (COUNT - 1), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK(m2p_says(out + i, pfn + i));
    }
}

TEST("exchange of different amounts is refused, and nothing is exchanged")
{
    xen_pfn_t in[2] = {0}, out = 0;
    struct xen_memory_exchange exchange = {.in = reservation(in, 2, 0),
                                           .out = reservation(&out, 1, 0)};

    CHECK_ERR(memory_op(XENMEM_exchange, &exchange), XEN_EINVAL);
    CHECK_EQ(exchange.nr_exchanged, 0);
}

TEST("machphys_mapping says where the machine-to-physical table is and how far it goes")
{
    struct xen_machphys_mapping mapping;

    CHECK_OK(memory_op(XENMEM_machphys_mapping, &mapping));
    CHECK_EQ(mapping.v_start, MACH2PHYS_VIRT_START);
    CHECK(mapping.v_end > mapping.v_start);
    CHECK(mapping.v_end <= MACH2PHYS_VIRT_END);
    CHECK(mapping.max_mfn + 1 >= (uint64_t)memory_op(XENMEM_maximum_ram_page, NULL));
}

TEST("the machine-to-physical table is the inverse of the frame list")
{
    unsigned wrong = 0;

    for (uint64_t pfn = 0; pfn < 1024; pfn++) {
        wrong += !m2p_says(pfn_to_mfn(pfn), pfn);
    }
    CHECK_EQ(wrong, 0);
}

struct e820_entry {
    uint64_t address, size;
    uint32_t type;
} __attribute__((packed));

static long map_of(unsigned command, struct e820_entry *entries, unsigned *count)
{
    struct xen_memory_map map = {.nr_entries = *count};
    long error;

    set_xen_guest_handle(map.buffer, entries);
    error = memory_op(command, &map);
    *count = map.nr_entries;
    return error;
}

TEST("domain 0 gets the machine's memory map, with RAM in it")
{
    static struct e820_entry entries[128];
    unsigned count = 128;
    uint64_t ram = 0;

    CHECK_OK(map_of(XENMEM_machine_memory_map, entries, &count));
    CHECK(count > 1 && count < 128);
    for (unsigned i = 0; i < count; i++) {
        ram += entries[i].type == 1 ? entries[i].size : 0;
    }
    CHECK(ram >> PAGE_SHIFT >= start_info->nr_pages);
}

TEST("a memory map is sorted and its entries do not overlap")
{
    static struct e820_entry entries[128];
    unsigned count = 128;

    CHECK_OK(map_of(XENMEM_machine_memory_map, entries, &count));
    for (unsigned i = 1; i < count; i++) {
        CHECK(entries[i].address >= entries[i - 1].address + entries[i - 1].size);
    }
}

TEST("a memory map that has no room gets -EINVAL, not a part of it")
{
    static struct e820_entry entries[2];
    unsigned count = 2;

    CHECK_ERR(map_of(XENMEM_machine_memory_map, entries, &count), XEN_EINVAL);
}

TEST("a domain without a memory map of its own gets -ENOSYS for it")
{
    static struct e820_entry entries[128];
    unsigned count = 128;

    CHECK_ERR(map_of(XENMEM_memory_map, entries, &count), XEN_ENOSYS);
}

TEST("an operation nobody knows gets -ENOSYS")
{
    CHECK_ERR(memory_op(63, NULL), XEN_ENOSYS);
}

TEST("a structure that is not there gets -EFAULT")
{
    CHECK_ERR(memory_op(XENMEM_current_reservation, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(memory_op(XENMEM_machphys_mapping, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(memory_op(XENMEM_exchange, (void *)SPARE_VA), XEN_EFAULT);
}
