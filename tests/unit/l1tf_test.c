// SPDX-License-Identifier: Apache-2.0
// Absent page-table entries of a domain that is checked name no memory; and roots of isolated
// domains are counted when they change.
#include "mmu/l1tf.h"
#include "mmu_fixture.h"

#define SWAPPED 0x80ULL /* some flag of an entry that is not present */

static pte_t absent(mfn_t m)
{
    return m.n << PAGE_SHIFT | SWAPPED;
}

static int checked_setup(void **state)
{
    int error = guest_setup(state);

    guest->absent_checked = true;
    speculation.frame_mask = (1ULL << 28) - 1; /* 40 address bits */
    return error;
}

static int checked_teardown(void **state)
{
    speculation.frame_mask = 0;
    return guest_teardown(state);
}

static void an_absent_entry_that_names_memory_is_refused(void **state)
{
    for (unsigned int level = 1; level <= 4; level++) {
        pte_t before = table_at(space.table[level])[7];
        assert_int_equal(set_entry(space.table[level], 7, absent(space.data[0])), -EINVAL);
        assert_int_equal(table_at(space.table[level])[7], before);
    }
    assert_int_equal(va_mapping(0x7000, absent(space.data[0]), UVMF_NONE), -EINVAL);
}

static void absent_entries_beyond_memory_are_stored(void **state)
{
    pte_t beyond = absent(mfn((1ULL << 28) - 1 - space.data[0].n));

    assert_int_equal(set_entry(space.table[1], 7, beyond), 0);
    assert_int_equal(set_entry(space.table[4], 7, beyond), 0);
    assert_int_equal(set_entry(space.table[1], 7, 0), 0);
    assert_int_equal(set_entry(space.table[1], 7, SWAPPED), 0);
    assert_int_equal(set_entry(space.table[4], 7, 0), 0);
}

static void address_bits_that_the_caches_do_not_look_at_do_not_help(void **state)
{
    pte_t aliased = absent(space.data[0]) | 1ULL << 45;

    assert_int_equal(set_entry(space.table[1], 7, aliased), -EINVAL);
}

static void a_table_with_such_an_entry_does_not_become_one(void **state)
{
    mfn_t page = new_frame(guest);

    table_at(page)[511] = absent(space.data[0]);
    for (unsigned int level = 1; level <= 4; level++) {
        assert_int_equal(pin(page, level), -EINVAL);
    }
    table_at(page)[511] = 0;
    table_at(page)[0] = entry_for(space.data[0], KERNEL_RW);
    assert_int_equal(pin(page, 1), 0);
}

static void other_domains_store_what_they_like(void **state)
{
    guest->absent_checked = false;
    assert_int_equal(set_entry(space.table[1], 7, absent(space.data[0])), 0);
    assert_int_equal(set_entry(space.table[1], 7, 0), 0);
}

static void a_change_of_a_root_is_counted_and_no_other(void **state)
{
    uint64_t edits = guest->root_edits;
    mfn_t page = new_frame(guest);

    assert_int_equal(set_entry(space.table[1], 7, 0), 0);
    assert_int_equal(set_entry(space.table[3], 7, 0), 0);
    assert_int_equal(guest->root_edits, edits);
    assert_int_equal(set_entry(space.table[4], 7, 0), 0);
    assert_true(guest->root_edits > edits);
    edits = guest->root_edits;
    assert_int_equal(pin(page, 4), 0);
    assert_true(guest->root_edits > edits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_absent_entry_that_names_memory_is_refused, checked_setup,
                                        checked_teardown),
        cmocka_unit_test_setup_teardown(absent_entries_beyond_memory_are_stored, checked_setup,
                                        checked_teardown),
        cmocka_unit_test_setup_teardown(address_bits_that_the_caches_do_not_look_at_do_not_help,
                                        checked_setup, checked_teardown),
        cmocka_unit_test_setup_teardown(a_table_with_such_an_entry_does_not_become_one,
                                        checked_setup, checked_teardown),
        cmocka_unit_test_setup_teardown(other_domains_store_what_they_like, checked_setup,
                                        checked_teardown),
        cmocka_unit_test_setup_teardown(a_change_of_a_root_is_counted_and_no_other, checked_setup,
                                        checked_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
