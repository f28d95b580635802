// SPDX-License-Identifier: Apache-2.0
// mmuext_op: pins and bases, flushes, clearing and copying.
#include "mmu_fixture.h"

/* ---- bases -------------------------------------------------------------------------------------
 */

static void test_a_new_base_is_loaded_and_the_old_one_let_go(void **state)
{
    mfn_t l4 = new_frame(guest);
    unsigned long loads = host_processor.base_loads;

    assert_int_equal(new_base(l4), 0);
    assert_int_equal(vcpu->kernel_cr3, mfn_to_maddr(l4).a);
    assert_int_equal(host_processor.base_loads, loads + 1);
    assert_int_equal(types_of(space.table[4]), 1); /* the pin */
    assert_int_equal(types_of(l4), 1);
}

static void test_the_same_base_is_loaded_again_for_its_flush(void **state)
{
    unsigned long loads = host_processor.base_loads;

    assert_int_equal(new_base(space.table[4]), 0);
    assert_int_equal(host_processor.base_loads, loads + 1);
    assert_int_equal(types_of(space.table[4]), 2);
}

static void test_a_base_must_be_a_top_level_table_of_the_domain(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t theirs = new_frame(other);

    assert_int_equal(new_base(space.data[0]), -EINVAL);
    assert_int_equal(new_base(space.table[3]), -EINVAL);
    assert_int_equal(new_base(theirs), -EINVAL);
    assert_int_equal(new_base(mfn(MACHINE_FRAMES)), -EINVAL);
    assert_int_equal(new_base(mfn(space.table[4].n | 1ULL << 52)), -EINVAL);
    assert_int_equal(vcpu->kernel_cr3, mfn_to_maddr(space.table[4]).a);
    end_domain(other);
}

static void test_the_user_base_comes_and_goes(void **state)
{
    mfn_t l4 = new_frame(guest);

    assert_int_equal(mmuext(MMUEXT_NEW_USER_BASEPTR, l4.n), 0);
    assert_int_equal(types_of(l4), 1);
    assert_int_equal(mmuext(MMUEXT_NEW_USER_BASEPTR, l4.n), 0);
    assert_int_equal(types_of(l4), 1);
    assert_int_equal(mmuext(MMUEXT_NEW_USER_BASEPTR, l4.n | 1ULL << 52), -EINVAL);
    assert_int_equal(mmuext(MMUEXT_NEW_USER_BASEPTR, space.data[0].n), -EINVAL);
    assert_int_equal(mmuext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
    assert_int_equal(types_of(l4), 0);
    assert_int_equal(vcpu->user_cr3, 0);
}

static void test_the_base_in_use_stays_a_table_when_it_is_unpinned(void **state)
{
    assert_int_equal(unpin(space.table[4]), 0);
    assert_int_equal(types_of(space.table[4]), 1);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(space.table[4], KERNEL_RW)), -EINVAL);
}

/* For a vCPU that does not run: both bases or none. */
static void test_bases_are_taken_together(void **state)
{
    struct vcpu *second = guest->vcpus[1];
    mfn_t kernel = new_frame(guest), user = new_frame(guest);

    assert_int_equal(base_take(second, mfn(MACHINE_FRAMES), mfn(0)), -EINVAL);
    assert_int_equal(base_take(second, kernel, space.data[0]), -EINVAL);
    assert_int_equal(types_of(kernel), 0);
    assert_int_equal(base_take(second, kernel, user), 0);
    audit();
    assert_int_equal(base_take(second, space.table[4], mfn(0)), 0);
    audit();
    assert_int_equal(types_of(kernel) + types_of(user), 0);
    assert_int_equal(second->user_cr3, 0);
    base_drop(second);
    assert_int_equal(types_of(space.table[4]), 2);
}

/* ---- flushes ------------------------------------------------------------------------------------
 */

static long with_mask(unsigned int command, uint64_t address, uint64_t mask_at)
{
    struct mmuext_op op = {.cmd = command, .arg1.linear_addr = address};

    op.arg2.vcpumask.p = (void *)mask_at;
    return mmuext_for(&op, 1, DOMID_SELF);
}

