// SPDX-License-Identifier: Apache-2.0
// Mapping what another domain granted, and ending it: by virtual address and by page-table entry,
// read-only and writable, after revocation, and over either domain's death (grant_table.h).

#include "domu.h"
#include "foreign.h"
#include "grant.h"
#include "tap.h"

#define REF        20
#define REF_BEYOND 100000
#define MAP_RW     GNTMAP_host_map
#define MAP_RO     (GNTMAP_host_map | GNTMAP_readonly)

static struct domu domu, other;
static grant_handle_t handle;

#define IN_DOMU(function, data) domu_call(&domu, (function), &(data), sizeof(data))

// A page of the first domain that nothing there uses for anything else.
static xen_pfn_t granted(void)
{
    return domu.domain.frames[domu.domain.frame_count - 1];
}

static void domu_grants(uint16_t flags, domid_t to)
{
    struct grant grant = {.ref = REF, .domid = to, .frame = granted(), .flags = flags};

    CHECK_OK(IN_DOMU(grant_set_there, grant));
}

static uint16_t domu_flags(void)
{
    grant_ref_t ref = REF;

    return (uint16_t)IN_DOMU(grant_flags_there, ref);
}

static int map(uint32_t flags, unsigned page)
{
    return grant_map(domu.domain.domid, REF, flags, POINTER(grant_window(page)), &handle);
}

static int unmap(unsigned page)
{
    return grant_unmap(handle, POINTER(grant_window(page)));
}

static uint64_t window_pte(unsigned page)
{
    return *pte_lookup(grant_window(page), 1);
}

TEST("both domains have grant tables")
{
    unsigned version = 1;

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(grant_init(1, 1));
    CHECK_OK(IN_DOMU(grant_init_there, version));
}

// ---- mapping ----------------------------------------------------------------------------------
TEST("a granted page is mapped where the call says")
{
    domu_grants(GTF_permit_access, 0);
    CHECK_EQ(map(MAP_RW, 0), GNTST_okay);
    CHECK_EQ(virt_to_mfn(grant_window(0)), granted());
    CHECK_EQ(window_pte(0) & (PTE_PRESENT | PTE_WRITE), PTE_PRESENT | PTE_WRITE);
}

TEST("what is written there, the granter's memory has")
{
    xen_pfn_t frame = granted();
    volatile uint64_t *mine = (volatile uint64_t *)grant_window(0);
    volatile uint64_t *page = foreign_map(domu.domain.domid, &frame, 1, PTE_KERNEL_RO, NULL);

    *mine = 0xfeed;
    CHECK_EQ(*page, 0xfeed);
    foreign_unmap((void *)page, 1);
}

TEST("the entry shows that it is read and written")
{
    CHECK_EQ(domu_flags(), GTF_permit_access | GTF_reading | GTF_writing);
}

TEST("unmapping takes the entry of the page table and the marks away")
{
    CHECK_EQ(unmap(0), GNTST_okay);
    CHECK_EQ(window_pte(0), 0);
    CHECK_EQ(domu_flags(), GTF_permit_access);
}

TEST("a handle ends with its mapping")
{
    CHECK_EQ(unmap(0), GNTST_bad_handle);
}

TEST("handles that never were are refused")
{
    CHECK_EQ(grant_unmap(0xfffff, POINTER(grant_window(0))), GNTST_bad_handle);
    CHECK_EQ(grant_unmap(UINT32_MAX, POINTER(grant_window(0))), GNTST_bad_handle);
}

TEST("a read-only mapping is not writable, and marks the entry as read only")
{
    CHECK_EQ(map(MAP_RO, 0), GNTST_okay);
    CHECK_EQ(window_pte(0) & (PTE_PRESENT | PTE_WRITE), PTE_PRESENT);
    CHECK_EQ(domu_flags(), GTF_permit_access | GTF_reading);
    CHECK_EQ(unmap(0), GNTST_okay);
}

