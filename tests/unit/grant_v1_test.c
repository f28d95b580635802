// SPDX-License-Identifier: Apache-2.0
// Grants by version 1 tables: mapping, unmapping, revocation.
#include "grant_fixture.h"

#define HOST    GNTMAP_host_map
#define HOST_RO (GNTMAP_host_map | GNTMAP_readonly)
#define DEVICE  GNTMAP_device_map
#define READING GTF_reading
#define RW      (GTF_reading | GTF_writing)

static uint16_t marks(grant_ref_t ref)
{
    return v1_entry(granter, ref)->flags & RW;
}

/* ---- map ------------------------------------------------------------------------------------ */

static void test_map_marks_the_entry_and_holds_the_frame(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v1(granter, 9, 2, frame, 0);

    struct gnttab_map_grant_ref op = map_op(1, 9, 0, HOST);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(op.dev_bus_addr, frame.n << PAGE_SHIFT);
    assert_int_equal(marks(9), RW);
    assert_true(slots[0].used && slots[0].mapping.writable);
    assert_true(mfn_equal(slots[0].mapping.frame, frame));
    assert_ptr_equal(slots[0].mapping.owner, granter);
    assert_int_equal(references(frame), 3); /* its owner's, the grant's, the mapping's */
    assert_int_equal(writable_uses(frame), 2);
    assert_int_equal(unmap_status(0, 0, op.handle), GNTST_okay);
    assert_int_equal(marks(9), 0);
    assert_false(slots[0].used);
    assert_int_equal(references(frame), 1);
    assert_int_equal(mmu.flushes, 1);
}

static void test_map_read_only(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v1(granter, 9, 2, frame, GTF_readonly);

    struct gnttab_map_grant_ref op = map_op(1, 9, 0, HOST_RO);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(marks(9), READING);
    assert_false(slots[0].mapping.writable);
    assert_int_equal(writable_uses(frame), 0);
    assert_int_equal(map_status(1, 9, 1, HOST), GNTST_general_error);
    assert_int_equal(marks(9), READING);
    assert_int_equal(unmap_status(0, 0, op.handle), GNTST_okay);
    assert_int_equal(marks(9), 0);
}

static void test_marks_follow_the_last_reader_and_the_last_writer(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v1(granter, 9, 2, frame, 0);

    uint32_t reads = map_op(1, 9, 0, HOST_RO).handle;
    assert_int_equal(marks(9), READING);
    uint32_t writes = map_op(1, 9, 1, HOST).handle, more = map_op(1, 9, 2, HOST).handle;
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(1, 0, writes), GNTST_okay);
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(2, 0, more), GNTST_okay);
    assert_int_equal(marks(9), READING);
    writes = map_op(1, 9, 1, HOST).handle;
    assert_int_equal(unmap_status(0, 0, reads), GNTST_okay);
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(1, 0, writes), GNTST_okay);
    assert_int_equal(marks(9), 0);
    assert_int_equal(references(frame), 1);
}

static void test_map_for_devices_only(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v1(granter, 9, 2, frame, 0);

    struct gnttab_map_grant_ref op = map_op(1, 9, 0, DEVICE);
    assert_int_equal(op.status, GNTST_okay);
    assert_false(slots[0].used);
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(0, op.dev_bus_addr + PAGE_SIZE, op.handle), GNTST_bad_dev_addr);
    assert_int_equal(unmap_status(0, 0, op.handle), GNTST_okay); /* names nothing that is mapped */
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(0, op.dev_bus_addr, op.handle), GNTST_okay);
    assert_int_equal(marks(9), 0);
    assert_int_equal(mmu.flushes, 0);
}

static void test_handle_lives_until_both_of_its_mappings_are_gone(void **state)
{
    grant_v1(granter, 9, 2, new_frame(granter), 0);

    struct gnttab_map_grant_ref op = map_op(1, 9, 0, HOST | DEVICE);
    assert_int_equal(unmap_status(0, 0, op.handle), GNTST_okay);
    assert_false(slots[0].used);
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(0, op.dev_bus_addr, op.handle), GNTST_okay);
    assert_int_equal(marks(9), 0);
    assert_int_equal(unmap_status(0, op.dev_bus_addr, op.handle), GNTST_bad_handle);
}

static void test_what_the_page_tables_are_told(void **state)
{
    uint32_t flags = HOST | GNTMAP_contains_pte | 5U << 16;

    grant_v1(granter, 9, 2, new_frame(granter), GTF_PWT | GTF_PCD);

    struct gnttab_map_grant_ref op = map_op(1, 9, 0, flags);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(slots[0].mapping.flags, flags);
    assert_int_equal(slots[0].mapping.cache, GTF_PWT | GTF_PCD);
}

