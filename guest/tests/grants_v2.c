// SPDX-License-Identifier: Apache-2.0
// Version 2 of grant tables: status words, parts of pages, grants handed on; and the operations on
// tables as a whole: versions, sizes, frames, swapping, caches (public header grant_table.h).

#include "domu.h"
#include "grant.h"
#include "tap.h"

#define REF        20
#define SECOND_REF 21
#define MAP_RW     GNTMAP_host_map
#define MAP_RO     (GNTMAP_host_map | GNTMAP_readonly)

static struct domu domu, other;
static grant_handle_t handle;
static uint8_t *mine;

#define IN(who, function, data) domu_call(&(who), (function), &(data), sizeof(data))
#define IN_DOMU(function, data) IN(domu, function, data)

static xen_pfn_t granted(void)
{
    return domu.domain.frames[domu.domain.frame_count - 1];
}

static uint16_t domu_flags(grant_ref_t ref)
{
    return (uint16_t)IN_DOMU(grant_flags_there, ref);
}

static int map(uint32_t flags)
{
    return grant_map(domu.domain.domid, REF, flags, POINTER(grant_window(0)), &handle);
}

static int unmap(void)
{
    return grant_unmap(handle, POINTER(grant_window(0)));
}

static struct gnttab_copy copy_of(uint16_t offset, uint16_t length)
{
    return (struct gnttab_copy){
        .source = {.u.ref = REF, .domid = domu.domain.domid, .offset = offset},
        .dest = {.u.gmfn = virt_to_mfn(mine), .domid = DOMID_SELF},
        .len = length,
        .flags = GNTCOPY_source_gref,
    };
}

#define COPY(copy) GRANT_OP(GNTTABOP_copy, copy)

// ---- versions ---------------------------------------------------------------------------------
static long version_of(domid_t domid)
{
    struct gnttab_get_version get = {.dom = domid};
    long error = grant_table_op(GNTTABOP_get_version, &get, 1);

    return error != 0 ? error : (long)get.version;
}

static long set_version(void *data)
{
    struct gnttab_set_version set = {.version = *(unsigned *)data};

    return grant_table_op(GNTTABOP_set_version, &set, 1);
}

static long there_version_of(void *data)
{
    return version_of(*(domid_t *)data);
}

TEST("a domain's table begins as version 1")
{
    mine = page_alloc();
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_EQ(version_of(domu.domain.domid), 1);
}

TEST("there are the versions 1 and 2 and no other")
{
    unsigned version = 3;

    CHECK_ERR(IN_DOMU(set_version, version), XEN_EINVAL);
    version = 0;
    CHECK_ERR(IN_DOMU(set_version, version), XEN_EINVAL);
    version = 2;
    CHECK_OK(IN_DOMU(set_version, version));
    CHECK_EQ(version_of(domu.domain.domid), 2);
}

TEST("a domain created for version 1 alone does not get version 2")
{
    struct domain_plan plan = plan_whole_image();
    unsigned version = 2;

    plan.config.grant_opts = XEN_DOMCTL_GRANT_version(1);
    CHECK_OK(domu_start(&other, &plan));
    CHECK(IN(other, set_version, version) < 0);
    CHECK_EQ(version_of(other.domain.domid), 1);
    CHECK(domu_kill(&other));
}

TEST("the version of a domain that is not there is not told, nor domain 0's to others")
{
    domid_t domid = 0;

    CHECK_ERR(version_of(777), XEN_ESRCH);
    CHECK_ERR(IN_DOMU(there_version_of, domid), XEN_EPERM);
}

static void domu_grants(uint16_t flags, uint16_t offset, uint16_t length)
{
    struct grant grant = {.ref = REF,
                          .domid = 0,
                          .frame = granted(),
                          .flags = flags,
                          .offset = offset,
                          .length = length};

    CHECK_OK(IN_DOMU(grant_set_there, grant));
}

TEST("in version 2 what is in use is marked in the status word")
{
    unsigned version = 2;

    CHECK_OK(IN_DOMU(grant_init_there, version));
    domu_grants(GTF_permit_access, 0, 0);
    CHECK_EQ(map(MAP_RW), GNTST_okay);
    CHECK_EQ(virt_to_mfn(grant_window(0)), granted());
    CHECK_EQ(domu_flags(REF), GTF_permit_access | GTF_reading | GTF_writing);
}

TEST("the version does not change while a grant is mapped")
{
    unsigned version = 1;

    CHECK_ERR(IN_DOMU(set_version, version), XEN_EBUSY);
    CHECK_EQ(unmap(), GNTST_okay);
    CHECK_EQ(domu_flags(REF), GTF_permit_access);
}

