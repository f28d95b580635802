// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_copy between domains, in every direction, and moving pages for good by
// GNTTABOP_transfer (public header grant_table.h).

#include "domu.h"
#include "foreign.h"
#include "grant.h"
#include "tap.h"

#define REF        20
#define OTHER_REF  21
#define REF_BEYOND 100000

static struct domu domu;
static uint8_t *mine; // domain 0's page
static uint8_t *seen; // the other domain's granted page, as domain 0 sees it

#define IN_DOMU(function, data) domu_call(&domu, (function), &(data), sizeof(data))

static xen_pfn_t granted(void)
{
    return domu.domain.frames[domu.domain.frame_count - 1];
}

static void domu_grants(grant_ref_t ref, uint16_t flags, domid_t to)
{
    struct grant grant = {.ref = ref, .domid = to, .frame = granted(), .flags = flags};

    CHECK_OK(IN_DOMU(grant_set_there, grant));
}

static void fill(uint8_t *page, uint8_t first)
{
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        page[i] = (uint8_t)(first + i * 3);
    }
}

// From the other domain's granted page into domain 0's own, if a test changes nothing.
static struct gnttab_copy into_mine(void)
{
    return (struct gnttab_copy){
        .source = {.u.ref = REF, .domid = domu.domain.domid},
        .dest = {.u.gmfn = virt_to_mfn(mine), .domid = DOMID_SELF},
        .len = 64,
        .flags = GNTCOPY_source_gref,
    };
}

static struct gnttab_copy into_granted(void)
{
    return (struct gnttab_copy){
        .source = {.u.gmfn = virt_to_mfn(mine), .domid = DOMID_SELF},
        .dest = {.u.ref = REF, .domid = domu.domain.domid},
        .len = 64,
        .flags = GNTCOPY_dest_gref,
    };
}

#define COPY(copy) GRANT_OP(GNTTABOP_copy, copy)

TEST("a domain grants a page to domain 0")
{
    unsigned version = 1;
    xen_pfn_t frame;

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(grant_init(1, 1));
    CHECK_OK(IN_DOMU(grant_init_there, version));
    domu_grants(REF, GTF_permit_access, 0);
    mine = page_alloc();
    frame = granted();
    seen = foreign_map(domu.domain.domid, &frame, 1, PTE_KERNEL_RW, NULL);
    CHECK(seen != NULL);
}

TEST("bytes are copied from a granted page into a page of one's own, and no others")
{
    struct gnttab_copy copy = into_mine();

    fill(seen, 7);
    memset(mine, 0, PAGE_SIZE);
    copy.source.offset = 100;
    copy.dest.offset = 33;
    CHECK_EQ(COPY(copy), GNTST_okay);
    CHECK_EQ(memcmp(mine + 33, seen + 100, 64), 0);
    CHECK_EQ(mine[32], 0);
    CHECK_EQ(mine[33 + 64], 0);
}

TEST("and from a page of one's own into a granted one")
{
    struct gnttab_copy copy = into_granted();

    fill(mine, 99);
    copy.len = PAGE_SIZE;
    CHECK_EQ(COPY(copy), GNTST_okay);
    CHECK_EQ(memcmp(mine, seen, PAGE_SIZE), 0);
}

TEST("and from one granted page into another, both named by their grants")
{
    struct gnttab_copy copy = into_granted();
    struct grant grant = {
        .ref = OTHER_REF, .domid = 0, .frame = virt_to_mfn(mine), .flags = GTF_permit_access};

    grant_set(&grant);
    fill(mine, 3);
    memset(seen, 0, PAGE_SIZE);
    copy.source.u.ref = OTHER_REF;
    copy.source.domid = DOMID_SELF;
    copy.flags |= GNTCOPY_source_gref;
    CHECK_EQ(COPY(copy), GNTST_okay);
    CHECK_EQ(memcmp(mine, seen, 64), 0);
}

TEST("and between two pages of one's own")
{
    uint8_t *second = page_alloc();
    struct gnttab_copy copy = into_mine();

    copy.flags = 0;
    copy.source.u.gmfn = virt_to_mfn(mine);
    copy.source.domid = DOMID_SELF;
    copy.dest.u.gmfn = virt_to_mfn(second);
    CHECK_EQ(COPY(copy), GNTST_okay);
    CHECK_EQ(memcmp(mine, second, 64), 0);
}

