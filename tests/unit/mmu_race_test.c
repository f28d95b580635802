// SPDX-License-Identifier: Apache-2.0
// Page-table calls of two CPUs on the same tables: whatever the moment at which one comes in
// between the other, the end is that of one after the other, or one of them is refused.
#include "race_fixture.h"

static unsigned int succeeded(void)
{
    return (result[0] == 0) + (result[1] == 0);
}

static void check_one(void)
{
    assert_int_equal(succeeded(), 1);
}

static void check_both(void)
{
    assert_int_equal(succeeded(), 2);
}

static void check_anything(void)
{
    for (unsigned int cpu = 0; cpu < 2; cpu++) {
        assert_true(result[cpu] == 0 || result[cpu] == -EINVAL);
    }
}

/* ---- types ------------------------------------------------------------------------------------
 */

static void pin_spare_as_l1(void)
{
    call_pin(spare, 1);
}

static void pin_spare_as_l2(void)
{
    call_pin(spare, 2);
}

static void map_spare_writable(void)
{
    call_update(space.table[1], 40, 0, entry_for(spare, KERNEL_RW));
}

static void test_a_page_is_a_table_or_writable(void **state)
{
    run_both_ways(
        (struct race){.first = pin_spare_as_l1, .second = map_spare_writable, .check = check_one});
}

static void test_a_page_is_a_table_of_one_level(void **state)
{
    run_both_ways(
        (struct race){.first = pin_spare_as_l1, .second = pin_spare_as_l2, .check = check_one});
}

/* Entries to check, which take their time. */
static void fill_spare(void)
{
    for (unsigned int i = 0; i < 4; i++) {
        table_at(spare)[i * 100] = entry_for(space.data[i], KERNEL_RW);
    }
}

static void test_a_table_is_pinned_once(void **state)
{
    run_race((struct race){.prepare = fill_spare,
                           .first = pin_spare_as_l1,
                           .second = pin_spare_as_l1,
                           .check = check_one});
}

static void use_spare_in_l2(void)
{
    call_update(space.table[2], 1, 0, entry_for(spare, TABLE));
}

static void test_who_wants_a_table_that_is_being_checked_waits(void **state)
{
    run_both_ways((struct race){.prepare = fill_spare,
                                .first = pin_spare_as_l1,
                                .second = use_spare_in_l2,
                                .check = check_both});
}

static void spare_is_pinned(void)
{
    fill_spare();
    assert_int_equal(pin(spare, 1), 0);
}

static void spare_is_pinned_and_used(void)
{
    spare_is_pinned();
    assert_int_equal(set_entry(space.table[2], 1, entry_for(spare, TABLE)), 0);
}

static void unpin_spare(void)
{
    call_unpin(spare);
}

static void use_spare_no_more(void)
{
    call_update(space.table[2], 1, 0, 0);
}

static void check_spare_is_no_table(void)
{
    check_both();
    assert_int_equal(types_of(spare), 0);
    assert_int_equal(references_of(spare), 1);
}

static void test_the_last_of_two_uses_releases_the_table(void **state)
{
    run_both_ways((struct race){.prepare = spare_is_pinned_and_used,
                                .first = unpin_spare,
                                .second = use_spare_no_more,
                                .check = check_spare_is_no_table});
}

static void use_spare_twice_in_l2(void)
{
    call_update(space.table[2], 1, 0, entry_for(spare, TABLE));
    call_update(space.table[2], 2, 0, entry_for(spare, TABLE));
}

static void test_a_use_comes_as_another_goes(void **state)
{
    run_both_ways((struct race){.prepare = spare_is_pinned,
                                .first = unpin_spare,
                                .second = use_spare_twice_in_l2,
                                .check = check_both});
}

static void look_at_spare(void)
{
    call_update(space.table[1], 41, 0, entry_for(spare, KERNEL_RO));
}

static void use_and_forget_spare(void)
{
    use_spare_in_l2();
    use_spare_no_more();
}

