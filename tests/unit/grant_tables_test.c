// SPDX-License-Identifier: Apache-2.0
// Grant tables as wholes: their pages and limits, references swapped, pages given away, caches
// flushed, and what becomes of grants when a domain dies.
#include "grant_fixture.h"

#define HOST    GNTMAP_host_map
#define HOST_RO (GNTMAP_host_map | GNTMAP_readonly)

/* ---- tables --------------------------------------------------------------------------------- */

static int16_t setup_table(domid_t dom, uint32_t frames, uint64_t *list)
{
    uint64_t *guest_list = (uint64_t *)(guest_page + 1024);
    struct gnttab_setup_table op = {.dom = dom, .nr_frames = frames};

    op.frame_list.p = list ? guest_list : (void *)8;
    assert_int_equal(GRANT_CALL(GNTTABOP_setup_table, &op), 0);
    if (list && op.status == GNTST_okay) {
        memcpy(list, guest_list, frames * 8);
    }
    return op.status;
}

static void test_setup_table_shares_its_frames(void **state)
{
    uint64_t list[3];

    assert_int_equal(setup_table(DOMID_SELF, 3, list), GNTST_okay);
    for (unsigned int i = 0; i < 3; i++) {
        assert_int_equal(list[i], grant_shared_frame(grantee, i).n);
        assert_int_equal(frame_of(mfn(list[i]))->owner, 2);
        assert_true(frame_get_writable(frame_of(mfn(list[i])), 2));
        frame_put_writable(frame_of(mfn(list[i])));
    }
    assert_int_equal(setup_table(2, 1, list), GNTST_okay); /* it does not shrink */
    assert_int_equal(list[0], grant_shared_frame(grantee, 0).n);
    assert_true(grant_shared_frame(grantee, 2).n != MFN_INVALID);
    assert_true(grant_shared_frame(grantee, 3).n == MFN_INVALID);
}

static void test_setup_table_errors(void **state)
{
    uint64_t list[64];

    assert_int_equal(setup_table(DOMID_SELF, 65, list), GNTST_general_error);
    assert_int_equal(setup_table(DOMID_SELF, ~0U, list), GNTST_general_error);
    assert_int_equal(setup_table(1, 1, list), GNTST_permission_denied);
    assert_int_equal(setup_table(77, 1, list), GNTST_bad_domain);
    assert_int_equal(setup_table(DOMID_SELF, 1, NULL), GNTST_bad_virt_addr);
    for (uint64_t count = 0; count <= 2; count += 2) {
        assert_int_equal(
            hypercall_grant_table_op(GNTTABOP_setup_table, host_guest_address(guest_page), count),
            -EINVAL);
    }
    run_as(d0->vcpus[0]);
    assert_int_equal(setup_table(1, 64, list), GNTST_okay);
}

static void test_query_size(void **state)
{
    struct gnttab_query_size op = {.dom = DOMID_SELF};

    assert_int_equal(GRANT_CALL(GNTTABOP_query_size, &op), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(op.nr_frames, 1);
    assert_int_equal(op.max_nr_frames, 64);
    table_of(grantee, 5);
    assert_int_equal(GRANT_CALL(GNTTABOP_query_size, &op), 0);
    assert_int_equal(op.nr_frames, 5);
    op.dom = 1;
    assert_int_equal(GRANT_CALL(GNTTABOP_query_size, &op), 0);
    assert_int_equal(op.status, GNTST_permission_denied);
    op.dom = 77;
    assert_int_equal(GRANT_CALL(GNTTABOP_query_size, &op), 0);
    assert_int_equal(op.status, GNTST_bad_domain);
    assert_int_equal(
        hypercall_grant_table_op(GNTTABOP_query_size, host_guest_address(guest_page), 2), -EINVAL);
}

static void test_limits_are_set_once_and_before_use(void **state)
{
    uint64_t list[2];

    assert_int_equal(grant_set_limits(grantee, 0, 1, 1), -EINVAL);
    assert_int_equal(grant_set_limits(grantee, GRANT_MAX_FRAMES + 1, 1, 1), -EINVAL);
    assert_int_equal(grant_set_limits(grantee, 1, GRANT_MAX_MAPTRACK_FRAMES + 1, 1), -EINVAL);
    assert_int_equal(grant_set_limits(grantee, 1, 1, 3), -EINVAL);
    assert_int_equal(grant_set_limits(grantee, 1, 1, 1), 0);
    assert_int_equal(setup_table(DOMID_SELF, 2, list), GNTST_general_error);
    assert_int_equal(setup_table(DOMID_SELF, 1, list), GNTST_okay);
    assert_int_equal(set_version(2), -ENOSYS);
    assert_int_equal(grant_set_limits(grantee, 2, 1, 1), -EBUSY);
}

static void test_dump_table(void **state)
{
    struct gnttab_dump_table op = {.dom = DOMID_SELF};

    grant_v1(granter, 9, 2, new_frame(granter), 0);
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_okay);
    assert_int_equal(GRANT_CALL(GNTTABOP_dump_table, &op), 0);
    assert_int_equal(op.status, GNTST_okay);
    op.dom = 1;
    assert_int_equal(GRANT_CALL(GNTTABOP_dump_table, &op), 0);
    assert_int_equal(op.status, GNTST_permission_denied);
    run_as(d0->vcpus[0]);
    assert_int_equal(GRANT_CALL(GNTTABOP_dump_table, &op), 0);
    assert_int_equal(op.status, GNTST_okay);
}

