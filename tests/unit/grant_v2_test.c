// SPDX-License-Identifier: Apache-2.0
// Grants by version 2 tables: marks in the status words, changes of version, what can't be mapped.
#include "grant_fixture.h"

#define HOST    GNTMAP_host_map
#define HOST_RO (GNTMAP_host_map | GNTMAP_readonly)
#define RW      (GTF_reading | GTF_writing)

static grant_entry_v2_t *v2_entry(struct domain *d, grant_ref_t ref)
{
    table_of(d, ref / 256 + 1);
    return (grant_entry_v2_t *)frame_to_virt(grant_shared_frame(d, ref / 256)) + ref % 256;
}

static grant_status_t *status_word(struct domain *d, grant_ref_t ref)
{
    return (grant_status_t *)frame_to_virt(grant_status_frame(d, ref / 2048)) + ref % 2048;
}

static void grant_v2(grant_ref_t ref, domid_t to, mfn_t frame, uint16_t flags)
{
    grant_entry_v2_t *entry = v2_entry(granter, ref);

    memset(entry, 0, sizeof(*entry));
    entry->full_page.frame = frame.n;
    entry->hdr.domid = to;
    entry->hdr.flags = GTF_permit_access | flags;
}

static uint16_t marks(grant_ref_t ref)
{
    return *status_word(granter, ref);
}

static int v2_setup(void **state)
{
    grant_setup(state);
    run_as(granter->vcpus[0]);
    table_of(granter, 1);
    assert_int_equal(set_version(2), 0);
    run_as(grantee->vcpus[0]);
    return 0;
}

#define V2_TEST(name) cmocka_unit_test_setup_teardown(name, v2_setup, grant_teardown)

/* ---- use ------------------------------------------------------------------------------------ */

static void test_marks_are_in_the_status_words(void **state)
{
    mfn_t frame = new_frame(granter);
    grant_handle_t reads, writes;

    grant_v2(9, 2, frame, 0);
    reads = map_op(1, 9, 0, HOST_RO).handle;
    assert_int_equal(marks(9), GTF_reading);
    assert_int_equal(v2_entry(granter, 9)->hdr.flags, GTF_permit_access);
    writes = map_op(1, 9, 1, HOST).handle;
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(1, 0, writes), GNTST_okay);
    assert_int_equal(marks(9), GTF_reading);
    assert_int_equal(unmap_status(0, 0, reads), GNTST_okay);
    assert_int_equal(marks(9), 0);
    assert_int_equal(references(frame), 1);
}

static void test_frames_beyond_32_bits_of_number_are_read_whole(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v2(9, 2, mfn(frame.n | 1ULL << 32), 0);
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_bad_page);
    assert_int_equal(marks(9), 0);
}

static void test_map_errors(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v2(9, 3, frame, 0);
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_general_error);
    grant_v2(9, 2, frame, GTF_readonly);
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_general_error);
    assert_int_equal(map_status(1, 256, 0, HOST), GNTST_bad_gntref);
    assert_int_equal(map_status(1, 300, 0, HOST), GNTST_bad_gntref);
    v2_entry(granter, 9)->hdr.flags = GTF_accept_transfer;
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_general_error);
    assert_int_equal(marks(9), 0);
}

static void test_parts_and_transitive_grants_are_not_mapped(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v2(9, 2, frame, GTF_sub_page);
    v2_entry(granter, 9)->sub_page.length = 64;
    assert_int_equal(map_status(1, 9, 0, HOST_RO), GNTST_general_error);
    grant_v2(10, 2, frame, 0);
    v2_entry(granter, 10)->hdr.flags = GTF_transitive;
    assert_int_equal(map_status(1, 10, 0, HOST_RO), GNTST_general_error);
    assert_int_equal(marks(9) | marks(10), 0);
}

static void test_withdrawing_while_mapped(void **state)
{
    grant_handle_t handle;

    grant_v2(9, 2, new_frame(granter), 0);
    handle = map_op(1, 9, 0, HOST).handle;
    v2_entry(granter, 9)->hdr.flags = 0;
    assert_int_equal(map_status(1, 9, 1, HOST), GNTST_general_error);
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
    assert_int_equal(marks(9), 0);
}