static void test_references_come_and_go_while_types_change(void **state)
{
    run_both_ways(
        (struct race){.first = pin_spare_as_l1, .second = look_at_spare, .check = check_both});
    run_both_ways((struct race){.prepare = spare_is_pinned,
                                .first = unpin_spare,
                                .second = look_at_spare,
                                .check = check_both});
    run_both_ways((struct race){.prepare = spare_is_pinned_and_used,
                                .first = use_spare_twice_in_l2,
                                .second = look_at_spare,
                                .check = check_both});
    run_both_ways((struct race){.prepare = spare_is_pinned,
                                .first = use_and_forget_spare,
                                .second = look_at_spare,
                                .check = check_both});
}

static void pin_and_look_at_spare(void)
{
    call_pin(spare, 1);
    look_at_spare();
}

static void unpin_and_use_spare(void)
{
    call_unpin(spare);
    use_spare_in_l2();
}

static void test_a_use_that_is_one_more_finds_no_table_any_more(void **state)
{
    run_both_ways((struct race){.prepare = spare_is_pinned_and_used,
                                .first = use_spare_twice_in_l2,
                                .second = unpin_and_use_spare,
                                .check = check_both});
}

/* Found unfinished, then finished, and then with one more use than a moment ago. */
static void test_a_table_changes_more_than_once_while_it_is_looked_at(void **state)
{
    run_race((struct race){.first = use_spare_in_l2,
                           .second = pin_and_look_at_spare,
                           .check = check_both,
                           .depth = 3});
}

/* ---- a frame that becomes another's ------------------------------------------------------------
 */

static struct domain *other;

static void spare_is_pinned_and_another_domain_waits(void)
{
    other = new_domain(2, 1, false);
    other->max_pages = 32;
    other->vcpus[0]->cpu = cpus[1];
    spare_is_pinned();
}

/* The domain gives up its table, and the other one makes the very same of the frame. */
static void spare_changes_hands(void)
{
    mfn_t m = mfn(MFN_INVALID);

    call_unpin(spare);
    call_give_back(spare);
    cpus[1]->current = other->vcpus[0];
    for (unsigned int i = 0; i < MACHINE_FRAMES && !mfn_equal(m, spare); i++) {
        if (domain_add_frames(other, 0, 64, &m) != 0) {
            return; /* it is still the first one's */
        }
    }
    call_pin(spare, 1);
}

static void check_hands(void)
{
    assert_true(result[0] == 0 || result[0] == -EINVAL);
    assert_int_equal(frame_of(spare)->owner, result[0] == 0 ? guest->id : other->id);
    cpus[1]->current = guest->vcpus[1];
    end_domain(other);
}

static void test_another_domains_table_is_not_used(void **state)
{
    run_race((struct race){.prepare = spare_is_pinned_and_another_domain_waits,
                           .first = use_spare_in_l2,
                           .second = spare_changes_hands,
                           .check = check_hands});
}

/* ---- a table's own lock ------------------------------------------------------------------------
 */

static mfn_t l2; /* pinned, with children that take their time */

static void build_l2(void)
{
    l2 = new_frame(guest);
    for (unsigned int i = 0; i < 3; i++) {
        table_at(l2)[i] = entry_for(new_frame(guest), TABLE);
    }
}

static void l2_is_pinned(void)
{
    build_l2();
    assert_int_equal(pin(l2, 2), 0);
}

static void edit_l2(void)
{
    call_update(l2, 5, 0, entry_for(space.table[1], TABLE));
}

static void edit_l2_elsewhere(void)
{
    call_update(l2, 5, 0, 0);
    call_update(l2, 1, 0, 0);
}

static void test_edits_of_one_table_come_one_after_the_other(void **state)
{
    run_both_ways((struct race){.prepare = l2_is_pinned,
                                .first = edit_l2,
                                .second = edit_l2_elsewhere,
                                .check = check_both});
}

static void unpin_l2(void)
{
    call_unpin(l2);
}

static void pin_l2(void)
{
    call_pin(l2, 2);
}

static void check_l2_has_gone(void)
{
    assert_int_equal(types_of(l2), 0);
    check_anything();
}