static void test_a_domain_maps_its_own_grant(void **state)
{
    grant_v1(grantee, 9, 2, new_frame(grantee), 0);

    struct gnttab_map_grant_ref op = map_op(2, 9, 0, HOST);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(unmap_status(0, 0, op.handle), GNTST_okay);
}

static void test_map_errors(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v1(granter, 9, 2, frame, 0);
    assert_int_equal(map_status(77, 9, 0, HOST), GNTST_bad_domain);
    assert_int_equal(map_status(DOMID_SELF, 9, 0, HOST), GNTST_bad_domain);
    assert_int_equal(map_status(1, 9, 0, GNTMAP_readonly), GNTST_bad_gntref);
    assert_int_equal(map_status(1, 512, 0, HOST), GNTST_bad_gntref);
    assert_int_equal(map_status(1, ~0U, 0, HOST), GNTST_bad_gntref);
    assert_int_equal(map_status(0, 0, 0, HOST), GNTST_bad_gntref); /* no table at all */
    assert_int_equal(map_status(1, 10, 0, HOST), GNTST_general_error);
    grant_v1(granter, 10, 3, frame, 0);
    assert_int_equal(map_status(1, 10, 0, HOST), GNTST_general_error);
    v1_entry(granter, 10)->domid = 2;
    v1_entry(granter, 10)->flags = GTF_accept_transfer;
    assert_int_equal(map_status(1, 10, 0, HOST), GNTST_general_error);
    v1_entry(granter, 10)->flags = GTF_transitive;
    assert_int_equal(map_status(1, 10, 0, HOST), GNTST_general_error);
    v1_entry(granter, 10)->flags = GTF_permit_access | GTF_sub_page;
    assert_int_equal(map_status(1, 10, 0, HOST_RO), GNTST_general_error);
    assert_int_equal(marks(10), 0);
    assert_int_equal(references(frame), 1);
}

static void test_map_of_frames_that_are_not_the_granters_to_give(void **state)
{
    mfn_t frame = new_frame(granter), others = new_frame(d0);

    grant_v1(granter, 9, 2, others, 0);
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_bad_page);
    assert_int_equal(map_status(1, 9, 0, HOST_RO), GNTST_bad_page);
    grant_v1(granter, 9, 2, mfn(0xffffffff), 0);
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_bad_page);
    /* A page table of the granter's: to read, not to write. */
    frame_of(frame)->state |= (uint64_t)FRAME_L1 << FRAME_TYPE_SHIFT | FRAME_TYPE_ONE;
    grant_v1(granter, 9, 2, frame, 0);
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_general_error);
    assert_int_equal(marks(9), 0);

    struct gnttab_map_grant_ref op = map_op(1, 9, 0, HOST_RO);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(map_status(1, 9, 1, HOST), GNTST_general_error);
    assert_int_equal(marks(9), READING);
    assert_int_equal(unmap_status(0, 0, op.handle), GNTST_okay);
    frame_of(frame)->state &= ~(FRAME_TYPE_MASK | FRAME_TYPE_COUNT);
}

static void test_a_refused_mapping_leaves_no_trace(void **state)
{
    mfn_t frame = new_frame(granter);
    uint64_t references_before = granter->references;

    grant_v1(granter, 9, 2, frame, 0);
    mmu.refuse_map = GNTST_bad_virt_addr;
    assert_int_equal(map_status(1, 9, 0, HOST), GNTST_bad_virt_addr);
    assert_int_equal(marks(9), 0);
    assert_int_equal(references(frame), 1);
    assert_int_equal(granter->references, references_before);
    mmu.refuse_map = GNTST_okay;
    assert_int_equal(map_op(1, 9, 0, HOST).handle, 0);
}

static void test_a_mapping_that_cannot_be_told_is_undone(void **state)
{
    mfn_t frame = new_frame(granter);
    struct gnttab_map_grant_ref op = {
        .host_addr = slot_address(0), .flags = HOST, .ref = 9, .dom = 1};
    unsigned char *place = guest_page + PAGE_SIZE - offsetof(struct gnttab_map_grant_ref, handle);

    grant_v1(granter, 9, 2, frame, 0);
    memcpy(place, &op, sizeof(op));
    host_guest_fault_from(PAGE_SIZE);
    assert_int_equal(hypercall_grant_table_op(GNTTABOP_map_grant_ref, host_guest_address(place), 1),
                     -EFAULT);
    host_guest_fault_from(~0ULL);
    assert_int_equal(marks(9), 0);
    assert_int_equal(references(frame), 1);
}

