// SPDX-License-Identifier: Apache-2.0
// update_va_mapping: the entry is found by its address, and a flush follows.
#include "mmu_fixture.h"

static void test_the_entry_that_maps_an_address_is_changed(void **state)
{
    mfn_t page = new_frame(guest);

    assert_int_equal(va_mapping(3 * PAGE_SIZE, entry_for(page, KERNEL_RW), UVMF_NONE), 0);
    assert_int_equal(pte_mfn(table_at(space.table[1])[3]).n, page.n);
    assert_int_equal(types_of(space.data[3]), 0);
}

static void test_an_address_without_a_table_is_refused(void **state)
{
    assert_int_equal(va_mapping(1ULL << 21, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(va_mapping(1ULL << 30, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(va_mapping(1ULL << 39, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(va_mapping(1ULL << 47, 0, UVMF_NONE), -EINVAL); /* not canonical */
    assert_int_equal(va_mapping(0xffff800000000000, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(va_mapping(0xffff87fffffff000, 0, UVMF_NONE), -EINVAL);
}

static void test_the_kernels_tables_are_meant(void **state)
{
    mfn_t page = new_frame(guest);

    assert_int_equal(vcpu->user_cr3, 0);
    vcpu->mode &= ~(uint32_t)MODE_KERNEL;
    assert_int_equal(va_mapping(3 * PAGE_SIZE, entry_for(page, KERNEL_RW), UVMF_NONE), 0);
    vcpu->mode |= MODE_KERNEL;
    assert_int_equal(pte_mfn(table_at(space.table[1])[3]).n, page.n);
}

static void test_an_upper_level_is_not_reached_through_a_table_that_maps_itself(void **state)
{
    uint64_t through = 300ULL << 39 | 0xffff000000000000; /* slot 300 leads back to the L4 */

    assert_int_equal(set_entry(space.table[4], 300, entry_for(space.table[4], LINEAR)), 0);
    /* Level-1 tables are found there, and edited as such. */
    assert_int_equal(va_mapping(through, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(va_mapping(through | 300ULL << 30, 0, UVMF_NONE), -EINVAL);
}

static void test_a_refused_entry_changes_nothing_and_flushes_nothing(void **state)
{
    unsigned long flushes = host_calls.tlb_flush_cpus;

    assert_int_equal(va_mapping(0, entry_for(space.table[1], KERNEL_RW), UVMF_TLB_FLUSH | UVMF_ALL),
                     -EINVAL);
    assert_int_equal(host_calls.tlb_flush_cpus, flushes);
    assert_int_equal(pte_mfn(table_at(space.table[1])[0]).n, space.data[0].n);
}

static void test_each_flush_reaches_whom_it_says(void **state)
{
    pte_t entry = entry_for(space.data[0], KERNEL_RW);
    uint64_t *mask = (uint64_t *)(guest_page + PAGE_SIZE);
    unsigned long local = host_calls.tlb_flush_local, elsewhere = host_calls.tlb_flush_cpus;

    cpus[1]->current = guest->vcpus[1];
    *mask = 1 << 1;
    assert_int_equal(va_mapping(0, entry, UVMF_TLB_FLUSH | UVMF_LOCAL), 0);
    assert_int_equal(host_calls.tlb_flush_local, local + 1);
    assert_int_equal(va_mapping(0x2000, entry, UVMF_INVLPG | UVMF_LOCAL), 0);
    assert_int_equal(host_calls.last_flushed_address, 0x2000);
    assert_int_equal(host_calls.tlb_flush_cpus, elsewhere);
    assert_int_equal(va_mapping(0, entry, UVMF_TLB_FLUSH | UVMF_ALL), 0);
    assert_int_equal(host_calls.last_flushed_cpus, 3);
    assert_int_equal(va_mapping(0x1000, entry, UVMF_INVLPG | UVMF_MULTI | address_of(mask)), 0);
    assert_int_equal(host_calls.last_flushed_cpus, 2);
    assert_int_equal(host_calls.last_flushed_address, 0x1000);
    assert_int_equal(va_mapping(0, entry, UVMF_TLB_FLUSH | UVMF_MULTI | address_of(mask)), 0);
    assert_int_equal(host_calls.last_flushed_cpus, 2);
    assert_int_equal(va_mapping(0, entry, UVMF_INVLPG | UVMF_MULTI | 0x10), -EFAULT);
    assert_int_equal(va_mapping(0, 0, UVMF_TLB_FLUSH | UVMF_INVLPG), -EINVAL);
    assert_int_equal(pte_mfn(table_at(space.table[1])[0]).n, space.data[0].n);
    cpus[1]->current = NULL;
}

static void test_foreign_pages_through_otherdomain(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    pte_t entry = entry_for(new_frame(other), KERNEL_RO);

    assert_int_equal(hypercall_update_va_mapping_otherdomain(0, entry, UVMF_NONE, 2), -EPERM);
    guest->privileged = true;
    assert_int_equal(hypercall_update_va_mapping_otherdomain(0, entry, UVMF_NONE, 2), 0);
    audit();
    assert_int_equal(hypercall_update_va_mapping_otherdomain(0, entry, UVMF_NONE, 77), -ESRCH);
    assert_int_equal(va_mapping(0, 0, UVMF_NONE), 0);
    guest->privileged = false;
    end_domain(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_the_entry_that_maps_an_address_is_changed),
        guest_test(test_an_address_without_a_table_is_refused),
        guest_test(test_the_kernels_tables_are_meant),
        guest_test(test_an_upper_level_is_not_reached_through_a_table_that_maps_itself),
        guest_test(test_a_refused_entry_changes_nothing_and_flushes_nothing),
        guest_test(test_each_flush_reaches_whom_it_says),
        guest_test(test_foreign_pages_through_otherdomain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