static void test_an_edit_finds_a_table_or_none(void **state)
{
    struct race race = {
        .prepare = l2_is_pinned, .first = unpin_l2, .second = edit_l2, .check = check_l2_has_gone};

    run_both_ways(race);
    race.interrupted = true;
    run_both_ways(race);
}

static void look_at_l2(void)
{
    call_update(space.table[1], 41, 0, entry_for(l2, KERNEL_RO));
}

static void test_interrupted_work_goes_on_whatever_came_between(void **state)
{
    run_race((struct race){.prepare = build_l2,
                           .first = pin_l2,
                           .second = look_at_l2,
                           .check = check_both,
                           .interrupted = true});
    run_race((struct race){.prepare = l2_is_pinned,
                           .first = unpin_l2,
                           .second = look_at_l2,
                           .check = check_both,
                           .interrupted = true});
    run_race((struct race){.prepare = build_l2,
                           .first = pin_l2,
                           .second = pin_l2,
                           .check = check_one,
                           .interrupted = true});
}

/* ---- linear tables -----------------------------------------------------------------------------
 */

static mfn_t mapper, mapped;

static void two_l3s(void)
{
    mapper = new_frame(guest);
    mapped = new_frame(guest);
    assert_int_equal(pin(mapper, 3), 0);
    assert_int_equal(pin(mapped, 3), 0);
}

static void map_linearly(void)
{
    call_update(mapper, 7, 0, entry_for(mapped, LINEAR));
}

static void map_the_other_way(void)
{
    call_update(mapped, 7, 0, entry_for(mapper, LINEAR));
}

static void map_itself_in_a_third(void)
{
    call_update(space.table[3], 7, 0, entry_for(mapped, LINEAR));
}

static void unpin_mapped(void)
{
    call_unpin(mapped);
}

static void use_mapped_as_l1(void)
{
    call_unpin(mapped);
    call_pin(mapped, 1);
}

static void check_at_most_one(void)
{
    check_anything();
    assert_true(succeeded() <= 1);
}

static void test_tables_do_not_map_each_other(void **state)
{
    run_both_ways((struct race){.prepare = two_l3s,
                                .first = map_linearly,
                                .second = map_the_other_way,
                                .check = check_at_most_one});
}

static void test_a_linear_mapping_comes_as_its_table_goes(void **state)
{
    run_both_ways((struct race){.prepare = two_l3s,
                                .first = map_linearly,
                                .second = unpin_mapped,
                                .check = check_anything});
    run_both_ways((struct race){.prepare = two_l3s,
                                .first = map_linearly,
                                .second = use_mapped_as_l1,
                                .check = check_anything});
}

static void test_two_map_one_table(void **state)
{
    run_both_ways((struct race){.prepare = two_l3s,
                                .first = map_linearly,
                                .second = map_itself_in_a_third,
                                .check = check_both});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_is_a_table_or_writable),
        cmocka_unit_test(test_a_page_is_a_table_of_one_level),
        cmocka_unit_test(test_a_table_is_pinned_once),
        cmocka_unit_test(test_who_wants_a_table_that_is_being_checked_waits),
        cmocka_unit_test(test_the_last_of_two_uses_releases_the_table),
        cmocka_unit_test(test_a_use_comes_as_another_goes),
        cmocka_unit_test(test_references_come_and_go_while_types_change),
        cmocka_unit_test(test_a_use_that_is_one_more_finds_no_table_any_more),
        cmocka_unit_test(test_a_table_changes_more_than_once_while_it_is_looked_at),
        cmocka_unit_test(test_another_domains_table_is_not_used),
        cmocka_unit_test(test_edits_of_one_table_come_one_after_the_other),
        cmocka_unit_test(test_an_edit_finds_a_table_or_none),
        cmocka_unit_test(test_interrupted_work_goes_on_whatever_came_between),
        cmocka_unit_test(test_tables_do_not_map_each_other),
        cmocka_unit_test(test_a_linear_mapping_comes_as_its_table_goes),
        cmocka_unit_test(test_two_map_one_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
