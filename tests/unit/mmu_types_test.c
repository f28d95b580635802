// SPDX-License-Identifier: Apache-2.0
// The type state machine: how frames become tables and cease to be.
#include "mmu_fixture.h"

static void test_a_pinned_tree_has_its_types(void **state)
{
    assert_int_equal(type_of(space.table[4]), FRAME_L4);
    assert_int_equal(type_of(space.table[3]), FRAME_L3);
    assert_int_equal(type_of(space.table[2]), FRAME_L2);
    assert_int_equal(type_of(space.table[1]), FRAME_L1);
    assert_int_equal(type_of(space.data[0]), FRAME_WRITABLE);
    assert_int_equal(types_of(space.table[4]), 2); /* the pin and the base */
    assert_int_equal(types_of(space.table[1]), 1);
    assert_int_equal(references_of(space.data[0]), 2);
}

static void test_each_level_can_be_pinned_and_unpinned(void **state)
{
    for (unsigned int level = 1; level <= 3; level++) {
        assert_int_equal(pin(space.table[level], level), 0);
        assert_true(has_flag(space.table[level], FRAME_PINNED));
        assert_int_equal(pin(space.table[level], level), -EINVAL);
        assert_int_equal(unpin(space.table[level]), 0);
        assert_int_equal(unpin(space.table[level]), -EINVAL);
    }
}

static void test_a_table_is_refused_at_another_level(void **state)
{
    for (unsigned int level = 1; level <= 4; level++) {
        for (unsigned int other = 1; other <= 4; other++) {
            if (other != level) {
                assert_int_equal(pin(space.table[level], other), -EINVAL);
            }
        }
    }
}

static void test_a_page_mapped_writable_is_no_table(void **state)
{
    for (unsigned int level = 1; level <= 4; level++) {
        assert_int_equal(pin(space.data[0], level), -EINVAL);
    }
}

static void test_a_refused_table_is_ordinary_memory_again(void **state)
{
    mfn_t table = new_frame(guest);

    table_at(table)[0] = entry_for(space.data[0], KERNEL_RW);
    table_at(table)[511] = entry_for(space.table[1], KERNEL_RW);
    assert_int_equal(pin(table, 1), -EINVAL);
    assert_int_equal(types_of(table), 0);
    assert_int_equal(references_of(space.data[0]), 2);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(table, KERNEL_RW)), 0);
}

static void test_entries_of_other_owners_frames_keep_a_table_from_being_one(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t theirs = new_frame(other), table = new_frame(guest);

    table_at(table)[3] = entry_for(theirs, KERNEL_RO);
    assert_int_equal(pin(table, 1), -EINVAL);
    table_at(table)[3] = entry_for(mfn(guest->shared_mfn), KERNEL_RW);
    assert_int_equal(pin(table, 1), 0);
    assert_int_equal(unpin(table), 0);
    end_domain(other);
}

static void test_a_table_of_another_domain_is_refused(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t theirs = new_frame(other);

    assert_int_equal(pin(theirs, 1), -EINVAL);
    assert_int_equal(set_entry(space.table[2], 1, entry_for(theirs, TABLE)), -EINVAL);
    end_domain(other);
}

/* A frame's record is the heap's own business while the frame is. */
static void test_a_heap_page_named_as_a_table_stays_as_it_is(void **state)
{
    unsigned char *first = heap_alloc(64), *second = heap_alloc(64);
    mfn_t page = virt_to_frame(first);
    struct frame before = *frame_of(page);

    for (unsigned int level = 1; level <= 4; level++) {
        assert_int_equal(pin(page, level), -EINVAL);
    }
    assert_int_equal(set_entry(space.table[1], 20, entry_for(page, KERNEL_RW)), -EINVAL);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(page, KERNEL_RO)), -EINVAL);
    assert_int_equal(set_entry(space.table[2], 20, entry_for(page, TABLE)), -EINVAL);
    assert_int_equal(mmuext(MMUEXT_CLEAR_PAGE, page.n), -EINVAL);
    assert_memory_equal(frame_of(page), &before, sizeof(before));
    heap_free(first);
    heap_free(second);
}