static void test_handles_run_out(void **state)
{
    assert_int_equal(grant_set_limits(grantee, 64, 1, 2), 0);
    grant_v1(granter, 9, 2, new_frame(granter), 0);
    for (unsigned int i = 0; i < TRACK_PER_PAGE; i++) {
        assert_int_equal(map_op(1, 9, i, HOST).handle, i);
    }
    assert_int_equal(map_status(1, 9, 300, HOST), GNTST_no_space);
    assert_int_equal(unmap_status(7, 0, 7), GNTST_okay);
    assert_int_equal(map_op(1, 9, 300, HOST).handle, 7);
}

/* ---- revocation ----------------------------------------------------------------------------- */

static void test_revocation_while_mapped(void **state)
{
    mfn_t frame = new_frame(granter);

    grant_v1(granter, 9, 2, frame, 0);

    uint32_t handle = map_op(1, 9, 0, HOST).handle;
    /* The granter may see the marks and wait, or break the rules: what is mapped stays mapped. */
    v1_entry(granter, 9)->flags = RW;
    assert_int_equal(map_status(1, 9, 1, HOST), GNTST_general_error);
    grant_v1(granter, 9, 2, new_frame(granter), RW);
    uint32_t again = map_op(1, 9, 1, HOST).handle;
    assert_true(mfn_equal(slots[1].mapping.frame, frame));
    grant_v1(granter, 9, 3, frame, 0);
    assert_int_equal(map_status(1, 9, 2, HOST), GNTST_general_error);
    run_as(d0->vcpus[0]);
    grant_v1(granter, 9, 0, frame, 0);
    assert_int_equal(map_status(1, 9, 2, HOST), GNTST_general_error); /* in another's use */
    run_as(grantee->vcpus[0]);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
    assert_int_equal(unmap_status(1, 0, again), GNTST_okay);
    assert_int_equal(references(frame), 1);
}

/* ---- unmap ---------------------------------------------------------------------------------- */

static void test_unmap_errors(void **state)
{
    grant_v1(granter, 9, 2, new_frame(granter), 0);

    uint32_t handle = map_op(1, 9, 0, HOST).handle;
    assert_int_equal(unmap_status(0, 0, handle + 1), GNTST_bad_handle);
    assert_int_equal(unmap_status(0, 0, 1 << 20), GNTST_bad_handle);
    assert_int_equal(unmap_status(0, 0, ~0U), GNTST_bad_handle);
    assert_int_equal(unmap_status(1, 0, handle), GNTST_general_error);
    run_as(granter->vcpus[0]);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_bad_handle); /* not this domain's */
    run_as(grantee->vcpus[0]);
    assert_int_equal(marks(9), RW);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_okay);
    assert_int_equal(unmap_status(0, 0, handle), GNTST_bad_handle);
}

static void see_marks_at_flush(void)
{
    assert_int_equal(marks(9), RW);
    assert_int_equal(marks(10), RW);
    assert_false(slots[0].used || slots[1].used);
}

static void test_granters_hear_of_it_after_one_flush(void **state)
{
    struct gnttab_unmap_grant_ref ops[2];

    for (unsigned int i = 0; i < 2; i++) {
        grant_v1(granter, 9 + i, 2, new_frame(granter), 0);
        ops[i] = (struct gnttab_unmap_grant_ref){.host_addr = slot_address(i),
                                                 .handle = map_op(1, 9 + i, i, HOST).handle};
    }
    mmu.at_flush = see_marks_at_flush;
    assert_int_equal(grant_call(GNTTABOP_unmap_grant_ref, ops, sizeof(ops[0]), 2), 0);
    assert_int_equal(ops[0].status, GNTST_okay);
    assert_int_equal(ops[1].status, GNTST_okay);
    assert_int_equal(mmu.flushes, 1);
    assert_int_equal(marks(9) | marks(10), 0);
}

static void test_one_batch_unmaps_both_mappings_of_a_handle(void **state)
{
    grant_v1(granter, 9, 2, new_frame(granter), 0);

    struct gnttab_map_grant_ref map = map_op(1, 9, 0, HOST | DEVICE);
    struct gnttab_unmap_grant_ref ops[3] = {
        {.host_addr = slot_address(0), .handle = map.handle},
        {.dev_bus_addr = map.dev_bus_addr, .handle = map.handle},
        {.dev_bus_addr = map.dev_bus_addr, .handle = map.handle},
    };
    assert_int_equal(grant_call(GNTTABOP_unmap_grant_ref, ops, sizeof(ops[0]), 3), 0);
    assert_int_equal(ops[0].status, GNTST_okay);
    assert_int_equal(ops[1].status, GNTST_okay);
    assert_int_equal(ops[2].status, GNTST_bad_handle);
    assert_int_equal(marks(9), 0);
}

