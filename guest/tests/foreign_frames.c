// SPDX-License-Identifier: Apache-2.0
// Frames of other domains: what domain 0 may map and is told of them, and what nobody else may.

#include "domu.h"
#include "foreign.h"
#include "tap.h"

static struct domu domu, other;

static xen_pfn_t data_frame(const struct domu *of)
{
    return of->domain.frames[of->domain.frame_count - 1];
}

static long map_result(domid_t domid, xen_pfn_t frame, uint64_t flags)
{
    long error;
    void *page = foreign_map(domid, &frame, 1, flags, &error);

    if (page != NULL) {
        foreign_unmap(page, 1);
    }
    return error;
}

TEST("two domains run beside domain 0")
{
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(domu_start(&other, NULL));
    CHECK(domu.domain.domid != other.domain.domid);
}

TEST("domain 0 maps another domain's memory for reading and writing")
{
    CHECK_OK(map_result(domu.domain.domid, data_frame(&domu), PTE_KERNEL_RW));
    CHECK_OK(map_result(domu.domain.domid, data_frame(&domu), PTE_KERNEL_RO));
}

TEST("it has to say whose the frame is")
{
    CHECK(map_result(DOMID_SELF, data_frame(&domu), PTE_KERNEL_RO) < 0);
    CHECK(map_result(other.domain.domid, data_frame(&domu), PTE_KERNEL_RO) < 0);
    CHECK(map_result(DOMID_IO, data_frame(&domu), PTE_KERNEL_RO) < 0);
    CHECK(map_result(domu.domain.domid, virt_to_mfn(page_alloc()), PTE_KERNEL_RO) < 0);
}

static uint64_t domu_word;

static long write_word(void *data)
{
    domu_word = 0x1234;
    return 0;
}

TEST("what one side writes the other reads")
{
    xen_pfn_t frame = domain_frame(&domu.domain, &domu_word);
    char *page = foreign_map(domu.domain.domid, &frame, 1, PTE_KERNEL_RW, NULL);
    uint64_t offset = POINTER(&domu_word) & ~PAGE_MASK;
    int none = 0;

    CHECK(page != NULL);
    CHECK_OK(domu_call(&domu, write_word, &none, sizeof(none)));
    CHECK_EQ(*(volatile uint64_t *)(page + offset), 0x1234);
    CHECK_EQ(domu_word, 0);
    foreign_unmap(page, 1);
}

TEST("its page tables are mapped read-only and never writable")
{
    CHECK_OK(map_result(domu.domain.domid, domu.domain.l4_mfn, PTE_KERNEL_RO));
    CHECK(map_result(domu.domain.domid, domu.domain.l4_mfn, PTE_KERNEL_RW) < 0);
}

TEST("a frame that domain 0 maps writable does not become a page table")
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = data_frame(&domu)};
    xen_pfn_t frame = data_frame(&domu);
    char *page = foreign_map(domu.domain.domid, &frame, 1, PTE_KERNEL_RW, NULL);

    CHECK(page != NULL);
    memset(page, 0, PAGE_SIZE);
    CHECK(mmuext_op(&op, 1, NULL, domu.domain.domid) < 0);
    foreign_unmap(page, 1);
    CHECK_OK(mmuext_op(&op, 1, NULL, domu.domain.domid));
    CHECK(map_result(domu.domain.domid, frame, PTE_KERNEL_RW) < 0);
    op.cmd = MMUEXT_UNPIN_TABLE;
    CHECK_OK(mmuext_op(&op, 1, NULL, domu.domain.domid));
    CHECK_OK(map_result(domu.domain.domid, frame, PTE_KERNEL_RW));
}

TEST("its shared page is domain 0's to map too")
{
    CHECK_OK(map_result(domu.domain.domid, domu.domain.shared_info_mfn, PTE_KERNEL_RW));
}

// ---- the other way ----------------------------------------------------------------------------
struct wish {
    uint64_t frame;
    uint64_t flags;
    uint32_t domid;
};

static long map_there(void *data)
{
    const struct wish *wish = data;
    static const uint64_t *pte;
    struct mmu_update request;

    if (pte == NULL) {
        pte = pte_lookup(map_spare(SPARE_VA), 1);
    }
    request =
        (struct mmu_update){.ptr = pte_maddr(pte), .val = wish->frame << PAGE_SHIFT | wish->flags};
    return mmu_update(&request, 1, NULL, wish->domid);
}

static long wish_of(uint64_t frame, uint64_t flags, uint32_t domid)
{
    struct wish wish = {frame, flags, domid};

    return domu_call(&domu, map_there, &wish, sizeof(wish));
}

TEST("another domain maps its own frames")
{
    CHECK_OK(wish_of(data_frame(&domu), PTE_KERNEL_RW, DOMID_SELF));
    CHECK_OK(wish_of(0, 0, DOMID_SELF));
}