static void test_unknown_commands_and_counts(void **state)
{
    assert_int_equal(hypercall_grant_table_op(13, gva(0), 1), -ENOSYS);
    assert_int_equal(hypercall_grant_table_op(~0ULL, gva(0), 1), -ENOSYS);
    assert_int_equal(hypercall_grant_table_op(GNTTABOP_copy, gva(0), 1ULL << 31), -EINVAL);
    assert_int_equal(hypercall_grant_table_op(GNTTABOP_copy, gva(0), 0), 0);
    host_guest_fault_from(0);
    for (uint64_t cmd = 0; cmd <= GNTTABOP_cache_flush; cmd++) {
        assert_int_equal(hypercall_grant_table_op(cmd, host_guest_address(guest_page), 1), -EFAULT);
    }
}

/* ---- swap_grant_ref ------------------------------------------------------------------------- */

static int16_t swap(grant_ref_t a, grant_ref_t b)
{
    struct gnttab_swap_grant_ref op = {.ref_a = a, .ref_b = b};

    assert_int_equal(GRANT_CALL(GNTTABOP_swap_grant_ref, &op), 0);
    return op.status;
}

static void test_swap(void **state)
{
    mfn_t a = new_frame(granter), b = new_frame(granter);
    uint32_t handle;

    grant_v1(granter, 300, 2, a, 0);
    grant_v1(granter, 9, 3, b, GTF_readonly);
    run_as(granter->vcpus[0]);
    assert_int_equal(swap(300, 9), GNTST_okay);
    assert_int_equal(v1_entry(granter, 9)->frame, a.n);
    assert_int_equal(v1_entry(granter, 300)->flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(swap(9, 9), GNTST_okay);
    assert_int_equal(swap(9, 512), GNTST_bad_gntref);
    assert_int_equal(swap(512, 9), GNTST_bad_gntref);
    assert_int_equal(swap(600, 600), GNTST_bad_gntref);
    run_as(grantee->vcpus[0]);
    handle = map_op(1, 9, 0, HOST).handle;
    run_as(granter->vcpus[0]);
    assert_int_equal(swap(9, 300), GNTST_eagain);
    assert_int_equal(swap(300, 9), GNTST_eagain);
    run_as(grantee->vcpus[0]);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
}

/* ---- transfer ------------------------------------------------------------------------------- */

static int16_t transfer(mfn_t frame, domid_t to, grant_ref_t ref)
{
    struct gnttab_transfer op = {.mfn = frame.n, .domid = to, .ref = ref};

    assert_int_equal(GRANT_CALL(GNTTABOP_transfer, &op), 0);
    return op.status;
}

static void accept_transfer(grant_ref_t ref, domid_t from, uint32_t slot)
{
    *v1_entry(granter, ref) = (grant_entry_v1_t){GTF_accept_transfer, from, slot};
}

static void test_transfer(void **state)
{
    mfn_t frame = new_frame(grantee);
    uint64_t pages = granter->total_pages;

    *(uint64_t *)frame_to_virt(frame) = 42;
    accept_transfer(9, 2, 77);
    assert_int_equal(transfer(frame, 1, 9), GNTST_okay);
    assert_int_equal(v1_entry(granter, 9)->flags,
                     GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
    assert_int_equal(v1_entry(granter, 9)->frame, frame.n);
    assert_int_equal(frame_of(frame)->owner, 1);
    assert_int_equal(*(uint64_t *)frame_to_virt(frame), 42);
    assert_int_equal(granter->total_pages, pages + 1);
    assert_true(mfn_equal(mmu.m2p_frame, frame) && mmu.m2p_slot == 77);
    assert_true(host_calls.tlb_flush_cpus > 0);
    assert_int_equal(transfer(frame, 1, 9), GNTST_bad_page); /* not the caller's any more */
}

static void test_transfer_that_fails_takes_the_frame_all_the_same(void **state)
{
    uint64_t pages = grantee->total_pages;

    assert_int_equal(transfer(new_frame(grantee), 77, 9), GNTST_bad_domain);
    assert_int_equal(transfer(new_frame(grantee), 1, 9), GNTST_general_error);
    accept_transfer(9, 3, 77);
    assert_int_equal(transfer(new_frame(grantee), 1, 9), GNTST_general_error);
    assert_int_equal(transfer(new_frame(grantee), 1, 5000), GNTST_general_error);
    accept_transfer(9, 2, 77);
    granter->max_pages = granter->total_pages;
    assert_int_equal(transfer(new_frame(grantee), 1, 9), GNTST_general_error);
    assert_int_equal(v1_entry(granter, 9)->flags, GTF_accept_transfer);
    assert_int_equal(grantee->total_pages, pages);
}

static void test_a_frame_in_use_is_a_bad_page(void **state)
{
    mfn_t frame = new_frame(grantee);

    accept_transfer(9, 2, 77);
    assert_true(frame_get(frame_of(frame), 2));
    assert_int_equal(transfer(frame, 1, 9), GNTST_bad_page);
    frame_put(frame_of(frame));
    assert_int_equal(frame_of(frame)->owner, 2);
    assert_int_equal(transfer(new_frame(granter), 1, 9), GNTST_bad_page);
    assert_int_equal(transfer(mfn(~0ULL), 1, 9), GNTST_bad_page);
    assert_int_equal(transfer(frame, 1, 9), GNTST_okay);
}

/* ---- cache_flush ---------------------------------------------------------------------------- */

static long cache_flush(mfn_t frame, uint16_t offset, uint16_t length, uint32_t op)
{
    struct gnttab_cache_flush flush = {
        .a.dev_bus_addr = frame.n << PAGE_SHIFT, .offset = offset, .length = length, .op = op};
    return GRANT_CALL(GNTTABOP_cache_flush, &flush);
}

static void test_cache_flush(void **state)
{
    mfn_t frame = new_frame(granter), own = new_frame(grantee);

    assert_int_equal(cache_flush(own, 0, 64, GNTTAB_CACHE_CLEAN), 0);
    assert_int_equal(cache_flush(own, 4000, 97, GNTTAB_CACHE_CLEAN), -EINVAL);
    assert_int_equal(cache_flush(own, 0, 64, 1 << 5), -EINVAL);
    assert_int_equal(cache_flush(own, 0, 64, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_SOURCE_GREF),
                     -EINVAL);
    assert_int_equal(cache_flush(mfn(1ULL << 40), 0, 64, GNTTAB_CACHE_CLEAN), -EINVAL);
    assert_int_equal(cache_flush(frame, 0, 0, GNTTAB_CACHE_CLEAN), 0); /* nothing to do */
    assert_int_equal(cache_flush(frame, 0, 64, GNTTAB_CACHE_CLEAN), -EINVAL);
    grant_v1(granter, 9, 2, frame, 0);
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_okay);
    assert_int_equal(cache_flush(frame, 0, 64, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL), 0);
    assert_int_equal(host_calls.bytes_flushed, 0);
    grantee->hardware = true;
    assert_int_equal(cache_flush(frame, 0, 64, GNTTAB_CACHE_CLEAN), 0);
    assert_int_equal(host_calls.bytes_flushed, 64);
}

/* ---- deaths --------------------------------------------------------------------------------- */

static void test_a_grantees_death_ends_its_mappings(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v1(granter, 9, 2, frame, 0);
    for (unsigned int i = 0; i < 10; i++) {
        assert_int_equal(map_status(1, 9, i, i % 2 ? HOST : HOST_RO), GNTST_okay);
    }
    cpu_raise_self(WORK_TIMER); /* in pieces */
    end_domain(grantee);
    this_cpu()->pending = 0;
    assert_int_equal(v1_entry(granter, 9)->flags & (GTF_reading | GTF_writing), 0);
    assert_int_equal(references(frame), 1);
    grantee = new_domain(2, 1, false);
}

static void test_a_granters_death_leaves_the_mapped_frames_to_who_maps_them(void **state)
{
    mfn_t frame = new_frame(granter);
    uint64_t free_before;

    grant_v1(granter, 9, 2, frame, 0);

    uint32_t handle = map_op(1, 9, 0, HOST).handle;
    end_domain(granter);
    granter = NULL;
    assert_int_equal(frame_of(frame)->owner, 1);
    assert_int_equal(references(frame), 2);
    assert_int_equal(map_status(1, 9, 1, HOST), GNTST_bad_domain);
    free_before = frames_free_count();
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
    assert_true(frames_free_count() > free_before);
    assert_null(domain_get(1));
}

static void test_a_dying_domain_gets_no_table(void **state)
{
    uint64_t list[1];

    assert_int_equal(domain_kill(granter), 0);
    run_as(d0->vcpus[0]);
    assert_int_equal(setup_table(1, 1, list), GNTST_bad_domain);
    assert_true(grant_shared_frame(granter, 0).n == MFN_INVALID);
    domain_put(granter);
    granter = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_setup_table_shares_its_frames),
        TEST(test_setup_table_errors),
        TEST(test_query_size),
        TEST(test_limits_are_set_once_and_before_use),
        TEST(test_dump_table),
        TEST(test_unknown_commands_and_counts),
        TEST(test_swap),
        TEST(test_transfer),
        TEST(test_transfer_that_fails_takes_the_frame_all_the_same),
        TEST(test_a_frame_in_use_is_a_bad_page),
        TEST(test_cache_flush),
        TEST(test_a_grantees_death_ends_its_mappings),
        TEST(test_a_granters_death_leaves_the_mapped_frames_to_who_maps_them),
        TEST(test_a_dying_domain_gets_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
