// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_copy: between own frames and granted ones, of part of a page, through a third domain.
#include "grant_fixture.h"

static mfn_t own, theirs;

static int setup(void **state)
{
    grant_setup(state);
    own = new_frame(grantee);
    theirs = new_frame(granter);
    for (unsigned int i = 0; i < PAGE_SIZE; i++) {
        ((unsigned char *)frame_to_virt(own))[i] = (unsigned char)i;
        ((unsigned char *)frame_to_virt(theirs))[i] = (unsigned char)(i * 7);
    }
    return 0;
}

#define COPY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, grant_teardown)

static unsigned char *bytes(mfn_t frame)
{
    return frame_to_virt(frame);
}

static struct gnttab_copy_ptr by_frame(mfn_t frame, uint16_t offset)
{
    return (struct gnttab_copy_ptr){.u.gmfn = frame.n, .domid = DOMID_SELF, .offset = offset};
}

static struct gnttab_copy_ptr by_ref(domid_t dom, grant_ref_t ref, uint16_t offset)
{
    return (struct gnttab_copy_ptr){.u.ref = ref, .domid = dom, .offset = offset};
}

static int copy(struct gnttab_copy_ptr from, struct gnttab_copy_ptr to, uint16_t length,
                uint16_t flags)
{
    struct gnttab_copy op = {.source = from, .dest = to, .len = length, .flags = flags};

    assert_int_equal(GRANT_CALL(GNTTABOP_copy, &op), 0);
    return op.status;
}

static int read_ref(domid_t dom, grant_ref_t ref, uint16_t offset, uint16_t length)
{
    return copy(by_ref(dom, ref, offset), by_frame(own, 0), length, GNTCOPY_source_gref);
}

static int write_ref(domid_t dom, grant_ref_t ref, uint16_t offset, uint16_t length)
{
    return copy(by_frame(own, 0), by_ref(dom, ref, offset), length, GNTCOPY_dest_gref);
}

static grant_entry_v2_t *v2_entry(struct domain *d, grant_ref_t ref)
{
    return (grant_entry_v2_t *)table_of(d, 1) + ref;
}

static void use_version_2(struct domain *d)
{
    run_as(d->vcpus[0]);
    assert_int_equal(set_version(2), 0);
    run_as(grantee->vcpus[0]);
}

static void grant_v2(struct domain *d, grant_ref_t ref, domid_t to, mfn_t frame)
{
    grant_entry_v2_t *entry = v2_entry(d, ref);

    memset(entry, 0, sizeof(*entry));
    entry->full_page.frame = frame.n;
    entry->hdr.domid = to;
    entry->hdr.flags = GTF_permit_access;
}

static void grant_part(grant_ref_t ref, uint16_t offset, uint16_t length)
{
    grant_v2(granter, ref, 2, theirs);
    v2_entry(granter, ref)->sub_page.page_off = offset;
    v2_entry(granter, ref)->sub_page.length = length;
    v2_entry(granter, ref)->hdr.flags |= GTF_sub_page;
}

static void grant_through(grant_ref_t ref, domid_t dom, grant_ref_t through)
{
    grant_entry_v2_t *entry = v2_entry(granter, ref);

    memset(entry, 0, sizeof(*entry));
    entry->transitive.trans_domid = dom;
    entry->transitive.gref = through;
    entry->hdr.domid = 2;
    entry->hdr.flags = GTF_transitive;
}

/* ---- whole pages ---------------------------------------------------------------------------- */