TEST("a copy leaves no mark on the entry")
{
    grant_ref_t ref = REF;

    CHECK_EQ(IN_DOMU(grant_flags_there, ref), GTF_permit_access);
}

TEST("nothing is a length too")
{
    struct gnttab_copy copy = into_mine();

    copy.len = 0;
    CHECK_EQ(COPY(copy), GNTST_okay);
}

TEST("a copy does not leave its pages")
{
    struct gnttab_copy copy = into_mine();

    copy.source.offset = PAGE_SIZE - 63;
    CHECK_EQ(COPY(copy), GNTST_bad_copy_arg);
    copy = into_mine();
    copy.dest.offset = PAGE_SIZE - 63;
    CHECK_EQ(COPY(copy), GNTST_bad_copy_arg);
    copy.dest.offset = PAGE_SIZE - 64;
    CHECK_EQ(COPY(copy), GNTST_okay);
    copy.dest.offset = UINT16_MAX;
    copy.len = UINT16_MAX;
    CHECK_EQ(COPY(copy), GNTST_bad_copy_arg);
}

TEST("a read-only grant is copied from and not into")
{
    struct gnttab_copy copy = into_granted();

    domu_grants(REF, GTF_permit_access | GTF_readonly, 0);
    CHECK_EQ(COPY(copy), GNTST_general_error);
    copy = into_mine();
    CHECK_EQ(COPY(copy), GNTST_okay);
    domu_grants(REF, GTF_permit_access, 0);
}

TEST("a grant for somebody else, or none, is refused")
{
    struct gnttab_copy copy = into_mine();

    domu_grants(REF, GTF_permit_access, 99);
    CHECK_EQ(COPY(copy), GNTST_general_error);
    domu_grants(REF, GTF_permit_access, 0);
    copy.source.u.ref = REF + 5;
    CHECK_EQ(COPY(copy), GNTST_general_error);
    copy.source.u.ref = REF_BEYOND;
    CHECK_EQ(COPY(copy), GNTST_bad_gntref);
}

TEST("a domain that is not there is refused")
{
    struct gnttab_copy copy = into_mine();

    copy.source.domid = 777;
    CHECK_EQ(COPY(copy), GNTST_bad_domain);
}

TEST("another domain's page is named by a grant and not by its number")
{
    struct gnttab_copy copy = into_mine();

    copy.flags = 0;
    copy.source.u.gmfn = granted();
    CHECK_EQ(COPY(copy), GNTST_permission_denied);
}

TEST("a page that is nobody's, or a page table, is not copied into")
{
    struct gnttab_copy copy = into_mine();

    copy.dest.u.gmfn = 1ul << 40;
    CHECK(COPY(copy) < 0);
    copy.dest.u.gmfn = granted();
    CHECK(COPY(copy) < 0);
    copy.dest.u.gmfn = virt_to_mfn(live_l4());
    CHECK(COPY(copy) < 0);
}

TEST("a batch goes on behind one that fails")
{
    static struct gnttab_copy copies[3];

    for (unsigned i = 0; i < 3; i++) {
        copies[i] = into_mine();
        copies[i].dest.offset = (uint16_t)(i * 100);
    }
    copies[1].source.u.ref = REF_BEYOND;
    memset(mine, 0, PAGE_SIZE);
    CHECK_OK(grant_table_op(GNTTABOP_copy, copies, 3));
    CHECK_EQ(copies[0].status, GNTST_okay);
    CHECK_EQ(copies[1].status, GNTST_bad_gntref);
    CHECK_EQ(copies[2].status, GNTST_okay);
    CHECK_EQ(memcmp(mine + 200, seen, 64), 0);
    CHECK_EQ(mine[100], 0);
}

TEST("a batch that cannot be read gets -EFAULT")
{
    CHECK_ERR(grant_table_op(GNTTABOP_copy, (void *)SPARE_VA, 1), XEN_EFAULT);
}

static long copy_there(void *data)
{
    struct gnttab_copy *copy = data;

    copy->dest.u.gmfn = virt_to_mfn(page_alloc());
    return GRANT_OP(GNTTABOP_copy, *copy);
}

