// SPDX-License-Identifier: Apache-2.0
// mmu_update: single entries, batches, foreign domains, the machine-to-physical table.
#include "mmu_fixture.h"

/* ---- entries -----------------------------------------------------------------------------------
 */

static void test_a_new_entry_takes_its_claim_and_the_old_one_loses_it(void **state)
{
    mfn_t page = new_frame(guest);

    assert_int_equal(set_entry(space.table[1], 0, entry_for(page, KERNEL_RW)), 0);
    assert_int_equal(type_of(page), FRAME_WRITABLE);
    assert_int_equal(types_of(page), 1);
    assert_int_equal(types_of(space.data[0]), 0);
    assert_int_equal(references_of(space.data[0]), 1);
}

static void test_flags_change_without_touching_the_claim(void **state)
{
    unsigned long stamps = host_calls.tlb_flush_cpus;

    assert_int_equal(set_entry(space.table[1], 0, entry_for(space.data[0], KERNEL_RW | PTE_NX)), 0);
    assert_int_equal(types_of(space.data[0]), 1);
    assert_true((table_at(space.table[1])[0] & PTE_NX) != 0);
    assert_int_equal(host_calls.tlb_flush_cpus, stamps);
}

static void test_kernel_pages_are_marked_and_user_pages_are_global(void **state)
{
    const pte_t *entry = &table_at(space.table[1])[0];

    assert_true((*entry & (PTE_US | PTE_GUEST_KERNEL | PTE_G)) == (PTE_US | PTE_GUEST_KERNEL));
    assert_int_equal(set_entry(space.table[1], 0, entry_for(space.data[0], USER_RW)), 0);
    assert_true((*entry & (PTE_US | PTE_GUEST_KERNEL | PTE_G)) == (PTE_US | PTE_G));
    /* As read back and written again. */
    assert_int_equal(set_entry(space.table[1], 0, entry_for(space.data[0], KERNEL_RW)), 0);
    assert_int_equal(set_entry(space.table[1], 0, *entry & ~PTE_A), 0);
    assert_true((*entry & (PTE_US | PTE_GUEST_KERNEL | PTE_G)) == (PTE_US | PTE_GUEST_KERNEL));
}

static void test_an_entry_that_is_not_present_may_hold_anything(void **state)
{
    assert_int_equal(set_entry(space.table[1], 0, 0x7bcdef0123456788ULL), 0);
    assert_int_equal(table_at(space.table[1])[0], 0x7bcdef0123456788ULL);
    assert_int_equal(set_entry(space.table[4], 3, 0x7bcdef0123456788ULL), 0);
}

static void test_accessed_and_dirty_survive_where_asked(void **state)
{
    pte_t clean = entry_for(space.data[0], PTE_P | PTE_RW);
    uint64_t at = maddr_of_entry(space.table[1], 0);

    assert_int_equal(update(at | MMU_PT_UPDATE_PRESERVE_AD, clean), 0);
    assert_true((table_at(space.table[1])[0] & (PTE_A | PTE_D)) == (PTE_A | PTE_D));
    assert_int_equal(update(at, clean), 0);
    assert_int_equal(table_at(space.table[1])[0] & (PTE_A | PTE_D), 0);
}

static void test_no_table_is_ever_mapped_writable(void **state)
{
    for (unsigned int level = 1; level <= 4; level++) {
        assert_int_equal(set_entry(space.table[1], 20, entry_for(space.table[level], KERNEL_RW)),
                         -EINVAL);
        assert_int_equal(set_entry(space.table[1], 20, entry_for(space.table[level], KERNEL_RO)),
                         0);
        /* Nor by a change of rights on the same frame. */
        assert_int_equal(set_entry(space.table[1], 20, entry_for(space.table[level], KERNEL_RW)),
                         -EINVAL);
    }
}

static void test_the_hypervisors_slots_are_nobodys(void **state)
{
    mfn_t l3 = new_frame(guest);

    for (unsigned int slot = HV_FIRST_SLOT; slot <= HV_LAST_SLOT; slot++) {
        assert_int_equal(set_entry(space.table[4], slot, 0), -EINVAL);
        assert_int_equal(set_entry(space.table[4], slot, entry_for(l3, TABLE)), -EINVAL);
    }
    assert_int_equal(set_entry(space.table[3], HV_FIRST_SLOT, 0), 0);
}

static void test_an_upper_entry_builds_and_takes_apart_what_it_leads_to(void **state)
{
    mfn_t l3 = new_frame(guest), l2 = new_frame(guest), l1 = new_frame(guest);

    table_at(l1)[5] = entry_for(space.data[0], KERNEL_RW);
    table_at(l2)[5] = entry_for(l1, TABLE);
    table_at(l3)[5] = entry_for(l2, TABLE);
    assert_int_equal(set_entry(space.table[4], 1, entry_for(l3, TABLE)), 0);
    assert_int_equal(type_of(l1), FRAME_L1);
    assert_int_equal(types_of(space.data[0]), 2);
    assert_int_equal(set_entry(space.table[4], 1, 0), 0);
    assert_int_equal(types_of(l1), 0);
    assert_int_equal(types_of(space.data[0]), 1);
}