TEST("a read-only grant is mapped read-only and not writable")
{
    domu_grants(GTF_permit_access | GTF_readonly, 0);
    CHECK_EQ(map(MAP_RW, 0), GNTST_general_error);
    CHECK_EQ(map(MAP_RO, 0), GNTST_okay);
    CHECK_EQ(unmap(0), GNTST_okay);
    domu_grants(GTF_permit_access, 0);
}

TEST("several mappings of one grant end one by one, the marks with the last")
{
    grant_handle_t first, second;

    CHECK_EQ(map(MAP_RW, 0), GNTST_okay);
    first = handle;
    CHECK_EQ(map(MAP_RO, 1), GNTST_okay);
    second = handle;
    CHECK(first != second);
    CHECK_EQ(grant_unmap(first, POINTER(grant_window(0))), GNTST_okay);
    CHECK_EQ(domu_flags(), GTF_permit_access | GTF_reading);
    CHECK_EQ(grant_unmap(second, POINTER(grant_window(1))), GNTST_okay);
    CHECK_EQ(domu_flags(), GTF_permit_access);
}

TEST("the address on the bus is told for a mapping by a device, and its mark is kept")
{
    struct gnttab_map_grant_ref both = {.host_addr = POINTER(grant_window(0)),
                                        .flags = GNTMAP_host_map | GNTMAP_device_map,
                                        .ref = REF,
                                        .dom = domu.domain.domid};
    struct gnttab_unmap_grant_ref end = {.host_addr = POINTER(grant_window(0))};

    CHECK_EQ(GRANT_OP(GNTTABOP_map_grant_ref, both), GNTST_okay);
    CHECK_EQ(both.dev_bus_addr, granted() << PAGE_SHIFT);
    end.handle = both.handle;
    end.dev_bus_addr = both.dev_bus_addr;
    CHECK_EQ(GRANT_OP(GNTTABOP_unmap_grant_ref, end), GNTST_okay);
    CHECK_EQ(domu_flags(), GTF_permit_access);
}

TEST("a mapping for the application too is a user page")
{
    CHECK_EQ(map(MAP_RW | GNTMAP_application_map, 0), GNTST_okay);
    CHECK(window_pte(0) & PTE_USER);
    CHECK_EQ(unmap(0), GNTST_okay);
}

// ---- errors -----------------------------------------------------------------------------------
TEST("a reference that is beyond the table, not granted, or reserved for others is refused")
{
    CHECK_EQ(grant_map(domu.domain.domid, REF_BEYOND, MAP_RW, POINTER(grant_window(0)), &handle),
             GNTST_bad_gntref);
    CHECK_EQ(grant_map(domu.domain.domid, REF + 1, MAP_RW, POINTER(grant_window(0)), &handle),
             GNTST_general_error);
    domu_grants(GTF_permit_access, 99);
    CHECK_EQ(map(MAP_RW, 0), GNTST_general_error);
    domu_grants(GTF_invalid, 0);
    CHECK_EQ(map(MAP_RW, 0), GNTST_general_error);
    domu_grants(GTF_accept_transfer, 0);
    CHECK_EQ(map(MAP_RW, 0), GNTST_general_error);
    domu_grants(GTF_permit_access, 0);
}

TEST("a domain that is not there is refused")
{
    CHECK_EQ(grant_map(777, REF, MAP_RW, POINTER(grant_window(0)), &handle), GNTST_bad_domain);
    CHECK_EQ(grant_map(DOMID_INVALID, REF, MAP_RW, POINTER(grant_window(0)), &handle),
             GNTST_bad_domain);
}

TEST("a mapping for nobody is refused")
{
    CHECK_EQ(map(GNTMAP_readonly, 0), GNTST_bad_gntref);
}