TEST("the other domain copies what domain 0 granted it")
{
    struct gnttab_copy copy = into_mine();
    struct grant grant = {.ref = OTHER_REF,
                          .domid = domu.domain.domid,
                          .frame = virt_to_mfn(mine),
                          .flags = GTF_permit_access};

    grant_set(&grant);
    copy.source.domid = 0;
    copy.source.u.ref = OTHER_REF;
    CHECK_EQ(IN_DOMU(copy_there, copy), GNTST_okay);
    grant_revoke(OTHER_REF);
    CHECK_EQ(IN_DOMU(copy_there, copy), GNTST_general_error);
}

// ---- transfer ---------------------------------------------------------------------------------
#define TRANSFER_REF 30

static long transfer(uint64_t mfn, domid_t to, grant_ref_t ref)
{
    struct gnttab_transfer move = {.mfn = mfn, .domid = to, .ref = ref};

    return GRANT_OP(GNTTABOP_transfer, move);
}

static uint64_t loose_frame(uint8_t mark)
{
    uint8_t *page = page_alloc();
    uint64_t mfn = virt_to_mfn(page);

    memset(page, mark, PAGE_SIZE);
    CHECK_OK(update_va_mapping(page, 0, UVMF_INVLPG));
    return mfn;
}

static long frame_there(void *data)
{
    return (long)grant_frame(*(grant_ref_t *)data);
}

static void domu_accepts(void)
{
    struct grant grant = {.ref = TRANSFER_REF,
                          .domid = 0,
                          .frame = domu.domain.first_pfn + domu.domain.frame_count,
                          .flags = GTF_accept_transfer};

    CHECK_OK(IN_DOMU(grant_set_there, grant));
}

TEST("a page is transferred only to who waits for one, and has room")
{
    uint64_t frame = loose_frame(0x77);

    CHECK(transfer(frame, domu.domain.domid, TRANSFER_REF) < 0);
    domu_accepts();
    diagnose("no room: %ld", transfer(frame, domu.domain.domid, TRANSFER_REF));
}

TEST("a transferred page is the other domain's, with what was in it")
{
    uint64_t frame = loose_frame(0x78);
    struct xen_domctl_getdomaininfo info;
    grant_ref_t ref = TRANSFER_REF;
    xen_pfn_t number = frame;
    uint8_t *page;

    CHECK_OK(domain_max_mem(domu.domain.domid, (domu.domain.frame_count + 8) * 4));
    domu_accepts();
    CHECK_EQ(transfer(frame, domu.domain.domid, TRANSFER_REF), GNTST_okay);
    CHECK_EQ(IN_DOMU(grant_flags_there, ref),
             GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
    CHECK_EQ(IN_DOMU(frame_there, ref), frame);
    CHECK_OK(domain_info(domu.domain.domid, &info));
    CHECK_EQ(info.tot_pages, domu.domain.frame_count + 1);
    page = foreign_map(domu.domain.domid, &number, 1, PTE_KERNEL_RO, NULL);
    CHECK(page != NULL);
    CHECK_EQ(page[5], 0x78);
    foreign_unmap(page, 1);
}

TEST("the giver has it no more")
{
    uint64_t frame = loose_frame(0x79);

    domu_accepts();
    CHECK_EQ(transfer(frame, domu.domain.domid, TRANSFER_REF), GNTST_okay);
    CHECK(update_va_mapping(mine, frame << PAGE_SHIFT | PTE_KERNEL_RO, UVMF_INVLPG) < 0);
}

TEST("a page that is in use, or not the caller's, is not transferred")
{
    domu_accepts();
    CHECK_EQ(transfer(1ul << 40, domu.domain.domid, TRANSFER_REF), GNTST_bad_page);
    CHECK_EQ(transfer(granted(), domu.domain.domid, TRANSFER_REF), GNTST_bad_page);
    CHECK(transfer(virt_to_mfn(live_l4()), domu.domain.domid, TRANSFER_REF) < 0);
}

TEST("a domain that is not there gets nothing")
{
    uint64_t frame = loose_frame(1);

    CHECK(transfer(frame, 777, TRANSFER_REF) < 0);
}

TEST("the domain goes")
{
    foreign_unmap(seen, 1);
    CHECK(domu_kill(&domu));
}