static void test_flushes_reach_the_cpus_that_run_the_vcpus_that_are_meant(void **state)
{
    uint64_t *mask = (uint64_t *)(guest_page + PAGE_SIZE);

    cpus[1]->current = guest->vcpus[1];
    *mask = 1 << 1;
    assert_int_equal(with_mask(MMUEXT_TLB_FLUSH_MULTI, 0, address_of(mask)), 0);
    assert_int_equal(host_calls.last_flushed_cpus, 1 << 1);
    *mask = ~0ULL;
    assert_int_equal(with_mask(MMUEXT_INVLPG_MULTI, 0x5000, address_of(mask)), 0);
    assert_int_equal(host_calls.last_flushed_cpus, 3);
    assert_int_equal(host_calls.last_flushed_address, 0x5000);
    cpus[1]->current = NULL;
    assert_int_equal(mmuext(MMUEXT_TLB_FLUSH_ALL, 0), 0);
    assert_int_equal(host_calls.last_flushed_cpus, 1);
    assert_int_equal(mmuext(MMUEXT_INVLPG_ALL, 0x6000), 0);
    assert_int_equal(host_calls.last_flushed_address, 0x6000);
    assert_int_equal(with_mask(MMUEXT_TLB_FLUSH_MULTI, 0, 8), -EINVAL);
}

static void test_local_flushes_are_local(void **state)
{
    unsigned long all = host_calls.tlb_flush_cpus, local = host_calls.tlb_flush_local;

    assert_int_equal(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0), 0);
    assert_int_equal(host_calls.tlb_flush_local, local + 1);
    assert_int_equal(mmuext(MMUEXT_INVLPG_LOCAL, 0x7000), 0);
    assert_int_equal(host_calls.last_flushed_address, 0x7000);
    assert_int_equal(host_calls.tlb_flush_cpus, all);
}

static void test_caches_are_flushed_for_those_with_devices(void **state)
{
    assert_int_equal(mmuext(MMUEXT_FLUSH_CACHE, 0), -EPERM);
    assert_int_equal(mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0), -EPERM);
    assert_int_equal(ranges_add(guest->io_memory, 0xfe000, 0xfe000), 0);
    assert_int_equal(mmuext(MMUEXT_FLUSH_CACHE, 0), 0);
    assert_int_equal(host_calls.cache_flush, 1);
    assert_int_equal(mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0), 0);
    assert_int_equal(host_calls.cache_flush, 1 + cpu_count);
}

/* ---- pages --------------------------------------------------------------------------------------
 */

static long copy_page(mfn_t to, mfn_t from)
{
    struct mmuext_op op = {.cmd = MMUEXT_COPY_PAGE, .arg1.mfn = to.n, .arg2.src_mfn = from.n};
    return mmuext_for(&op, 1, DOMID_SELF);
}

static void test_a_page_is_cleared_and_copied(void **state)
{
    memset(table_at(space.data[0]), 0x5a, PAGE_SIZE);
    assert_int_equal(copy_page(space.data[1], space.data[0]), 0);
    assert_memory_equal(table_at(space.data[1]), table_at(space.data[0]), PAGE_SIZE);
    assert_int_equal(mmuext(MMUEXT_CLEAR_PAGE, space.data[0].n), 0);
    assert_int_equal(table_at(space.data[0])[511], 0);
    assert_int_equal(copy_page(space.data[1], space.data[1]), 0);
}

static void test_tables_are_copied_from_and_never_to(void **state)
{
    assert_int_equal(copy_page(space.data[1], space.table[1]), 0);
    assert_int_equal(copy_page(space.table[1], space.data[1]), -EINVAL);
    assert_int_equal(mmuext(MMUEXT_CLEAR_PAGE, space.table[1].n), -EINVAL);
}

static void test_pages_of_others_are_neither_source_nor_target(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t theirs = new_frame(other);

    assert_int_equal(copy_page(space.data[1], theirs), -EINVAL);
    assert_int_equal(copy_page(theirs, space.data[1]), -EINVAL);
    assert_int_equal(mmuext(MMUEXT_CLEAR_PAGE, theirs.n), -EINVAL);
    assert_int_equal(mmuext(MMUEXT_CLEAR_PAGE, MACHINE_FRAMES), -EINVAL);
    end_domain(other);
}