static void test_copy_out_of_a_grant(void **state)
{
    grant_v1(granter, 9, 2, theirs, GTF_readonly);
    assert_int_equal(copy(by_ref(1, 9, 100), by_frame(own, 50), 64, GNTCOPY_source_gref),
                     GNTST_okay);
    assert_memory_equal(bytes(own) + 50, bytes(theirs) + 100, 64);
    assert_int_equal(bytes(own)[49], 49);
    assert_int_equal(bytes(own)[114], 114);
    assert_int_equal(v1_entry(granter, 9)->flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(references(theirs), 1);
    assert_int_equal(references(own), 1);
    assert_int_equal(writable_uses(own), 0);
}

static void test_copy_into_a_grant(void **state)
{
    grant_v1(granter, 9, 2, theirs, 0);
    assert_int_equal(write_ref(1, 9, 4000, 96), GNTST_okay);
    assert_memory_equal(bytes(theirs) + 4000, bytes(own), 96);
    assert_int_equal(v1_entry(granter, 9)->flags, GTF_permit_access);
    assert_int_equal(writable_uses(theirs), 0);
}

static void test_copy_between_two_domains_by_a_third(void **state)
{
    mfn_t others = new_frame(d0);

    grant_v1(granter, 9, 2, theirs, 0);
    grant_v1(d0, 3, 2, others, 0);
    assert_int_equal(
        copy(by_ref(1, 9, 0), by_ref(0, 3, 0), PAGE_SIZE, GNTCOPY_source_gref | GNTCOPY_dest_gref),
        GNTST_okay);
    assert_memory_equal(bytes(others), bytes(theirs), PAGE_SIZE);
}

static void test_copy_within_one_frame(void **state)
{
    assert_int_equal(copy(by_frame(own, 0), by_frame(own, 8), 64, 0), GNTST_okay);
    for (unsigned int i = 0; i < 64; i++) {
        assert_int_equal(bytes(own)[8 + i], i);
    }
    assert_int_equal(references(own), 1);
}

static void test_copy_by_a_grant_to_itself(void **state)
{
    grant_v1(grantee, 9, 2, own, 0);
    assert_int_equal(copy(by_ref(DOMID_SELF, 9, 0), by_frame(own, 128), 16, GNTCOPY_source_gref),
                     GNTST_okay);
    assert_memory_equal(bytes(own) + 128, bytes(own), 16);
}

static void test_copy_while_mapped(void **state)
{
    grant_v1(granter, 9, 2, theirs, 0);

    uint32_t handle = map_op(1, 9, 0, GNTMAP_host_map).handle;
    assert_int_equal(read_ref(1, 9, 0, 64), GNTST_okay);
    assert_int_equal(v1_entry(granter, 9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
    assert_int_equal(v1_entry(granter, 9)->flags, GTF_permit_access);
}

static void test_copy_of_nothing(void **state)
{
    grant_v1(granter, 9, 2, theirs, 0);
    assert_int_equal(read_ref(1, 9, 4096, 0), GNTST_okay);
    assert_int_equal(read_ref(1, 10, 0, 0), GNTST_general_error);
}

static void test_bounds(void **state)
{
    grant_v1(granter, 9, 2, theirs, 0);
    assert_int_equal(read_ref(1, 9, 4095, 1), GNTST_okay);
    assert_int_equal(read_ref(1, 9, 4095, 2), GNTST_bad_copy_arg);
    assert_int_equal(read_ref(1, 9, 0, 4097), GNTST_bad_copy_arg);
    assert_int_equal(read_ref(1, 9, 0xffff, 0xffff), GNTST_bad_copy_arg);
    assert_int_equal(copy(by_frame(own, 0), by_frame(own, 4000), 97, 0), GNTST_bad_copy_arg);
}

static void test_errors(void **state)
{
    struct gnttab_copy_ptr foreign = by_frame(theirs, 0);

    grant_v1(granter, 9, 2, theirs, GTF_readonly);
    grant_v1(granter, 10, 3, theirs, 0);
    assert_int_equal(read_ref(77, 9, 0, 8), GNTST_bad_domain);
    assert_int_equal(write_ref(77, 9, 0, 8), GNTST_bad_domain);
    assert_int_equal(read_ref(1, 10, 0, 8), GNTST_general_error);
    assert_int_equal(read_ref(1, 512, 0, 8), GNTST_bad_gntref);
    assert_int_equal(write_ref(1, 9, 0, 8), GNTST_general_error);
    assert_int_equal(copy(foreign, by_frame(own, 0), 8, 0), GNTST_bad_page);
    assert_int_equal(copy(by_frame(own, 0), foreign, 8, 0), GNTST_bad_page);
    assert_int_equal(copy(by_frame(mfn(~0ULL), 0), by_frame(own, 0), 8, 0), GNTST_bad_page);
    foreign.domid = 1;
    assert_int_equal(copy(foreign, by_frame(own, 0), 8, 0), GNTST_permission_denied);
    assert_int_equal(copy(by_frame(own, 0), foreign, 8, 0), GNTST_permission_denied);
    assert_int_equal(references(own), 1);
    assert_int_equal(references(theirs), 1);
}

static void test_a_page_table_is_not_written_to(void **state)
{
    frame_of(own)->state |= (uint64_t)FRAME_L4 << FRAME_TYPE_SHIFT | FRAME_TYPE_ONE;
    assert_int_equal(copy(by_frame(own, 0), by_frame(own, 8), 8, 0), GNTST_general_error);
    grant_v1(grantee, 9, 2, own, 0);
    assert_int_equal(write_ref(DOMID_SELF, 9, 0, 8), GNTST_general_error);
    frame_of(own)->state &= ~(FRAME_TYPE_MASK | FRAME_TYPE_COUNT);
    assert_int_equal(references(own), 1);
}

static void test_a_batch_goes_on_after_an_error(void **state)
{
    struct gnttab_copy ops[3];

    grant_v1(granter, 9, 2, theirs, 0);
    for (unsigned int i = 0; i < 3; i++) {
        ops[i] = (struct gnttab_copy){.source = by_ref(1, i == 1 ? 8 : 9, 0),
                                      .dest = by_frame(own, (uint16_t)(i * 8)),
                                      .len = 8,
                                      .flags = GNTCOPY_source_gref};
    }
    assert_int_equal(grant_call(GNTTABOP_copy, ops, sizeof(ops[0]), 3), 0);
    assert_int_equal(ops[0].status, GNTST_okay);
    assert_int_equal(ops[1].status, GNTST_general_error);
    assert_int_equal(ops[2].status, GNTST_okay);
    assert_memory_equal(bytes(own) + 16, bytes(theirs), 8);
    assert_int_equal(bytes(own)[8], 8);
}

/* ---- parts of pages ------------------------------------------------------------------------- */

static void test_part_of_a_page(void **state)
{
    use_version_2(granter);
    grant_part(9, 100, 50);
    assert_int_equal(read_ref(1, 9, 100, 50), GNTST_okay);
    assert_memory_equal(bytes(own), bytes(theirs) + 100, 50);
    assert_int_equal(write_ref(1, 9, 149, 1), GNTST_okay);
    assert_int_equal(read_ref(1, 9, 99, 10), GNTST_general_error);
    assert_int_equal(read_ref(1, 9, 100, 51), GNTST_general_error);
    assert_int_equal(read_ref(1, 9, 150, 1), GNTST_general_error);
    assert_int_equal(write_ref(1, 9, 0, 8), GNTST_general_error);
    grant_part(10, 4000, 97); /* beyond the page */
    assert_int_equal(read_ref(1, 10, 4000, 1), GNTST_general_error);
    assert_int_equal(references(theirs), 1);
}

/* ---- through a third domain ----------------------------------------------------------------- */

static void test_transitive(void **state)
{
    mfn_t others = new_frame(d0);

    use_version_2(granter);
    grant_v1(d0, 3, 1, others, 0);
    grant_through(9, 0, 3);
    memset(bytes(others), 0x5a, PAGE_SIZE);
    assert_int_equal(read_ref(1, 9, 0, 64), GNTST_okay);
    assert_memory_equal(bytes(own), bytes(others), 64);
    bytes(own)[0] = 1;
    assert_int_equal(write_ref(1, 9, 77, 1), GNTST_okay);
    assert_int_equal(bytes(others)[77], 1);
    assert_int_equal(v1_entry(d0, 3)->flags, GTF_permit_access);
    assert_int_equal(*(uint16_t *)frame_to_virt(grant_status_frame(granter, 0)), 0);
    assert_int_equal(references(others), 1);
}

static void test_transitive_to_part_of_a_page(void **state)
{
    mfn_t others = new_frame(d0);

    use_version_2(granter);
    use_version_2(d0);
    grant_v2(d0, 3, 1, others);
    v2_entry(d0, 3)->hdr.flags |= GTF_sub_page;
    v2_entry(d0, 3)->sub_page.page_off = 8;
    v2_entry(d0, 3)->sub_page.length = 8;
    grant_through(9, 0, 3);
    assert_int_equal(read_ref(1, 9, 8, 8), GNTST_okay);
    assert_int_equal(read_ref(1, 9, 8, 9), GNTST_general_error);
}

static void test_transitive_errors(void **state)
{
    mfn_t others = new_frame(d0);
    uint64_t references_before = d0->references;

    use_version_2(granter);
    use_version_2(d0);
    grant_v2(d0, 3, 2, others); /* not to the granter */
    grant_through(9, 0, 3);
    assert_int_equal(read_ref(1, 9, 0, 8), GNTST_general_error);
    v2_entry(d0, 3)->hdr.domid = 1;
    v2_entry(d0, 3)->hdr.flags |= GTF_readonly; /* not to write */
    assert_int_equal(write_ref(1, 9, 0, 8), GNTST_general_error);
    v2_entry(d0, 3)->hdr.flags = GTF_transitive; /* not through a fourth */
    assert_int_equal(read_ref(1, 9, 0, 8), GNTST_general_error);
    grant_through(9, 77, 3);
    assert_int_equal(read_ref(1, 9, 0, 8), GNTST_general_error);
    grant_through(9, 1, 3); /* not to itself */
    assert_int_equal(read_ref(1, 9, 0, 8), GNTST_general_error);
    grant_through(9, 0, 5000);
    assert_int_equal(read_ref(1, 9, 0, 8), GNTST_bad_gntref);
    assert_int_equal(*(uint16_t *)frame_to_virt(grant_status_frame(granter, 0)), 0);
    assert_int_equal(references(others), 1);
    assert_int_equal(d0->references, references_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COPY_TEST(test_copy_out_of_a_grant),
        COPY_TEST(test_copy_into_a_grant),
        COPY_TEST(test_copy_between_two_domains_by_a_third),
        COPY_TEST(test_copy_within_one_frame),
        COPY_TEST(test_copy_by_a_grant_to_itself),
        COPY_TEST(test_copy_while_mapped),
        COPY_TEST(test_copy_of_nothing),
        COPY_TEST(test_bounds),
        COPY_TEST(test_errors),
        COPY_TEST(test_a_page_table_is_not_written_to),
        COPY_TEST(test_a_batch_goes_on_after_an_error),
        COPY_TEST(test_part_of_a_page),
        COPY_TEST(test_transitive),
        COPY_TEST(test_transitive_to_part_of_a_page),
        COPY_TEST(test_transitive_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