static void test_a_page_that_is_no_table_is_written_like_memory(void **state)
{
    mfn_t page = new_frame(guest);

    assert_int_equal(set_entry(page, 5, 0x1234), 0);
    assert_int_equal(table_at(page)[5], 0x1234);
}

static void test_addresses_that_are_none_are_refused(void **state)
{
    assert_int_equal(update((uint64_t)MACHINE_FRAMES << PAGE_SHIFT, 0), -EINVAL);
    assert_int_equal(update(UINT64_MAX & ~7ULL, 0), -EINVAL);
    assert_int_equal(update(maddr_of_entry(space.table[1], 0) + 4, 0), -EINVAL);
    assert_int_equal(update(0, 0), -EINVAL);
    assert_int_equal(set_entry(space.table[1], 0, (1ULL << 51) | KERNEL_RW), -EPERM);
}

/* ---- devices and caching ------------------------------------------------------------------------
 */

#define DEVICE_FRAME 0xfe000ULL

static void test_device_memory_needs_permission_and_holds_no_count(void **state)
{
    pte_t device = entry_for(mfn(DEVICE_FRAME), KERNEL_RW | PTE_PCD);

    assert_int_equal(set_entry(space.table[1], 20, device), -EPERM);
    assert_int_equal(ranges_add(guest->io_memory, DEVICE_FRAME, DEVICE_FRAME), 0);
    assert_int_equal(set_entry(space.table[1], 20, device), 0);
    assert_true((table_at(space.table[1])[20] & PTE_PCD) != 0);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(mfn(DEVICE_FRAME + 1), KERNEL_RW)),
                     -EPERM);
    assert_int_equal(set_entry(space.table[1], 20, 0), 0);
}

static void test_memory_is_cached_alike_for_whoever_has_no_devices(void **state)
{
    pte_t uncached = entry_for(space.data[0], KERNEL_RW | PTE_PCD | PTE_PWT);

    assert_int_equal(set_entry(space.table[1], 0, uncached), 0);
    assert_int_equal(table_at(space.table[1])[0] & (PTE_PCD | PTE_PWT | PTE_PAT), 0);
    assert_int_equal(set_entry(space.table[1], 0, entry_for(space.data[1], KERNEL_RW | PTE_PAT)),
                     0);
    assert_int_equal(table_at(space.table[1])[0] & (PTE_PCD | PTE_PWT | PTE_PAT), 0);
    assert_int_equal(ranges_add(guest->io_memory, DEVICE_FRAME, DEVICE_FRAME), 0);
    assert_int_equal(set_entry(space.table[1], 0, uncached), 0);
    assert_int_equal(table_at(space.table[1])[0] & (PTE_PCD | PTE_PWT), PTE_PCD | PTE_PWT);
}

/* ---- batches ------------------------------------------------------------------------------------
 */

static void test_a_batch_is_done_in_order_and_counted(void **state)
{
    struct mmu_update batch[100];
    mfn_t page = new_frame(guest);

    for (unsigned int i = 0; i < 100; i++) {
        batch[i] = (struct mmu_update){maddr_of_entry(page, i), i + 1};
    }
    assert_int_equal(mmu_update(batch, 100), 0);
    assert_int_equal(*done_word(), 100);
    assert_int_equal(table_at(page)[99], 100);
}

static void test_a_batch_stops_at_what_is_refused_and_says_where(void **state)
{
    struct mmu_update batch[40];
    mfn_t page = new_frame(guest);

    for (unsigned int bad = 0; bad < 40; bad += 13) {
        memset(table_at(page), 0, PAGE_SIZE);
        for (unsigned int i = 0; i < 40; i++) {
            batch[i] = (struct mmu_update){maddr_of_entry(page, i), 1};
        }
        batch[bad].ptr = (uint64_t)MACHINE_FRAMES << PAGE_SHIFT;
        assert_int_equal(mmu_update(batch, 40), -EINVAL);
        assert_int_equal(*done_word(), bad);
        assert_int_equal(table_at(page)[39], 0);
    }
}

static void test_a_batch_that_ends_in_a_page_that_is_not_there_does_what_is(void **state)
{
    mfn_t page = new_frame(guest);
    struct mmu_update *list = (struct mmu_update *)(guest_page + PAGE_SIZE) - 3;

    for (unsigned int i = 0; i < 6; i++) {
        list[i] = (struct mmu_update){maddr_of_entry(page, i), 1};
    }
    host_guest_fault_from(PAGE_SIZE);
    assert_int_equal(issue(CALL_MMU_UPDATE, address_of(list), 6, 0, DOMID_SELF), -EFAULT);
    host_guest_fault_from(UINT64_MAX);
    assert_int_equal(table_at(page)[2], 1);
    assert_int_equal(table_at(page)[3], 0);
}