TEST("an address without tables below it, or in the hypervisor's range, is refused")
{
    CHECK(grant_map(domu.domain.domid, REF, MAP_RW, 0xffffcf0000000000ul, &handle) < 0);
    CHECK(grant_map(domu.domain.domid, REF, MAP_RW, 0xffff808000000000ul, &handle) < 0);
    CHECK(grant_map(domu.domain.domid, REF, MAP_RW, 1ul << 60, &handle) < 0);
    CHECK_EQ(domu_flags(), GTF_permit_access);
}

TEST("a wrong address at the end of a mapping changes nothing")
{
    CHECK_EQ(map(MAP_RW, 0), GNTST_okay);
    CHECK(unmap(1) != GNTST_okay);
    CHECK_EQ(virt_to_mfn(grant_window(0)), granted());
    CHECK_EQ(unmap(0), GNTST_okay);
}

TEST("operations that cannot be read get -EFAULT, unknown ones -ENOSYS")
{
    CHECK_ERR(grant_table_op(GNTTABOP_map_grant_ref, (void *)SPARE_VA, 1), XEN_EFAULT);
    CHECK_ERR(grant_table_op(GNTTABOP_unmap_grant_ref, (void *)SPARE_VA, 1), XEN_EFAULT);
    CHECK_ERR(grant_table_op(99, &handle, 1), XEN_ENOSYS);
}

TEST("in a batch each operation has its own status")
{
    static struct gnttab_map_grant_ref maps[3];
    static struct gnttab_unmap_grant_ref ends[3];

    for (unsigned i = 0; i < 3; i++) {
        maps[i] = (struct gnttab_map_grant_ref){.host_addr = POINTER(grant_window(i)),
                                                .flags = MAP_RW,
                                                .ref = i == 1 ? REF_BEYOND : REF,
                                                .dom = domu.domain.domid};
    }
    CHECK_OK(grant_table_op(GNTTABOP_map_grant_ref, maps, 3));
    CHECK_EQ(maps[0].status, GNTST_okay);
    CHECK_EQ(maps[1].status, GNTST_bad_gntref);
    CHECK_EQ(maps[2].status, GNTST_okay);
    for (unsigned i = 0; i < 3; i++) {
        ends[i] = (struct gnttab_unmap_grant_ref){.host_addr = POINTER(grant_window(i)),
                                                  .handle = i == 1 ? UINT32_MAX : maps[i].handle};
    }
    CHECK_OK(grant_table_op(GNTTABOP_unmap_grant_ref, ends, 3));
    CHECK_EQ(ends[0].status, GNTST_okay);
    CHECK_EQ(ends[1].status, GNTST_bad_handle);
    CHECK_EQ(ends[2].status, GNTST_okay);
}

// ---- by page-table entry ----------------------------------------------------------------------
static uint64_t entry_maddr(unsigned page)
{
    return pte_maddr(pte_lookup(grant_window(page), 1));
}

TEST("a mapping can name its page-table entry instead of an address")
{
    CHECK_EQ(
        grant_map(domu.domain.domid, REF, MAP_RW | GNTMAP_contains_pte, entry_maddr(0), &handle),
        GNTST_okay);
    CHECK_EQ(virt_to_mfn(grant_window(0)), granted());
    CHECK_EQ(grant_unmap(handle, entry_maddr(0)), GNTST_okay);
    CHECK_EQ(window_pte(0), 0);
}

TEST("an entry that is not in a page table of level 1 is refused")
{
    uint64_t in_l4 = pte_maddr(pte_lookup(grant_window(0), 4));

    CHECK(grant_map(domu.domain.domid, REF, MAP_RW | GNTMAP_contains_pte, in_l4, &handle) < 0);
    CHECK(grant_map(domu.domain.domid, REF, MAP_RW | GNTMAP_contains_pte,
                    virt_to_maddr(page_alloc()), &handle) < 0);
    CHECK(grant_map(domu.domain.domid, REF, MAP_RW | GNTMAP_contains_pte, 1ul << 50, &handle) < 0);
    CHECK_EQ(domu_flags(), GTF_permit_access);
}

