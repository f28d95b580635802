// SPDX-License-Identifier: Apache-2.0
// Page-table calls of two CPUs on the same tables: whatever the moment at which one comes in
// between the other, the end is that of one after the other, or one of them is refused.
#include "race_fixture.h"

#include "mmu/peek.h"
#include "mmu/trapped_write.h"

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

/* ---- the processor's bits ----------------------------------------------------------------------
 */

#define SLOT 3U

static pte_t *entry(void)
{
    return &table_at(space.table[1])[SLOT];
}

static void without_bits(void)
{
    assert_int_equal(set_entry(space.table[1], SLOT, entry_for(space.data[3], PTE_P | PTE_RW)), 0);
}

/* A walk and a store, as other processors do them at any time. */
static void set_bits(void)
{
    if ((*entry() & PTE_P) != 0) {
        *entry() |= PTE_A | PTE_D;
    }
}

static void replace_keeping_bits(void)
{
    call_update(space.table[1], SLOT, MMU_PT_UPDATE_PRESERVE_AD, entry_for(spare, PTE_P));
}

static void check_bits(void)
{
    assert_int_equal(result[0], 0);
    assert_int_equal(*entry() & (PTE_A | PTE_D), PTE_A | PTE_D);
    assert_int_equal(pte_mfn(*entry()).n, spare.n);
}

static void test_accessed_and_dirty_are_kept_whenever_they_come(void **state)
{
    run_race((struct race){.prepare = without_bits,
                           .first = replace_keeping_bits,
                           .second = set_bits,
                           .check = check_bits});
}

static pte_t to_write;

static void write_directly(void)
{
    struct trapped_write w;
    uint64_t va = 41 * PAGE_SIZE + SLOT * sizeof(pte_t);

    result[0] = trapped_write_begin(vcpu, va, &w) ? trapped_write_commit(vcpu, &w, to_write) : 1;
}

static void table_is_mapped(void)
{
    without_bits();
    assert_int_equal(set_entry(space.table[1], 41, entry_for(space.table[1], KERNEL_RO)), 0);
}

/* Done before they came, or begun anew by the guest: in neither case does one get lost. */
static void check_written_or_not(void)
{
    if (result[0] == 0) {
        assert_int_equal(pte_mfn(*entry()).n, pte_mfn(to_write).n);
    } else {
        assert_int_equal(result[0], -EAGAIN);
        assert_int_equal(pte_mfn(*entry()).n, space.data[3].n);
        assert_int_equal(*entry() & (PTE_A | PTE_D), PTE_A | PTE_D);
    }
}

static void write_nothing(void)
{
    to_write = 0;
    write_directly();
}

static void write_another_page(void)
{
    to_write = entry_for(spare, PTE_P | PTE_RW);
    write_directly();
}

static void write_the_same_page(void)
{
    to_write = entry_for(space.data[3], PTE_P | PTE_RW | PTE_US);
    write_directly();
}

static void test_a_direct_write_loses_no_bit_of_the_processors(void **state)
{
    run_race((struct race){.prepare = table_is_mapped,
                           .first = write_nothing,
                           .second = set_bits,
                           .check = check_written_or_not});
    run_race((struct race){.prepare = table_is_mapped,
                           .first = write_another_page,
                           .second = set_bits,
                           .check = check_written_or_not});
    run_race((struct race){.prepare = table_is_mapped,
                           .first = write_the_same_page,
                           .second = set_bits,
                           .check = check_written_or_not});
}

/* ---- walks -------------------------------------------------------------------------------------
 */

static void forget_l1(void)
{
    call_update(space.table[2], 0, 0, 0);
}

static void map_by_address(void)
{
    set_arguments(20 * PAGE_SIZE, entry_for(spare, KERNEL_RW), UVMF_NONE, 0);
    finish(CALL_VA_MAPPING);
}

static void test_a_table_may_go_after_a_walk_has_found_it(void **state)
{
    run_race((struct race){.first = map_by_address, .second = forget_l1, .check = check_anything});
}

static void set_ldt(void)
{
    assert_int_equal(set_entry(space.table[1], 21, entry_for(spare, KERNEL_RO)), 0);
    assert_int_equal(ldt_set(vcpu, 21 * PAGE_SIZE, 512), 0);
}

static void touch_ldt(void)
{
    result[0] = ldt_show_page(vcpu, 8) ? 0 : -EINVAL;
}

static void check_ldt(void)
{
    check_anything();
    assert_int_equal(types_of(spare), result[0] == 0);
    ldt_drop(vcpu);
}

static void test_a_page_of_an_ldt_is_found_or_not(void **state)
{
    run_race((struct race){
        .prepare = set_ldt, .first = touch_ldt, .second = forget_l1, .check = check_ldt});
}

static void check_one_ldt(void)
{
    check_one();
    ldt_drop(vcpu);
}

static void test_a_page_of_an_ldt_is_not_writable(void **state)
{
    run_race((struct race){.prepare = set_ldt,
                           .first = touch_ldt,
                           .second = map_spare_writable,
                           .check = check_one_ldt});
}

static void peek(void)
{
    uint64_t word;

    result[0] = peek_read(vcpu, 0, &word, sizeof(word));
}

static void check_peek(void)
{
    assert_true(result[0] == 0 || result[0] == -EFAULT);
}

static void test_a_debugger_looks_at_a_table_that_goes(void **state)
{
    run_race((struct race){.first = peek, .second = forget_l1, .check = check_peek});
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
        cmocka_unit_test(test_accessed_and_dirty_are_kept_whenever_they_come),
        cmocka_unit_test(test_a_direct_write_loses_no_bit_of_the_processors),
        cmocka_unit_test(test_a_table_may_go_after_a_walk_has_found_it),
        cmocka_unit_test(test_a_page_of_an_ldt_is_found_or_not),
        cmocka_unit_test(test_a_page_of_an_ldt_is_not_writable),
        cmocka_unit_test(test_a_debugger_looks_at_a_table_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