/* ---- foreign domains and batches ----------------------------------------------------------------
 */

static long mmuext_about(unsigned int command, uint64_t argument, uint32_t foreigndom)
{
    struct mmuext_op op = {.cmd = command, .arg1.mfn = argument};
    return mmuext_for(&op, 1, foreigndom);
}

static void test_the_privileged_pin_others_tables_and_load_none(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t table = new_frame(other);

    assert_int_equal(mmuext_about(MMUEXT_PIN_L1_TABLE, table.n, 2), -EPERM);
    guest->privileged = true;
    assert_int_equal(mmuext_about(MMUEXT_PIN_L4_TABLE, table.n, 2), 0);
    assert_int_equal(mmuext_about(MMUEXT_NEW_BASEPTR, table.n, 2), -EPERM);
    assert_int_equal(mmuext_about(MMUEXT_UNPIN_TABLE, table.n, DOMID_SELF), -EINVAL);
    assert_int_equal(mmuext_about(MMUEXT_UNPIN_TABLE, table.n, 2), 0);
    assert_int_equal(mmuext_about(MMUEXT_UNPIN_TABLE, table.n, 77), -ESRCH);
    guest->privileged = false;
    end_domain(other);
}

static void test_a_pin_on_a_dying_domains_table_does_not_keep_it_alive(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t theirs = new_frame(other);
    struct mmu_update request = {maddr_of_entry(space.table[1], 20), entry_for(theirs, KERNEL_RO)};

    guest->privileged = true;
    assert_int_equal(mmu_update_for(&request, 1, 2), 0);
    (void)kill_domain(other);
    assert_int_equal(mmuext_about(MMUEXT_PIN_L1_TABLE, theirs.n, 2), -EINVAL);
    assert_int_equal(set_entry(space.table[1], 20, 0), 0);
    domain_put(other);
    assert_null(domain_get(2));
    guest->privileged = false;
}

static void test_a_batch_stops_where_it_is_refused(void **state)
{
    struct mmuext_op batch[3] = {
        {.cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = space.data[0].n},
        {.cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = space.table[1].n},
        {.cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = space.data[1].n},
    };

    table_at(space.data[0])[0] = table_at(space.data[1])[0] = 1;
    assert_int_equal(mmuext_for(batch, 3, DOMID_SELF), -EINVAL);
    assert_int_equal(*done_word(), 1);
    assert_int_equal(table_at(space.data[0])[0], 0);
    assert_int_equal(table_at(space.data[1])[0], 1);
}

static void test_commands_that_are_none(void **state)
{
    assert_int_equal(mmuext(14, 0), -ENOSYS);
    assert_int_equal(mmuext(99, 0), -ENOSYS);
    assert_int_equal(mmuext(MMUEXT_MARK_SUPER, 0), -EOPNOTSUPP);
    assert_int_equal(mmuext(MMUEXT_UNMARK_SUPER, 0), -EOPNOTSUPP);
    assert_int_equal(issue(CALL_MMUEXT, 8, 1, 0, DOMID_SELF), -EFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_a_new_base_is_loaded_and_the_old_one_let_go),
        guest_test(test_the_same_base_is_loaded_again_for_its_flush),
        guest_test(test_a_base_must_be_a_top_level_table_of_the_domain),
        guest_test(test_the_user_base_comes_and_goes),
        guest_test(test_the_base_in_use_stays_a_table_when_it_is_unpinned),
        guest_test(test_bases_are_taken_together),
        guest_test(test_flushes_reach_the_cpus_that_run_the_vcpus_that_are_meant),
        guest_test(test_local_flushes_are_local),
        guest_test(test_caches_are_flushed_for_those_with_devices),
        guest_test(test_a_page_is_cleared_and_copied),
        guest_test(test_tables_are_copied_from_and_never_to),
        guest_test(test_pages_of_others_are_neither_source_nor_target),
        guest_test(test_the_privileged_pin_others_tables_and_load_none),
        guest_test(test_a_pin_on_a_dying_domains_table_does_not_keep_it_alive),
        guest_test(test_a_batch_stops_where_it_is_refused),
        guest_test(test_commands_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