static void test_done_that_can_not_be_written_is_a_fault(void **state)
{
    assert_int_equal(issue(CALL_MMU_UPDATE, 0, 0, address_of(guest_page) + (1 << 20), DOMID_SELF),
                     -EFAULT);
}

static void test_an_interrupted_batch_goes_on_where_it_stopped(void **state)
{
    struct mmu_update batch[100];
    mfn_t page = new_frame(guest);

    for (unsigned int i = 0; i < 100; i++) {
        batch[i] = (struct mmu_update){maddr_of_entry(page, i), i + 1};
    }
    interrupt_everything(true);
    assert_int_equal(mmu_update(batch, 100), 0);
    assert_true(turns > 3);
    assert_int_equal(*done_word(), 100);
    for (unsigned int i = 0; i < 100; i++) {
        assert_int_equal(table_at(page)[i], i + 1);
    }
}

static void test_no_translate_is_a_normal_update(void **state)
{

    uint64_t at = maddr_of_entry(space.table[1], 0);

    assert_int_equal(update(at | MMU_PT_UPDATE_NO_TRANSLATE, entry_for(space.data[1], KERNEL_RW)),
                     0);
    assert_int_equal(types_of(space.data[1]), 2);
}

/* ---- foreign domains ----------------------------------------------------------------------------
 */

static long update_for(uint32_t foreigndom, mfn_t table, unsigned int slot, pte_t value)
{
    struct mmu_update request = {maddr_of_entry(table, slot), value};
    return mmu_update_for(&request, 1, foreigndom);
}

static void test_only_the_privileged_map_others_frames(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t theirs = new_frame(other);
    pte_t entry = entry_for(theirs, KERNEL_RW);

    assert_int_equal(update_for(2, space.table[1], 20, entry), -EPERM);
    guest->privileged = true;
    assert_int_equal(update_for(DOMID_SELF, space.table[1], 20, entry), -EINVAL);
    assert_int_equal(update_for(2, space.table[1], 20, entry), 0);
    assert_int_equal(types_of(theirs), 1);
    assert_int_equal(update_for(2, space.table[1], 20, entry_for(space.data[0], KERNEL_RW)),
                     -EINVAL);
    assert_int_equal(update_for(DOMID_SELF, space.table[1], 20, 0), 0);
    guest->privileged = false;
    end_domain(other);
}

static void test_a_foreign_page_outlives_its_domain_while_it_is_mapped(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t theirs = new_frame(other);

    guest->privileged = true;
    assert_int_equal(update_for(2, space.table[1], 20, entry_for(theirs, KERNEL_RO)), 0);
    end_domain(other);
    audit();
    assert_int_equal(references_of(theirs), 1);
    assert_int_equal(update_for(DOMID_SELF, space.table[1], 20, 0), 0);
    assert_int_equal(frame_of(theirs)->owner, DOMID_INVALID);
    assert_null(domain_get(2));
}

static void test_tables_of_another_domain_are_edited_by_the_privileged(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    struct space s;
    uint32_t for_other = 2 | (2 + 1) << 16;

    build_space(other, &s);
    run_as(other->vcpus[0]);
    assert_int_equal(pin(s.table[4], 4), 0);
    run_as(vcpu);
    assert_int_equal(update_for(for_other, s.table[1], 20, entry_for(s.data[0], KERNEL_RW)),
                     -EPERM);
    guest->privileged = true;
    assert_int_equal(update_for(for_other, s.table[1], 20, entry_for(s.data[0], KERNEL_RW)), 0);
    assert_int_equal(types_of(s.data[0]), 2);
    /* A table of the caller's own is not among that domain's. */
    assert_int_equal(update_for(for_other, space.table[1], 20, 0), -EINVAL);
    guest->privileged = false;
    end_domain(other);
}

static void test_domain_numbers_that_mean_nothing_are_refused(void **state)
{
    assert_int_equal(update_for(77, space.table[1], 20, 0), -ESRCH);
    assert_int_equal(update_for(DOMID_INVALID, space.table[1], 20, 0), -ESRCH);
    assert_int_equal(update_for(DOMID_COW, space.table[1], 20, 0), -ESRCH);
    assert_int_equal(update_for(DOMID_IDLE, space.table[1], 20, 0), -ESRCH);
    assert_int_equal(update_for(1, space.table[1], 20, 0), -ESRCH);
    assert_int_equal(update_for(DOMID_SELF | (DOMID_SELF + 1U) << 16, space.table[1], 20, 0),
                     -ESRCH);
    assert_int_equal(update_for(DOMID_SELF | 78 << 16, space.table[1], 20, 0), -ESRCH);
    assert_int_equal(*done_word(), 0);
}