static void test_shared_info_is_never_a_table(void **state)
{
    assert_int_equal(pin(mfn(guest->shared_mfn), 1), -EINVAL);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(mfn(guest->shared_mfn), KERNEL_RW)),
                     0);
}

static void test_bits_that_a_table_may_not_have_are_refused_when_it_is_validated(void **state)
{
    mfn_t l1 = new_frame(guest), l2 = new_frame(guest);

    table_at(l2)[7] = entry_for(l1, TABLE | PTE_PSE);
    assert_int_equal(pin(l2, 2), -EINVAL);
    table_at(l2)[7] = entry_for(l1, TABLE | PTE_G);
    assert_int_equal(pin(l2, 2), -EINVAL);
    table_at(l2)[7] = entry_for(l1, TABLE);
    assert_int_equal(pin(l2, 2), 0);
}

static void test_the_hypervisors_slots_are_filled_in_and_not_counted(void **state)
{
    mfn_t l4 = new_frame(guest);

    table_at(l4)[256] = entry_for(space.data[0], TABLE);
    table_at(l4)[271] = 0x1234001;
    assert_int_equal(pin(l4, 4), 0);
    assert_int_equal(table_at(l4)[256], template_slots[0]);
    for (unsigned int i = 1; i < 16; i++) {
        assert_int_equal(table_at(l4)[256 + i], template_slots[i] & ~PTE_US);
    }
}

/* ---- stale translations ------------------------------------------------------------------------
 */

static void test_a_page_unmapped_without_a_flush_is_flushed_when_it_becomes_a_table(void **state)
{
    unsigned long before;

    assert_int_equal(set_entry(space.table[1], 0, 0), 0);
    memset(table_at(space.data[0]), 0, PAGE_SIZE);
    before = host_calls.tlb_flush_cpus;
    assert_int_equal(pin(space.data[0], 1), 0);
    assert_int_equal(host_calls.tlb_flush_cpus, before + 1);
}

static void test_a_flush_in_between_spares_that_one(void **state)
{
    unsigned long before;

    assert_int_equal(set_entry(space.table[1], 0, 0), 0);
    memset(table_at(space.data[0]), 0, PAGE_SIZE);
    assert_int_equal(mmuext(MMUEXT_TLB_FLUSH_ALL, 0), 0);
    host_become_cpu(1);
    arch_tlb_flush_local();
    host_become_cpu(0);
    before = host_calls.tlb_flush_cpus;
    assert_int_equal(pin(space.data[0], 1), 0);
    assert_int_equal(host_calls.tlb_flush_cpus, before);
}

static void test_a_table_is_flushed_before_it_can_be_written(void **state)
{
    unsigned long before;

    assert_int_equal(set_entry(space.table[2], 0, 0), 0);
    assert_int_equal(types_of(space.table[1]), 0);
    before = host_calls.tlb_flush_cpus;
    assert_int_equal(mmuext(MMUEXT_CLEAR_PAGE, space.table[1].n), 0);
    assert_int_equal(host_calls.tlb_flush_cpus, before + 1);
    assert_int_equal(mmuext(MMUEXT_CLEAR_PAGE, space.table[1].n), 0);
    assert_int_equal(host_calls.tlb_flush_cpus, before + 1);
}

static void test_a_frame_mapped_read_only_is_flushed_when_someone_else_gets_it(void **state)
{
    mfn_t page = new_frame(guest), again;
    unsigned long before;

    assert_int_equal(set_entry(space.table[1], 20, entry_for(page, KERNEL_RO)), 0);
    assert_int_equal(set_entry(space.table[1], 20, 0), 0);
    assert_int_equal(domain_give_back(guest, page), 0);
    before = host_calls.tlb_flush_cpus;
    again = frames_alloc(0, 64);
    assert_int_equal(again.n, page.n);
    assert_int_equal(host_calls.tlb_flush_cpus, before + 1);
    frames_free(again, 0);
}

/* ---- linear page tables ------------------------------------------------------------------------
 */

static void test_a_top_level_table_may_map_itself_read_only(void **state)
{
    assert_int_equal(set_entry(space.table[4], 300, entry_for(space.table[4], LINEAR)), 0);
    assert_int_equal(types_of(space.table[4]), 2);
    assert_int_equal(set_entry(space.table[4], 300, 0), 0);
}