// ---- parts of pages ---------------------------------------------------------------------------
TEST("a part of a page is copied, and nothing beside it")
{
    struct gnttab_copy inside = copy_of(100, 50), before = copy_of(99, 10);
    struct gnttab_copy across = copy_of(140, 20);

    domu_grants(GTF_permit_access | GTF_sub_page, 100, 50);
    CHECK_EQ(COPY(inside), GNTST_okay);
    CHECK_EQ(COPY(before), GNTST_general_error);
    CHECK_EQ(COPY(across), GNTST_general_error);
}

TEST("a part of a page is not mapped")
{
    CHECK(map(MAP_RO) < 0);
    CHECK_EQ(domu_flags(REF), GTF_permit_access | GTF_sub_page);
}

TEST("a part that would leave its page is refused")
{
    struct gnttab_copy copy = copy_of(4000, 96);

    domu_grants(GTF_permit_access | GTF_sub_page, 4000, 200);
    CHECK(COPY(copy) <= 0);
    copy = copy_of(4000, 97);
    CHECK(COPY(copy) < 0);
}

// ---- grants handed on -------------------------------------------------------------------------
struct hand_on {
    grant_ref_t ref, from_ref;
    domid_t domid, from;
};

static long hand_on_there(void *data)
{
    const struct hand_on *wish = data;

    grant_set_transitive(wish->ref, wish->domid, wish->from, wish->from_ref);
    return 0;
}

// The other domain hands on to domain 0 what the first granted it.
TEST("what a domain was granted it hands on, for copying")
{
    struct grant grant = {
        .ref = SECOND_REF, .domid = 0, .frame = granted(), .flags = GTF_permit_access};
    struct hand_on wish = {.ref = REF, .from_ref = SECOND_REF, .domid = 0};
    struct gnttab_copy copy = copy_of(0, 64);
    unsigned version = 2;

    CHECK_OK(domu_start(&other, NULL));
    CHECK_OK(IN(other, grant_init_there, version));
    grant.domid = other.domain.domid;
    CHECK_OK(IN_DOMU(grant_set_there, grant));
    wish.from = domu.domain.domid;
    CHECK_OK(IN(other, hand_on_there, wish));
    copy.source.domid = other.domain.domid;
    memset(mine, 0xcc, PAGE_SIZE);
    CHECK_EQ(COPY(copy), GNTST_okay);
    CHECK(mine[0] != 0xcc);
}

TEST("it is not mapped")
{
    CHECK(grant_map(other.domain.domid, REF, MAP_RO, POINTER(grant_window(0)), &handle) < 0);
}

TEST("it ends with the first grant")
{
    struct gnttab_copy copy = copy_of(0, 64);
    grant_ref_t ref = SECOND_REF;

    CHECK_OK(IN_DOMU(grant_revoke_there, ref));
    copy.source.domid = other.domain.domid;
    CHECK(COPY(copy) < 0);
}

TEST("a grant handed on in a circle is refused, and nobody hangs")
{
    struct hand_on wish = {.ref = REF, .from_ref = REF, .domid = 0};
    struct gnttab_copy copy = copy_of(0, 64);

    wish.from = other.domain.domid;
    CHECK_OK(IN(other, hand_on_there, wish));
    copy.source.domid = other.domain.domid;
    CHECK(COPY(copy) < 0);
    CHECK(domu_kill(&other));
}

// ---- the table as a whole ---------------------------------------------------------------------
TEST("the size of a table is told, domain 0 of any")
{
    struct gnttab_query_size query = {.dom = domu.domain.domid};

    CHECK_EQ(GRANT_OP(GNTTABOP_query_size, query), GNTST_okay);
    CHECK(query.nr_frames >= 1);
    CHECK(query.max_nr_frames >= query.nr_frames);
    query.dom = 777;
    CHECK_EQ(GRANT_OP(GNTTABOP_query_size, query), GNTST_bad_domain);
}

static long query_there(void *data)
{
    struct gnttab_query_size query = {.dom = *(domid_t *)data};

    return GRANT_OP(GNTTABOP_query_size, query);
}

TEST("another domain is told its own only")
{
    domid_t domid = DOMID_SELF;

    CHECK_EQ(IN_DOMU(query_there, domid), GNTST_okay);
    domid = 0;
    CHECK_EQ(IN_DOMU(query_there, domid), GNTST_permission_denied);
}

static int setup(domid_t domid, unsigned count, xen_pfn_t *frames)
{
    struct gnttab_setup_table setup = {.dom = domid, .nr_frames = count};

    set_xen_guest_handle(setup.frame_list, frames);
    return (int)GRANT_OP(GNTTABOP_setup_table, setup);
}

static long setup_there(void *data)
{
    xen_pfn_t frame;

    return setup(*(domid_t *)data, 1, &frame);
}

TEST("domain 0 sets up another domain's table; another domain only its own")
{
    domid_t domid = 0;
    xen_pfn_t frame = 0;

    CHECK_EQ(setup(domu.domain.domid, 1, &frame), GNTST_okay);
    CHECK(frame != 0);
    CHECK_EQ(setup(777, 1, &frame), GNTST_bad_domain);
    CHECK_EQ(IN_DOMU(setup_there, domid), GNTST_permission_denied);
}