static void test_domid_io_maps_devices_and_nothing_else(void **state)
{
    assert_int_equal(ranges_add(guest->io_memory, DEVICE_FRAME, DEVICE_FRAME), 0);
    assert_int_equal(
        update_for(DOMID_IO, space.table[1], 20, entry_for(mfn(DEVICE_FRAME), KERNEL_RW)), 0);
    assert_int_equal(update_for(DOMID_IO, space.table[1], 20, entry_for(space.data[0], KERNEL_RO)),
                     -EINVAL);
    assert_int_equal(update_for(DOMID_IO, space.table[1], 20, 0), 0);
}

static mfn_t m2p_frame;

static mfn_t where_the_m2p_is(uint64_t offset)
{
    return offset == 0 ? m2p_frame : mfn(MFN_INVALID);
}

static void test_domid_xen_maps_the_machine_to_physical_table_read_only(void **state)
{
    void *page = page_alloc(), *private = page_alloc();
    mfn_t own = virt_to_frame(private);

    m2p_frame = virt_to_frame(page);
    m2p_publish(where_the_m2p_is);
    assert_int_equal(update_for(DOMID_XEN, space.table[1], 20, entry_for(m2p_frame, KERNEL_RO)),
                     -EPERM);
    guest->privileged = true;
    assert_int_equal(update_for(DOMID_XEN, space.table[1], 20, entry_for(m2p_frame, KERNEL_RO)), 0);
    assert_int_equal(update_for(DOMID_XEN, space.table[1], 21, entry_for(m2p_frame, KERNEL_RW)),
                     -EPERM);
    assert_int_equal(update_for(DOMID_XEN, space.table[1], 21, entry_for(own, KERNEL_RO)), -EPERM);
    assert_int_equal(update_for(DOMID_XEN, space.table[1], 21, entry_for(space.data[0], KERNEL_RO)),
                     -EPERM);
    assert_int_equal(set_entry(space.table[1], 20, 0), 0);
    guest->privileged = false;
    page_free(page);
    page_free(private);
}

/* ---- machine to physical ------------------------------------------------------------------------
 */

static void test_the_machine_to_physical_entry_of_an_own_frame_is_the_guests(void **state)
{
    uint64_t at = mfn_to_maddr(space.data[0]).a | MMU_MACHPHYS_UPDATE;

    assert_int_equal(update(at, 0xabc), 0);
    assert_int_equal(m2p_get(space.data[0]), 0xabc);
    assert_int_equal(update(mfn_to_maddr(mfn(1)).a | MMU_MACHPHYS_UPDATE, 5), -EINVAL);
    assert_int_equal(update((uint64_t)MACHINE_FRAMES << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, 5),
                     -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_a_new_entry_takes_its_claim_and_the_old_one_loses_it),
        guest_test(test_flags_change_without_touching_the_claim),
        guest_test(test_kernel_pages_are_marked_and_user_pages_are_global),
        guest_test(test_an_entry_that_is_not_present_may_hold_anything),
        guest_test(test_accessed_and_dirty_survive_where_asked),
        guest_test(test_no_table_is_ever_mapped_writable),
        guest_test(test_the_hypervisors_slots_are_nobodys),
        guest_test(test_an_upper_entry_builds_and_takes_apart_what_it_leads_to),
        guest_test(test_a_page_that_is_no_table_is_written_like_memory),
        guest_test(test_addresses_that_are_none_are_refused),
        guest_test(test_device_memory_needs_permission_and_holds_no_count),
        guest_test(test_memory_is_cached_alike_for_whoever_has_no_devices),
        guest_test(test_a_batch_is_done_in_order_and_counted),
        guest_test(test_a_batch_stops_at_what_is_refused_and_says_where),
        guest_test(test_a_batch_that_ends_in_a_page_that_is_not_there_does_what_is),
        guest_test(test_done_that_can_not_be_written_is_a_fault),
        guest_test(test_an_interrupted_batch_goes_on_where_it_stopped),
        guest_test(test_no_translate_is_a_normal_update),
        guest_test(test_only_the_privileged_map_others_frames),
        guest_test(test_a_foreign_page_outlives_its_domain_while_it_is_mapped),
        guest_test(test_tables_of_another_domain_are_edited_by_the_privileged),
        guest_test(test_domain_numbers_that_mean_nothing_are_refused),
        guest_test(test_domid_io_maps_devices_and_nothing_else),
        guest_test(test_domid_xen_maps_the_machine_to_physical_table_read_only),
        guest_test(test_the_machine_to_physical_entry_of_an_own_frame_is_the_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