// ---- replace ----------------------------------------------------------------------------------
TEST("unmap_and_replace puts another mapping in the place of the granted one")
{
    char *page = page_alloc();
    struct gnttab_unmap_and_replace replace = {.host_addr = POINTER(grant_window(0))};
    uint64_t mfn = virt_to_mfn(page);

    CHECK_OK(update_va_mapping(grant_window(1), pte_of(page, PTE_KERNEL_RW), UVMF_INVLPG));
    CHECK_EQ(map(MAP_RW, 0), GNTST_okay);
    replace.handle = handle;
    replace.new_addr = POINTER(grant_window(1));
    CHECK_EQ(GRANT_OP(GNTTABOP_unmap_and_replace, replace), GNTST_okay);
    CHECK_EQ(virt_to_mfn(grant_window(0)), mfn);
    CHECK_EQ(window_pte(1), 0);
    CHECK_EQ(domu_flags(), GTF_permit_access);
    CHECK_OK(update_va_mapping(grant_window(0), 0, UVMF_INVLPG));
}

// ---- revocation -------------------------------------------------------------------------------
TEST("what is mapped stays mapped when the grant is revoked, and is not mapped again")
{
    grant_handle_t first;
    grant_ref_t ref = REF;

    CHECK_EQ(map(MAP_RW, 0), GNTST_okay);
    first = handle;
    CHECK_OK(IN_DOMU(grant_revoke_there, ref));
    *(volatile uint64_t *)grant_window(0) = 1;
    CHECK_EQ(domu_flags(), GTF_reading | GTF_writing);
    CHECK_EQ(grant_unmap(first, POINTER(grant_window(0))), GNTST_okay);
    CHECK_EQ(domu_flags(), 0);
    CHECK_EQ(map(MAP_RW, 0), GNTST_general_error);
    domu_grants(GTF_permit_access, 0);
}

TEST("a page that is granted and mapped writable does not become a page table")
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = granted()};

    CHECK_EQ(map(MAP_RW, 0), GNTST_okay);
    memset(grant_window(0), 0, PAGE_SIZE);
    CHECK(mmuext_op(&op, 1, NULL, domu.domain.domid) < 0);
    CHECK_EQ(unmap(0), GNTST_okay);
    CHECK_OK(mmuext_op(&op, 1, NULL, domu.domain.domid));
    CHECK(map(MAP_RW, 0) < 0);
    CHECK_EQ(map(MAP_RO, 0), GNTST_okay);
    CHECK_EQ(unmap(0), GNTST_okay);
    op.cmd = MMUEXT_UNPIN_TABLE;
    CHECK_OK(mmuext_op(&op, 1, NULL, domu.domain.domid));
}

TEST("a frame that is not the granter's own is refused")
{
    struct grant grant = {
        .ref = REF, .domid = 0, .frame = virt_to_mfn(page_alloc()), .flags = GTF_permit_access};

    CHECK_OK(IN_DOMU(grant_set_there, grant));
    CHECK(map(MAP_RO, 0) < 0);
    grant.frame = 0xffffffff;
    CHECK_OK(IN_DOMU(grant_set_there, grant));
    CHECK(map(MAP_RO, 0) < 0);
    domu_grants(GTF_permit_access, 0);
}

// ---- the other way, and the end ---------------------------------------------------------------
static char *mine;

static struct grant_map_wish wish_for(unsigned page, uint32_t flags)
{
    return (struct grant_map_wish){.ref = REF, .domid = 0, .flags = flags, .page = page};
}

static void domain0_grants(uint16_t flags, domid_t to)
{
    struct grant grant = {.ref = REF, .domid = to, .frame = virt_to_mfn(mine), .flags = flags};

    grant_set(&grant);
}