TEST("a table does not grow beyond its domain's bound")
{
    struct domain_plan plan = plan_whole_image();
    struct gnttab_query_size query;
    static xen_pfn_t frames[8];

    plan.config.max_grant_frames = 4;
    CHECK_OK(domu_start(&other, &plan));
    query.dom = other.domain.domid;
    CHECK_EQ(GRANT_OP(GNTTABOP_query_size, query), GNTST_okay);
    CHECK_EQ(query.max_nr_frames, 4);
    CHECK_EQ(setup(other.domain.domid, 4, frames), GNTST_okay);
    CHECK(frames[0] != frames[3]);
    CHECK_EQ(setup(other.domain.domid, 5, frames), GNTST_general_error);
    CHECK(domu_kill(&other));
}

static long swap_there(void *data)
{
    grant_ref_t *refs = data;
    struct gnttab_swap_grant_ref swap = {.ref_a = refs[0], .ref_b = refs[1]};

    return GRANT_OP(GNTTABOP_swap_grant_ref, swap);
}

TEST("two entries change places")
{
    grant_ref_t refs[2] = {REF, SECOND_REF};

    domu_grants(GTF_permit_access, 0, 0);
    CHECK_EQ(domu_flags(SECOND_REF), 0);
    CHECK_EQ(IN_DOMU(swap_there, refs), GNTST_okay);
    CHECK_EQ(domu_flags(REF), 0);
    CHECK_EQ(domu_flags(SECOND_REF), GTF_permit_access);
    CHECK_EQ(IN_DOMU(swap_there, refs), GNTST_okay);
}

TEST("entries in use, or beyond the table, do not change places")
{
    grant_ref_t refs[2] = {REF, SECOND_REF};

    CHECK_EQ(map(MAP_RO), GNTST_okay);
    CHECK_EQ(IN_DOMU(swap_there, refs), GNTST_eagain);
    CHECK_EQ(unmap(), GNTST_okay);
    refs[1] = 1000000;
    CHECK_EQ(IN_DOMU(swap_there, refs), GNTST_bad_gntref);
}

TEST("the status frames of a version 1 table are none")
{
    struct gnttab_get_status_frames get = {.nr_frames = 1, .dom = DOMID_SELF};
    uint64_t frame = 0;

    CHECK_OK(grant_init(1, 1));
    set_xen_guest_handle(get.frame_list, &frame);
    CHECK(GRANT_OP(GNTTABOP_get_status_frames, get) < 0);
}

TEST("more status frames than there are cannot be had")
{
    struct gnttab_get_status_frames get = {.nr_frames = 1000, .dom = domu.domain.domid};
    static uint64_t frames[1000];

    set_xen_guest_handle(get.frame_list, frames);
    CHECK_EQ(GRANT_OP(GNTTABOP_get_status_frames, get), GNTST_general_error);
    get.nr_frames = 1;
    CHECK_EQ(GRANT_OP(GNTTABOP_get_status_frames, get), GNTST_okay);
    CHECK(frames[0] != 0);
}

static long flush(uint64_t maddr, uint16_t offset, uint16_t length, uint32_t op)
{
    struct gnttab_cache_flush call = {
        .a.dev_bus_addr = maddr, .offset = offset, .length = length, .op = op};

    return grant_table_op(GNTTABOP_cache_flush, &call, 1);
}

TEST("caches are written back for a page that is mapped by a grant")
{
    uint64_t maddr = granted() << PAGE_SHIFT;

    CHECK_EQ(map(MAP_RW), GNTST_okay);
    CHECK_OK(flush(maddr, 0, PAGE_SIZE, GNTTAB_CACHE_CLEAN));
    CHECK_OK(flush(maddr, 64, 64, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL));
    CHECK_ERR(flush(maddr, 64, PAGE_SIZE, GNTTAB_CACHE_CLEAN), XEN_EINVAL);
    CHECK_ERR(flush(maddr, 0, 64, 1u << 5), XEN_EINVAL);
    CHECK_EQ(unmap(), GNTST_okay);
}

TEST("and not for one that is not")
{
    uint64_t maddr = granted() << PAGE_SHIFT;

    CHECK(flush(maddr, 0, 64, GNTTAB_CACHE_CLEAN) < 0);
    CHECK(flush(1ul << 52, 0, 64, GNTTAB_CACHE_CLEAN) < 0);
}

static long dump_there(void *data)
{
    struct gnttab_dump_table dump = {.dom = *(domid_t *)data};

    return GRANT_OP(GNTTABOP_dump_table, dump);
}

TEST("no other domain has domain 0's table written to the console")
{
    domid_t domid = 0;

    CHECK(IN_DOMU(dump_there, domid) < 0);
}

TEST("the domain goes")
{
    CHECK(domu_kill(&domu));
}