static void test_long_batches(void **state)
{
    static struct gnttab_map_grant_ref maps[100];
    static struct gnttab_unmap_grant_ref unmaps[100];
    mfn_t frame = new_frame(granter);

    grant_v1(granter, 9, 2, frame, 0);
    for (unsigned int i = 0; i < 100; i++) {
        maps[i] = (struct gnttab_map_grant_ref){
            .host_addr = slot_address(i), .flags = HOST, .ref = i == 50 ? 8 : 9, .dom = 1};
    }
    assert_int_equal(grant_call(GNTTABOP_map_grant_ref, maps, sizeof(maps[0]), 100), 0);
    for (unsigned int i = 0; i < 100; i++) {
        assert_int_equal(maps[i].status, i == 50 ? GNTST_general_error : GNTST_okay);
        unmaps[i] = (struct gnttab_unmap_grant_ref){.host_addr = slot_address(i),
                                                    .handle = i == 50 ? ~0U : maps[i].handle};
    }
    assert_int_equal(grant_call(GNTTABOP_unmap_grant_ref, unmaps, sizeof(unmaps[0]), 100), 0);
    for (unsigned int i = 0; i < 100; i++) {
        assert_int_equal(unmaps[i].status, i == 50 ? GNTST_bad_handle : GNTST_okay);
    }
    assert_int_equal(mmu.flushes, 4);
    assert_int_equal(references(frame), 1);
}

static void test_batches_stop_for_work_and_go_on(void **state)
{
    struct gnttab_map_grant_ref maps[3];
    struct cpu_user_regs *regs = &grantee->vcpus[0]->regs;
    long result;

    grant_v1(granter, 9, 2, new_frame(granter), 0);
    for (unsigned int i = 0; i < 3; i++) {
        maps[i] = (struct gnttab_map_grant_ref){
            .host_addr = slot_address(i), .flags = HOST, .ref = 9, .dom = 1};
    }
    memcpy(guest_page, maps, sizeof(maps));
    regs->rsi = host_guest_address(guest_page).a;
    regs->rdx = 3;
    cpu_raise_self(WORK_TIMER);
    for (unsigned int left = 2; left > 0; left--) {
        result = hypercall_grant_table_op(GNTTABOP_map_grant_ref, gva(regs->rsi), regs->rdx);
        assert_int_equal(result, HYPERCALL_RESTART);
        assert_int_equal(regs->rdx, left);
    }
    result = hypercall_grant_table_op(GNTTABOP_map_grant_ref, gva(regs->rsi), regs->rdx);
    assert_int_equal(result, 0);
    this_cpu()->pending = 0;
    assert_true(slots[0].used && slots[1].used && slots[2].used);
}

static void test_unmap_and_replace(void **state)
{
    mfn_t ours = new_frame(grantee), theirs = new_frame(granter);
    struct grant_mapping own = {ours, grantee, true, 0, 0};

    grant_v1(granter, 9, 2, theirs, 0);
    assert_int_equal(fake_map(grantee->vcpus[0], slot_address(1), &own), GNTST_okay);

    struct gnttab_unmap_and_replace op = {.host_addr = slot_address(0),
                                          .new_addr = slot_address(1),
                                          .handle = map_op(1, 9, 0, HOST).handle};
    assert_int_equal(GRANT_CALL(GNTTABOP_unmap_and_replace, &op), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_true(slots[0].used && mfn_equal(slots[0].mapping.frame, ours));
    assert_false(slots[1].used);
    assert_int_equal(marks(9), 0);
    assert_int_equal(mmu.flushes, 1);
    assert_int_equal(GRANT_CALL(GNTTABOP_unmap_and_replace, &op), 0);
    assert_int_equal(op.status, GNTST_bad_handle);
    op.handle = map_op(1, 9, 2, HOST).handle;
    assert_int_equal(GRANT_CALL(GNTTABOP_unmap_and_replace, &op), 0);
    assert_int_equal(op.status, GNTST_general_error); /* slot 0 is not that mapping */
    assert_int_equal(marks(9), RW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_map_marks_the_entry_and_holds_the_frame),
        TEST(test_map_read_only),
        TEST(test_marks_follow_the_last_reader_and_the_last_writer),
        TEST(test_map_for_devices_only),
        TEST(test_handle_lives_until_both_of_its_mappings_are_gone),
        TEST(test_what_the_page_tables_are_told),
        TEST(test_a_domain_maps_its_own_grant),
        TEST(test_map_errors),
        TEST(test_map_of_frames_that_are_not_the_granters_to_give),
        TEST(test_a_refused_mapping_leaves_no_trace),
        TEST(test_a_mapping_that_cannot_be_told_is_undone),
        TEST(test_handles_run_out),
        TEST(test_revocation_while_mapped),
        TEST(test_unmap_errors),
        TEST(test_granters_hear_of_it_after_one_flush),
        TEST(test_one_batch_unmaps_both_mappings_of_a_handle),
        TEST(test_long_batches),
        TEST(test_batches_stop_for_work_and_go_on),
        TEST(test_unmap_and_replace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