TEST("it does not map domain 0's frames, whatever it says")
{
    uint64_t frame = virt_to_mfn(page_alloc());

    CHECK(wish_of(frame, PTE_KERNEL_RO, DOMID_SELF) < 0);
    CHECK(wish_of(frame, PTE_KERNEL_RO, DOMID_IO) < 0);
    CHECK(wish_of(frame, PTE_KERNEL_RO, DOMID_XEN) < 0);
    CHECK_ERR(wish_of(frame, PTE_KERNEL_RO, 0), XEN_EPERM);
}

TEST("it does not map a third domain's frames")
{
    CHECK(wish_of(data_frame(&other), PTE_KERNEL_RO, DOMID_SELF) < 0);
    CHECK_ERR(wish_of(data_frame(&other), PTE_KERNEL_RO, other.domain.domid), XEN_EPERM);
}

TEST("it maps no device memory, and nothing of the hypervisor's")
{
    CHECK(wish_of(0xb8, PTE_KERNEL_RW, DOMID_IO) < 0);
    CHECK(wish_of(0xfec00, PTE_KERNEL_RW, DOMID_IO) < 0);
    CHECK(wish_of(0xfee00, PTE_KERNEL_RW, DOMID_SELF) < 0);
    CHECK(wish_of(0x100, PTE_KERNEL_RW, DOMID_XEN) < 0);
}

TEST("it does not edit the page tables of others")
{
    CHECK_ERR(wish_of(0, 0, DOMID_SELF | (other.domain.domid + 1u) << 16), XEN_EPERM);
    CHECK_ERR(wish_of(0, 0, DOMID_SELF | 1u << 16), XEN_EPERM);
}

struct pin {
    uint64_t frame;
    uint32_t command, domid;
};

static long extended_there(void *data)
{
    const struct pin *pin = data;
    struct mmuext_op op = {.cmd = pin->command, .arg1.mfn = pin->frame};

    return mmuext_op(&op, 1, NULL, pin->domid);
}

TEST("it does not pin, clear or use the frames of others")
{
    static const uint32_t commands[] = {MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L4_TABLE,
                                        MMUEXT_UNPIN_TABLE,  MMUEXT_NEW_BASEPTR,
                                        MMUEXT_CLEAR_PAGE,   MMUEXT_NEW_USER_BASEPTR};

    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct pin pin = {virt_to_mfn(live_l4()), commands[i], DOMID_SELF};
        CHECK(domu_call(&domu, extended_there, &pin, sizeof(pin)) < 0);
        pin.frame = data_frame(&other);
        pin.domid = other.domain.domid;
        CHECK_ERR(domu_call(&domu, extended_there, &pin, sizeof(pin)), XEN_EPERM);
    }
}

TEST("it neither gives itself memory beyond its bound nor touches another's reservation")
{
    xen_pfn_t frame = 300;
    struct xen_memory_reservation reservation = {.nr_extents = 1, .domid = DOMID_SELF};

    set_xen_guest_handle(reservation.extent_start, &frame);
    reservation.domid = other.domain.domid;
    CHECK(domu_memory_op(&domu, XENMEM_populate_physmap, &reservation, sizeof(reservation)) <= 0);
    reservation.domid = 0;
    CHECK(domu_memory_op(&domu, XENMEM_decrease_reservation, &reservation, sizeof(reservation)) <=
          0);
}

// ---- what domain 0 is told --------------------------------------------------------------------
TEST("the domain's own number of pages is told, and its bounds")
{
    struct xen_domctl_getdomaininfo info;
    domid_t domid = domu.domain.domid;

    CHECK_OK(domain_info(domid, &info));
    CHECK_EQ(info.tot_pages, domu.domain.frame_count);
    CHECK_EQ(info.max_pages, domu.domain.frame_count);
    CHECK_EQ(memory_op(XENMEM_current_reservation, &domid), (long)domu.domain.frame_count);
    CHECK_EQ(memory_op(XENMEM_maximum_reservation, &domid), (long)domu.domain.frame_count);
}

TEST("domain 0 takes pages from a domain and gives others")
{
    xen_pfn_t frame = data_frame(&domu);
    struct xen_memory_reservation reservation = {.nr_extents = 1, .domid = domu.domain.domid};

    set_xen_guest_handle(reservation.extent_start, &frame);
    CHECK_EQ(memory_op(XENMEM_decrease_reservation, &reservation), 1);
    frame = domu.domain.first_pfn + domu.domain.frame_count - 1;
    CHECK_EQ(memory_op(XENMEM_populate_physmap, &reservation), 1);
    CHECK_OK(map_result(domu.domain.domid, frame, PTE_KERNEL_RW));
    CHECK_EQ(mfn_to_pfn(frame), domu.domain.first_pfn + domu.domain.frame_count - 1);
}

TEST("both domains go, and nothing stays")
{
    CHECK(domu_kill(&domu));
    CHECK(domu_kill(&other));
}