static void test_transfer_into_version_2(void **state)
{
    mfn_t frame = new_frame(grantee);
    struct gnttab_transfer op = {.mfn = frame.n, .domid = 1, .ref = 9};
    grant_entry_v2_t *entry = v2_entry(granter, 9);

    entry->full_page.frame = 1ULL << 33;
    entry->hdr.domid = 2;
    entry->hdr.flags = GTF_accept_transfer;
    assert_int_equal(GRANT_CALL(GNTTABOP_transfer, &op), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(entry->full_page.frame, frame.n);
    assert_true(mmu.m2p_slot == 1ULL << 33);
    assert_int_equal(entry->hdr.flags,
                     GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
}

static void test_swap(void **state)
{
    struct gnttab_swap_grant_ref op = {.ref_a = 20, .ref_b = 9};
    mfn_t frame = new_frame(granter);

    grant_v2(9, 2, frame, GTF_readonly);
    run_as(granter->vcpus[0]);
    assert_int_equal(GRANT_CALL(GNTTABOP_swap_grant_ref, &op), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(v2_entry(granter, 20)->full_page.frame, frame.n);
    assert_int_equal(v2_entry(granter, 9)->hdr.flags, 0);
    op.ref_a = 256;
    assert_int_equal(GRANT_CALL(GNTTABOP_swap_grant_ref, &op), 0);
    assert_int_equal(op.status, GNTST_bad_gntref);
}

/* ---- versions ------------------------------------------------------------------------------- */

static uint32_t version_of(domid_t dom, long *error)
{
    struct gnttab_get_version op = {.dom = dom};

    *error = GRANT_CALL(GNTTABOP_get_version, &op);
    return op.version;
}

static void test_get_version(void **state)
{
    long error;

    assert_int_equal(version_of(DOMID_SELF, &error), 1);
    assert_int_equal(error, 0);
    assert_int_equal(set_version(2), 0);
    assert_int_equal(version_of(2, &error), 2);
    (void)version_of(1, &error);
    assert_int_equal(error, -EPERM);
    (void)version_of(77, &error);
    assert_int_equal(error, -ESRCH);
    run_as(d0->vcpus[0]);
    assert_int_equal(version_of(2, &error), 2);
}

static void test_set_version_errors(void **state)
{
    struct gnttab_set_version op = {.version = 3};

    assert_int_equal(GRANT_CALL(GNTTABOP_set_version, &op), -EINVAL);
    assert_int_equal(op.version, 1); /* the one in effect */
    assert_int_equal(set_version(0), -EINVAL);
    assert_int_equal(set_version(1), 0);
}

static void test_set_version_is_refused_while_an_entry_is_in_use(void **state)
{
    mfn_t frame = new_frame(granter);
    grant_handle_t handle;

    grant_v1(granter, 8, 2, frame, 0);
    handle = map_op(1, 8, 0, HOST).handle;
    run_as(granter->vcpus[0]);
    assert_int_equal(set_version(2), -EBUSY);
    run_as(grantee->vcpus[0]);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
    run_as(granter->vcpus[0]);
    assert_int_equal(set_version(2), 0);
    assert_int_equal(v2_entry(granter, 4)->hdr.flags, 0);
    assert_int_equal(v1_entry(granter, 8)->flags, 0); /* nothing is left of the old layout */
}

static void test_reserved_entries_survive_a_change_of_version_in_use(void **state)
{
    mfn_t console = new_frame(granter), store = new_frame(granter);
    grant_handle_t handle;

    grant_v1(granter, GNTTAB_RESERVED_CONSOLE, 2, console, 0);
    grant_v1(granter, GNTTAB_RESERVED_XENSTORE, 2, store, GTF_readonly);
    handle = map_op(1, 0, 0, HOST).handle;
    run_as(granter->vcpus[0]);
    assert_int_equal(set_version(2), 0);
    assert_int_equal(v2_entry(granter, 0)->hdr.flags, GTF_permit_access);
    assert_int_equal(v2_entry(granter, 0)->hdr.domid, 2);
    assert_int_equal(v2_entry(granter, 0)->full_page.frame, console.n);
    assert_int_equal(marks(0), RW);
    assert_int_equal(v2_entry(granter, 1)->hdr.flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(v2_entry(granter, 1)->full_page.frame, store.n);
    assert_int_equal(set_version(1), 0);
    assert_int_equal(v1_entry(granter, 0)->flags, GTF_permit_access | RW);
    assert_int_equal(v1_entry(granter, 0)->frame, console.n);
    run_as(grantee->vcpus[0]);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
    assert_int_equal(v1_entry(granter, 0)->flags, GTF_permit_access);
}

static void test_what_version_1_cannot_say_becomes_invalid(void **state)
{
    run_as(granter->vcpus[0]);
    grant_v2(0, 2, new_frame(granter), GTF_sub_page);
    grant_v2(1, 2, mfn(1ULL << 32), 0);
    v2_entry(granter, 2)->hdr.flags = GTF_transitive;
    v2_entry(granter, 3)->full_page.frame = 77;
    v2_entry(granter, 3)->hdr.flags = GTF_accept_transfer;
    assert_int_equal(set_version(1), 0);
    for (grant_ref_t ref = 0; ref < 3; ref++) {
        assert_int_equal(v1_entry(granter, ref)->flags, GTF_invalid);
    }
    assert_int_equal(v1_entry(granter, 3)->flags, GTF_accept_transfer);
    assert_int_equal(v1_entry(granter, 3)->frame, 77);
}

static void test_version_before_the_first_frame(void **state)
{
    assert_int_equal(set_version(2), 0);
    table_of(grantee, 9);
    assert_true(grant_status_frame(grantee, 1).n != MFN_INVALID);
    assert_true(grant_status_frame(grantee, 2).n == MFN_INVALID);
    assert_int_equal(set_version(1), 0);
    assert_int_equal(set_version(2), 0);
}

/* ---- status frames -------------------------------------------------------------------------- */

static int16_t get_status_frames(domid_t dom, uint32_t frames, uint64_t *list)
{
    uint64_t *guest_list = (uint64_t *)(guest_page + 1024);
    struct gnttab_get_status_frames op = {.dom = dom, .nr_frames = frames};

    op.frame_list.p = list ? guest_list : (void *)8;
    assert_int_equal(GRANT_CALL(GNTTABOP_get_status_frames, &op), 0);
    if (list && op.status == GNTST_okay) {
        memcpy(list, guest_list, frames * 8);
    }
    return op.status;
}

static void test_get_status_frames(void **state)
{
    uint64_t list[2];

    table_of(granter, 9); /* more entries than one status frame has room for */
    run_as(granter->vcpus[0]);
    assert_int_equal(get_status_frames(DOMID_SELF, 2, list), GNTST_okay);
    assert_int_equal(list[0], grant_status_frame(granter, 0).n);
    assert_int_equal(list[1], grant_status_frame(granter, 1).n);
    assert_int_equal(frame_of(mfn(list[1]))->owner, 1);
    assert_int_equal(get_status_frames(DOMID_SELF, 3, list), GNTST_general_error);
    assert_int_equal(get_status_frames(DOMID_SELF, 1, NULL), GNTST_bad_virt_addr);
    assert_int_equal(get_status_frames(2, 1, list), GNTST_permission_denied);
    assert_int_equal(get_status_frames(77, 1, list), GNTST_bad_domain);
    run_as(grantee->vcpus[0]);
    assert_int_equal(get_status_frames(DOMID_SELF, 1, list), GNTST_general_error); /* version 1 */
    run_as(d0->vcpus[0]);
    assert_int_equal(get_status_frames(1, 1, list), GNTST_okay);
}

static void test_a_dead_granters_status_words_are_left_alone(void **state)
{
    mfn_t status, frame = new_frame(granter);
    grant_handle_t handle;

    grant_v2(9, 2, frame, 0);
    handle = map_op(1, 9, 0, HOST).handle;
    status = grant_status_frame(granter, 0);
    end_domain(granter);
    granter = NULL;
    memset(frame_to_virt(status), 0xff, PAGE_SIZE);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
    assert_int_equal(((uint16_t *)frame_to_virt(status))[9], 0xffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        V2_TEST(test_marks_are_in_the_status_words),
        V2_TEST(test_frames_beyond_32_bits_of_number_are_read_whole),
        V2_TEST(test_map_errors),
        V2_TEST(test_parts_and_transitive_grants_are_not_mapped),
        V2_TEST(test_withdrawing_while_mapped),
        V2_TEST(test_transfer_into_version_2),
        V2_TEST(test_swap),
        TEST(test_get_version),
        TEST(test_set_version_errors),
        TEST(test_set_version_is_refused_while_an_entry_is_in_use),
        TEST(test_reserved_entries_survive_a_change_of_version_in_use),
        V2_TEST(test_what_version_1_cannot_say_becomes_invalid),
        TEST(test_version_before_the_first_frame),
        V2_TEST(test_get_status_frames),
        V2_TEST(test_a_dead_granters_status_words_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