static void test_a_table_may_not_map_itself_writable(void **state)
{
    assert_int_equal(set_entry(space.table[4], 300, entry_for(space.table[4], TABLE)), -EINVAL);
    assert_int_equal(set_entry(space.table[2], 300, entry_for(space.table[2], TABLE)), -EINVAL);
}

static void test_a_table_that_maps_itself_comes_apart(void **state)
{
    mfn_t l4 = new_frame(guest);

    table_at(l4)[300] = entry_for(l4, LINEAR);
    assert_int_equal(pin(l4, 4), 0);
    assert_int_equal(unpin(l4), 0);
    assert_int_equal(types_of(l4), 0);
    assert_int_equal(references_of(l4), 1);
}

static void test_a_table_may_map_another_of_its_level_read_only(void **state)
{
    mfn_t l4 = new_frame(guest);

    table_at(l4)[300] = entry_for(space.table[4], LINEAR);
    assert_int_equal(pin(l4, 4), 0);
    assert_int_equal(types_of(space.table[4]), 3);
    assert_int_equal(frame_of(space.table[4])->linear_uses, 1);
    assert_int_equal(frame_of(l4)->linear_uses, -1);
    assert_int_equal(unpin(l4), 0);
    assert_int_equal(types_of(space.table[4]), 2);
    assert_int_equal(frame_of(space.table[4])->linear_uses, 0);
    assert_int_equal(frame_of(l4)->linear_uses, 0);
}

static void test_two_tables_may_not_map_each_other(void **state)
{
    mfn_t l4 = new_frame(guest), third = new_frame(guest);

    assert_int_equal(pin(l4, 4), 0);
    assert_int_equal(pin(third, 4), 0);
    assert_int_equal(set_entry(l4, 300, entry_for(space.table[4], LINEAR)), 0);
    assert_int_equal(set_entry(space.table[4], 300, entry_for(l4, LINEAR)), -EINVAL);
    /* Nor in a longer chain. */
    assert_int_equal(set_entry(third, 300, entry_for(l4, LINEAR)), -EINVAL);
    assert_int_equal(set_entry(space.table[4], 300, entry_for(third, LINEAR)), -EINVAL);
    /* But several may map one. */
    assert_int_equal(set_entry(third, 300, entry_for(space.table[4], LINEAR)), 0);
}

static void test_a_table_that_is_mapped_by_another_outlives_its_pin(void **state)
{
    mfn_t l4 = new_frame(guest), mapped = new_frame(guest);

    assert_int_equal(pin(mapped, 4), 0);
    table_at(l4)[300] = entry_for(mapped, LINEAR);
    assert_int_equal(pin(l4, 4), 0);
    assert_int_equal(unpin(mapped), 0);
    assert_int_equal(types_of(mapped), 1);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(mapped, KERNEL_RW)), -EINVAL);
    assert_int_equal(unpin(l4), 0);
    assert_int_equal(types_of(mapped), 0);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(mapped, KERNEL_RW)), 0);
}

