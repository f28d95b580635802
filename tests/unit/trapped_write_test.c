// SPDX-License-Identifier: Apache-2.0
// A guest's direct write to a level-1 table.
#include "mmu/trapped_write.h"

#include "mmu_fixture.h"

#define L1_VA (40 * PAGE_SIZE) /* where the level-1 table is mapped read-only */

static int write_setup(void **state)
{
    int error = guest_setup(state);

    assert_int_equal(set_entry(space.table[1], 40, entry_for(space.table[1], KERNEL_RO)), 0);
    assert_int_equal(set_entry(space.table[1], 41, entry_for(space.table[2], KERNEL_RO)), 0);
    assert_int_equal(set_entry(space.table[1], 42, entry_for(space.data[0], KERNEL_RO)), 0);
    return error;
}

static long write_entry(unsigned int slot, pte_t value)
{
    struct trapped_write w;
    long result;

    assert_true(trapped_write_begin(vcpu, L1_VA + slot * sizeof(pte_t), &w));
    assert_int_equal(w.slot, slot);
    assert_int_equal(w.old, table_at(space.table[1])[slot]);
    result = trapped_write_commit(vcpu, &w, value);
    audit();
    return result;
}

static void test_an_entry_is_written_with_every_check(void **state)
{
    assert_int_equal(write_entry(0, 0), 0);
    assert_int_equal(types_of(space.data[0]), 0);
    assert_int_equal(write_entry(0, entry_for(space.data[1], KERNEL_RW)), 0);
    assert_int_equal(types_of(space.data[1]), 2);
    assert_int_equal(write_entry(0, entry_for(space.table[2], KERNEL_RW)), -EINVAL);
    assert_int_equal(write_entry(0, entry_for(mfn(1), KERNEL_RO)), -EINVAL);
    assert_int_equal(write_entry(0, entry_for(mfn(1ULL << 30), KERNEL_RO)), -EPERM);
    assert_int_equal(pte_mfn(table_at(space.table[1])[0]).n, space.data[1].n);
}

static void test_the_same_value_again_is_no_change(void **state)
{
    assert_int_equal(write_entry(0, table_at(space.table[1])[0]), 0);
    assert_int_equal(types_of(space.data[0]), 1);
}

static void test_an_address_in_an_entry_means_that_entry(void **state)
{
    struct trapped_write w;

    assert_true(trapped_write_begin(vcpu, L1_VA + 5 * sizeof(pte_t) + 3, &w));
    assert_int_equal(w.slot, 5);
    trapped_write_abandon(&w);
    audit();
}

static void test_what_is_no_table_of_the_lowest_level_is_not_written(void **state)
{
    struct trapped_write w;

    assert_false(trapped_write_begin(vcpu, 41 * PAGE_SIZE, &w));     /* a level-2 table */
    assert_false(trapped_write_begin(vcpu, 42 * PAGE_SIZE, &w));     /* read-only data */
    assert_false(trapped_write_begin(vcpu, 0, &w));                  /* writable data */
    assert_false(trapped_write_begin(vcpu, 100 * PAGE_SIZE, &w));    /* nothing there */
    assert_false(trapped_write_begin(vcpu, 1ULL << 40, &w));         /* no tables there */
    assert_false(trapped_write_begin(vcpu, 0xffff830000000000, &w)); /* Pavise's */
    audit();
}

static void test_device_memory_mapped_read_only_is_no_table(void **state)
{
    struct trapped_write w;

    assert_int_equal(ranges_add(guest->io_memory, 0xfe000, 0xfe000), 0);
    assert_int_equal(set_entry(space.table[1], 43, entry_for(mfn(0xfe000), KERNEL_RO)), 0);
    assert_false(trapped_write_begin(vcpu, 43 * PAGE_SIZE, &w));
}

/* A dirty bit that the processor sets between the read and the write is the guest's to see. */
static void test_bits_the_processor_sets_meanwhile_are_not_lost(void **state)
{
    struct trapped_write w;
    pte_t *entry = &table_at(space.table[1])[0];

    assert_int_equal(write_entry(0, entry_for(space.data[0], PTE_P | PTE_RW)), 0);
    assert_true(trapped_write_begin(vcpu, L1_VA, &w));
    *entry |= PTE_A | PTE_D;
    assert_int_equal(trapped_write_commit(vcpu, &w, 0), -EAGAIN);
    audit();
    assert_true((*entry & PTE_D) != 0);
    /* Nor with the same page, nor with another. */
    for (unsigned int page = 0; page < 2; page++) {
        *entry &= ~PTE_D;
        assert_true(trapped_write_begin(vcpu, L1_VA, &w));
        *entry |= PTE_D;
        assert_int_equal(trapped_write_commit(vcpu, &w, entry_for(space.data[page], KERNEL_RO)),
                         -EAGAIN);
        audit();
        assert_true((*entry & PTE_D) != 0);
    }
}

static void test_another_domains_table_is_not_the_guests_to_write(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    struct space s;
    struct trapped_write w;
    struct mmu_update request = {maddr_of_entry(space.table[1], 43), 0};

    build_space(other, &s);
    run_as(other->vcpus[0]);
    assert_int_equal(pin(s.table[4], 4), 0);
    run_as(vcpu);
    guest->privileged = true;
    request.val = entry_for(s.table[1], KERNEL_RO);
    assert_int_equal(mmu_update_for(&request, 1, 2), 0);
    assert_false(trapped_write_begin(vcpu, 43 * PAGE_SIZE, &w));
    audit();
    assert_int_equal(set_entry(space.table[1], 43, 0), 0);
    guest->privileged = false;
    end_domain(other);
}

#define write_test(function) cmocka_unit_test_setup_teardown(function, write_setup, guest_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        write_test(test_an_entry_is_written_with_every_check),
        write_test(test_the_same_value_again_is_no_change),
        write_test(test_an_address_in_an_entry_means_that_entry),
        write_test(test_what_is_no_table_of_the_lowest_level_is_not_written),
        write_test(test_device_memory_mapped_read_only_is_no_table),
        write_test(test_bits_the_processor_sets_meanwhile_are_not_lost),
        write_test(test_another_domains_table_is_not_the_guests_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
