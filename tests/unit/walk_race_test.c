// SPDX-License-Identifier: Apache-2.0
// What processors do to entries, and where walks lead, while another CPU of the domain's changes
// the tables.
#include "race_fixture.h"

#include "mmu/peek.h"
#include "mmu/trapped_write.h"

static void check_anything(void)
{
    for (unsigned int cpu = 0; cpu < 2; cpu++) {
        assert_true(result[cpu] == 0 || result[cpu] == -EINVAL);
    }
}

static void map_spare_writable(void)
{
    call_update(space.table[1], 40, 0, entry_for(spare, KERNEL_RW));
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
    assert_int_equal((result[0] == 0) + (result[1] == 0), 1);
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
        cmocka_unit_test(test_accessed_and_dirty_are_kept_whenever_they_come),
        cmocka_unit_test(test_a_direct_write_loses_no_bit_of_the_processors),
        cmocka_unit_test(test_a_table_may_go_after_a_walk_has_found_it),
        cmocka_unit_test(test_a_page_of_an_ldt_is_found_or_not),
        cmocka_unit_test(test_a_page_of_an_ldt_is_not_writable),
        cmocka_unit_test(test_a_debugger_looks_at_a_table_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