static void test_a_linear_mapping_of_what_is_no_table_yet_is_refused(void **state)
{
    mfn_t l4 = new_frame(guest), plain = new_frame(guest);

    table_at(l4)[300] = entry_for(plain, LINEAR);
    /* An empty page is a fine L3, read-only or not: that is what it becomes. */
    assert_int_equal(pin(l4, 4), 0);
    assert_int_equal(type_of(plain), FRAME_L3);
    assert_int_equal(pin(plain, 4), -EINVAL);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static void test_a_domain_with_pinned_tables_gives_every_frame_back(void **state)
{
    struct domain *d = new_domain(2, 1, false);
    struct space s;

    build_space(d, &s);
    run_as(d->vcpus[0]);
    table_at(s.table[4])[300] = entry_for(s.table[4], LINEAR);
    table_at(s.table[1])[20] = entry_for(s.table[1], KERNEL_RO);
    for (unsigned int level = 1; level <= 4; level++) {
        assert_int_equal(pin(s.table[level], level), 0);
    }
    assert_int_equal(new_base(s.table[4]), 0);
    run_as(vcpu);
    end_domain(d);
}

static void test_a_table_given_back_while_in_use_goes_with_its_last_use(void **state)
{
    uint64_t free_before = frames_free_count();

    assert_int_equal(domain_give_back(guest, space.table[1]), 0);
    assert_int_equal(domain_give_back(guest, space.table[1]), -EINVAL);
    audit();
    assert_int_equal(frames_free_count(), free_before);
    assert_int_equal(set_entry(space.table[2], 0, 0), 0);
    assert_int_equal(frames_free_count(), free_before + 1);
}

static void test_a_frame_given_back_can_not_be_pinned_for_ever(void **state)
{
    mfn_t table = new_frame(guest);

    assert_int_equal(set_entry(space.table[1], 20, entry_for(table, KERNEL_RO)), 0);
    assert_int_equal(domain_give_back(guest, table), 0);
    assert_int_equal(pin(table, 1), -EINVAL);
    assert_false(has_flag(table, FRAME_PINNED));
}

/* One turn of a call, and no audit: the counts are not true. */
static long set_entry_unaudited(mfn_t table, unsigned int slot, pte_t value)
{
    struct mmu_update request = {maddr_of_entry(table, slot), value};

    memcpy(guest_page, &request, sizeof(request));
    set_arguments(address_of(guest_page), 1, 0, DOMID_SELF);
    return one_turn(CALL_MMU_UPDATE);
}

static void test_counts_end_before_they_overflow(void **state)
{
    mfn_t table = new_frame(guest);
    uint64_t more;

    assert_int_equal(pin(table, 1), 0);
    more = (FRAME_COUNT_LIMIT - references_of(table)) * FRAME_REF_ONE;
    frame_of(table)->state += more;
    assert_int_equal(set_entry_unaudited(space.table[2], 7, entry_for(table, TABLE)), -EINVAL);
    assert_int_equal(set_entry_unaudited(space.table[1], 70, entry_for(table, KERNEL_RO)), -EINVAL);
    frame_of(table)->state -= more;
    more = (FRAME_COUNT_LIMIT - references_of(space.data[0])) * FRAME_REF_ONE;
    frame_of(space.data[0])->state += more;
    assert_int_equal(set_entry_unaudited(space.table[1], 70, entry_for(space.data[0], KERNEL_RW)),
                     -EINVAL);
    frame_of(space.data[0])->state -= more;
    audit();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_counts_end_before_they_overflow),
        guest_test(test_a_pinned_tree_has_its_types),
        guest_test(test_each_level_can_be_pinned_and_unpinned),
        guest_test(test_a_table_is_refused_at_another_level),
        guest_test(test_a_page_mapped_writable_is_no_table),
        guest_test(test_a_refused_table_is_ordinary_memory_again),
        guest_test(test_entries_of_other_owners_frames_keep_a_table_from_being_one),
        guest_test(test_a_table_of_another_domain_is_refused),
        guest_test(test_a_heap_page_named_as_a_table_stays_as_it_is),
        guest_test(test_shared_info_is_never_a_table),
        guest_test(test_bits_that_a_table_may_not_have_are_refused_when_it_is_validated),
        guest_test(test_the_hypervisors_slots_are_filled_in_and_not_counted),
        guest_test(test_a_page_unmapped_without_a_flush_is_flushed_when_it_becomes_a_table),
        guest_test(test_a_flush_in_between_spares_that_one),
        guest_test(test_a_table_is_flushed_before_it_can_be_written),
        guest_test(test_a_frame_mapped_read_only_is_flushed_when_someone_else_gets_it),
        guest_test(test_a_top_level_table_may_map_itself_read_only),
        guest_test(test_a_table_may_not_map_itself_writable),
        guest_test(test_a_table_that_maps_itself_comes_apart),
        guest_test(test_a_table_may_map_another_of_its_level_read_only),
        guest_test(test_two_tables_may_not_map_each_other),
        guest_test(test_a_table_that_is_mapped_by_another_outlives_its_pin),
        guest_test(test_a_linear_mapping_of_what_is_no_table_yet_is_refused),
        guest_test(test_a_domain_with_pinned_tables_gives_every_frame_back),
        guest_test(test_a_table_given_back_while_in_use_goes_with_its_last_use),
        guest_test(test_a_frame_given_back_can_not_be_pinned_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