static long write_window(void *data)
{
    *(volatile uint64_t *)grant_window(0) = *(uint64_t *)data;
    return 0;
}

TEST("another domain maps what domain 0 granted it, and writes there")
{
    struct grant_map_wish wish = wish_for(0, MAP_RW);
    uint64_t value = 0xabcdef;

    mine = page_alloc();
    domain0_grants(GTF_permit_access, domu.domain.domid);
    CHECK_EQ(IN_DOMU(grant_map_there, wish), GNTST_okay);
    CHECK_OK(IN_DOMU(write_window, value));
    CHECK_EQ(*(volatile uint64_t *)mine, 0xabcdef);
    CHECK_EQ(grant_flags(REF), GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(IN_DOMU(grant_unmap_there, wish), GNTST_okay);
    CHECK_EQ(grant_flags(REF), GTF_permit_access);
}

TEST("a write to what it mapped read-only is a page fault there")
{
    struct grant_map_wish wish = wish_for(0, MAP_RO);
    uint64_t value = 1;

    CHECK_EQ(IN_DOMU(grant_map_there, wish), GNTST_okay);
    CHECK_EQ(IN_DOMU(write_window, value), DOMU_TRAPPED);
    CHECK_EQ(domu.mailbox->vector, VECTOR_PF);
    CHECK_EQ(domu.mailbox->error_code & (PF_PRESENT | PF_WRITE), PF_PRESENT | PF_WRITE);
    CHECK_EQ(*(volatile uint64_t *)mine, 0xabcdef);
    CHECK_EQ(IN_DOMU(grant_unmap_there, wish), GNTST_okay);
}

TEST("a third domain cannot map it")
{
    struct grant_map_wish wish = wish_for(0, MAP_RO);

    CHECK_OK(domu_start(&other, NULL));
    CHECK_EQ(domu_call(&other, grant_map_there, &wish, sizeof(wish)), GNTST_general_error);
    CHECK(domu_kill(&other));
}

TEST("a domain that dies with mappings gives them back")
{
    struct grant_map_wish first = wish_for(0, MAP_RW), second = wish_for(1, MAP_RO);

    CHECK_EQ(IN_DOMU(grant_map_there, first), GNTST_okay);
    CHECK_EQ(IN_DOMU(grant_map_there, second), GNTST_okay);
    CHECK(domu_kill(&domu));
    CHECK_EQ(grant_flags(REF), GTF_permit_access);
    memset(mine, 0, PAGE_SIZE);
    CHECK_OK(page_make_readonly(mine));
    CHECK_OK(mmuext_frame(MMUEXT_PIN_L1_TABLE, virt_to_mfn(mine)));
    CHECK_OK(mmuext_frame(MMUEXT_UNPIN_TABLE, virt_to_mfn(mine)));
}

static uint64_t frames_before;
static grant_handle_t last_handle;

TEST("a granter that dies stays dying until the last mapping of its pages ends")
{
    unsigned version = 1;

    frames_before = free_frames_settled();
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(IN_DOMU(grant_init_there, version));
    domu_grants(GTF_permit_access, 0);
    CHECK_EQ(map(MAP_RW, 0), GNTST_okay);
    last_handle = handle;
    foreign_unmap(domu.mailbox, 1);
    domu.mailbox = NULL;
    CHECK_OK(domain_destroy(domu.domain.domid));
    CHECK(domain_flags(domu.domain.domid) & XEN_DOMINF_dying);
    *(volatile uint64_t *)grant_window(0) = 5;
    CHECK_EQ(*(volatile uint64_t *)grant_window(0), 5);
}

TEST("then it is gone, and all its memory is free")
{
    CHECK(domain_flags(domu.domain.domid) & XEN_DOMINF_dying);
    CHECK_EQ(grant_unmap(last_handle, POINTER(grant_window(0))), GNTST_okay);
    CHECK(domu_kill(&domu));
    CHECK(free_frames_return_to(frames_before));
}
