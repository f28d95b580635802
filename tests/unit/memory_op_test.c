// SPDX-License-Identifier: Apache-2.0
// memory_op: reservations, claims, and what only other kinds of guests have.
#include "memory_op_fixture.h"

/* ---- the reservation ----------------------------------------------------------------------------
 */

static void test_frames_come_cleared_and_without_a_place(void **state)
{
    mfn_t dirty = frames_alloc(0, 64);
    uint64_t before = guest->total_pages;

    memset(frame_to_virt(dirty), 0x5a, PAGE_SIZE);
    frames_free(dirty, 0);
    assert_int_equal(reserve(XENMEM_increase_reservation, 2, 0), 2);
    for (unsigned int i = 0; i < 2; i++) {
        mfn_t m = mfn(list()[i]);
        assert_int_equal(frame_of(m)->owner, guest->id);
        assert_int_equal(table_at(m)[0] | table_at(m)[511], 0);
        assert_int_equal(m2p_get(m), M2P_INVALID);
    }
    assert_int_equal(guest->total_pages, before + 2);
    assert_int_equal(about(XENMEM_current_reservation, DOMID_SELF), before + 2);
}

static void test_frames_are_populated_where_the_guest_says(void **state)
{
    list()[0] = 0x1000;
    list()[1] = 0x2000;
    assert_int_equal(reserve(XENMEM_populate_physmap, 2, 2), 2);
    for (unsigned int i = 0; i < 4; i++) {
        assert_int_equal(m2p_get(mfn(list()[0] + i)), 0x1000 + i);
        assert_int_equal(m2p_get(mfn(list()[1] + i)), 0x2000 + i);
    }
    assert_int_equal(list()[0] & 3, 0);
}

static void test_frames_given_back_are_free(void **state)
{
    uint64_t free_before = frames_free_count();
    mfn_t m = new_frame(guest);

    list()[0] = m.n;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0), 1);
    assert_int_equal(frames_free_count(), free_before);
    assert_int_equal(m2p_get(m), M2P_INVALID);
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0), 0);
}

static void test_a_mapped_frame_given_back_goes_with_its_mapping(void **state)
{
    uint64_t free_before = frames_free_count(), before = guest->total_pages;

    list()[0] = space.data[0].n;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0), 1);
    assert_int_equal(frames_free_count(), free_before);
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0), 0);
    assert_int_equal(set_entry(space.table[1], 0, 0), 0);
    assert_int_equal(frames_free_count(), free_before + 1);
    assert_int_equal(guest->total_pages, before - 1);
}

static void test_a_pin_ends_when_its_frame_is_given_back(void **state)
{
    uint64_t free_before = frames_free_count();
    mfn_t table = new_frame(guest);

    assert_int_equal(pin(table, 1), 0);
    list()[0] = table.n;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0), 1);
    assert_int_equal(frames_free_count(), free_before);
}

static void test_pages_that_pavise_shares_are_not_the_guests_to_give(void **state)
{
    list()[0] = guest->shared_mfn;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0), 0);
    list()[0] = MACHINE_FRAMES;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0), 0);
    list()[0] = MFN_INVALID;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0), 0);
}

static void test_the_first_that_fails_ends_the_call(void **state)
{
    list()[0] = new_frame(guest).n;
    list()[1] = MFN_INVALID;
    list()[2] = space.data[5].n;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 3, 0), 1);
    assert_int_equal(references_of(space.data[5]), 2);
}

static void test_an_extent_is_checked_to_its_last_frame(void **state)
{
    mfn_t first;

    assert_int_equal(domain_add_frames(guest, 1, 64, &first), 0);
    assert_int_equal(domain_give_back(guest, mfn_add(first, 1)), 0);
    list()[0] = first.n;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 1), 0);
    list()[0] = MACHINE_FRAMES - 1;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 9), 0);
}

static void test_the_limit_of_a_domain_holds(void **state)
{
    guest->max_pages = guest->total_pages + 2;
    assert_int_equal(reserve(XENMEM_increase_reservation, 5, 0), 2);
    assert_int_equal(about(XENMEM_maximum_reservation, DOMID_SELF), guest->max_pages);
    guest->max_pages = UINT64_MAX;
    assert_int_equal(about(XENMEM_maximum_reservation, DOMID_SELF), UINT32_MAX);
}

static void test_address_bits_are_kept_to(void **state)
{
    struct xen_memory_reservation r = want(1, 0);

    r.mem_flags = XENMEMF_address_bits(20);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 1);
    assert_true(list()[0] < 256);
    r.mem_flags = XENMEMF_address_bits(12);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    r.mem_flags = XENMEMF_address_bits(5);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
}

static void test_what_can_not_be_served_gives_nothing(void **state)
{
    struct xen_memory_reservation r = want(1, 0);

    assert_int_equal(reserve(XENMEM_increase_reservation, 1, 10), 0);
    assert_int_equal(reserve(XENMEM_increase_reservation, 1, 40), 0);
    assert_int_equal(reserve(XENMEM_increase_reservation, 1UL << 40, 0), 0);
    r.mem_flags = XENMEMF_exact_node(3);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    r.mem_flags = XENMEMF_exact_node(0);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 1);
    r.mem_flags = XENMEMF_populate_on_demand;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);
    r = want(1, 0);
    r.domid = 77;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_increase_reservation, 8, 0, 0), 0);
}

static void test_a_list_that_can_not_be_written_gets_nothing(void **state)
{
    uint64_t free_before = frames_free_count(), before = guest->total_pages;
    struct xen_memory_reservation r = want(3, 0);

    r.extent_start.p = (xen_pfn_t *)(guest_page + 2 * PAGE_SIZE) - 1;
    memcpy(guest_page, &r, sizeof(r));
    host_guest_fault_from(2 * PAGE_SIZE);
    assert_int_equal(
        issue(CALL_MEMORY_OP, XENMEM_increase_reservation, address_of(guest_page), 0, 0), 1);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_populate_physmap, address_of(guest_page), 0, 0),
                     1);
    host_guest_fault_from(UINT64_MAX);
    assert_int_equal(guest->total_pages, before + 2);
    assert_int_equal(frames_free_count(), free_before - 2);
    /* Without a list, nobody asks for the numbers. */
    r.extent_start.p = NULL;
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 3);
}

static void test_a_place_that_can_only_be_read_gets_nothing(void **state)
{
    struct xen_memory_reservation r = want(3, 1);
    uint64_t before = guest->total_pages, free_before = frames_free_count();

    memcpy(guest_page, &r, sizeof(r));
    host_guest_read_only(true);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_populate_physmap, address_of(guest_page), 0, 0),
                     0);
    assert_int_equal(
        issue(CALL_MEMORY_OP, XENMEM_increase_reservation, address_of(guest_page), 0, 0), 0);
    host_guest_read_only(false);
    assert_int_equal(guest->total_pages, before);
    assert_int_equal(frames_free_count(), free_before);
}

/* For DMA. */
static void test_who_has_devices_gets_larger_extents(void **state)
{
    assert_int_equal(reserve(XENMEM_increase_reservation, 1, 10), 0);
    guest->hardware = true;
    assert_int_equal(reserve(XENMEM_increase_reservation, 1, 10), 1);
    assert_int_equal(list()[0] % 1024, 0);
    assert_int_equal(reserve(XENMEM_increase_reservation, 1, 13), 0);
}

static void test_interrupted_work_goes_on_where_it_stopped(void **state)
{
    uint64_t before = guest->total_pages;

    for (unsigned int i = 0; i < 50; i++) {
        list()[i] = 0x1000 + i;
    }
    interrupt_everything(true);
    assert_int_equal(reserve(XENMEM_populate_physmap, 50, 0), 50);
    assert_int_equal(turns, 50);
    assert_int_equal(guest->total_pages, before + 50);
    assert_int_equal(reserve(XENMEM_decrease_reservation, 50, 0), 50);
    assert_int_equal(guest->total_pages, before);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_current_reservation | 1 << 6, 0, 0, 0), -EINVAL);
}

static void test_other_domains_are_for_the_privileged(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    struct xen_memory_reservation r = want(1, 0);

    r.domid = 2;
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), -EPERM);
    assert_int_equal(about(XENMEM_current_reservation, 2), -EPERM);
    assert_int_equal(about(XENMEM_current_reservation, 77), -ESRCH);
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 1);
    assert_int_equal(about(XENMEM_current_reservation, 2), 1);
    guest->privileged = false;
    end_domain(other);
}

static void test_the_highest_page_is_what_the_guest_noted(void **state)
{
    assert_int_equal(about(XENMEM_maximum_gpfn, DOMID_SELF), 0);
    guest->shared->arch.max_pfn = 0x8000;
    assert_int_equal(about(XENMEM_maximum_gpfn, DOMID_SELF), 0x7fff);
    guest->shared->arch.max_pfn = (unsigned long)HYPERCALL_RESTART + 1;
    assert_true(about(XENMEM_maximum_gpfn, DOMID_SELF) > 0);
}

/* ---- claims
 * -------------------------------------------------------------------------------------- */

static long claim(domid_t domid, unsigned long pages)
{
    struct xen_memory_reservation r = {.nr_extents = pages, .domid = domid};
    return memory_op(XENMEM_claim_pages, &r);
}

static void test_a_claim_keeps_frames_from_others_until_it_is_used(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    struct xen_memory_reservation r = want(4, 0);
    uint64_t free = frames_free_count();

    assert_int_equal(claim(2, 10), -EPERM);
    guest->privileged = true;
    assert_int_equal(claim(2, free + 1), -ENOMEM);
    assert_int_equal(claim(2, free - 2), 0);
    assert_int_equal(claim(2, 5), -EINVAL);
    assert_int_equal(reserve(XENMEM_increase_reservation, 4, 0), 2);
    r.domid = 2;
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 4);
    assert_int_equal(other->claimed_pages, free - 6);
    assert_int_equal(claim(2, 0), 0);
    assert_int_equal(reserve(XENMEM_increase_reservation, 4, 0), 4);
    assert_int_equal(claim(2, 20), 0);
    end_domain(other);
    assert_int_equal(claim(DOMID_SELF, guest->total_pages + frames_free_count()), 0);
    assert_int_equal(claim(DOMID_SELF, 0), 0);
    guest->privileged = false;
}

static void test_claims_that_can_not_be(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    struct xen_memory_reservation r = {.nr_extents = 20, .mem_flags = 1, .domid = 2};

    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_claim_pages, &r), -EINVAL);
    (void)new_frame(other);
    (void)new_frame(other);
    assert_int_equal(claim(2, 1), -EINVAL); /* less than it has */
    other->max_pages = 10;
    assert_int_equal(claim(2, 11), -EINVAL);
    assert_int_equal(claim(77, 1), -ESRCH);
    assert_int_equal(claim(2, 10), 0);
    assert_int_equal(claim(2, 0), 0);
    guest->privileged = false;
    end_domain(other);
}

static void test_a_domain_that_dies_can_be_asked_about_and_gets_nothing(void **state)
{
    struct domain *other = new_domain(2, 1, false);

    (void)new_frame(other);
    interrupt_everything(true);
    assert_int_equal(domain_kill(other), HYPERCALL_RESTART);
    interrupt_everything(false);
    guest->privileged = true;
    assert_true(about(XENMEM_current_reservation, 2) >= 0);
    assert_int_equal(claim(2, 1), -EINVAL);
    end_domain(other);
    run_as(vcpu);
    assert_int_equal(about(XENMEM_current_reservation, 2), -ESRCH);
    guest->privileged = false;
}

/* While somebody has its record still. */
static void test_a_domain_that_is_dead_has_nothing(void **state)
{
    struct domain *other = new_domain(2, 1, false), *held = domain_get(2);

    other->shared->arch.max_pfn = 100;
    assert_ptr_equal(held, other);
    (void)kill_domain(other);
    guest->privileged = true;
    assert_int_equal(about(XENMEM_current_reservation, 2), 0);
    assert_int_equal(about(XENMEM_maximum_gpfn, 2), 0);
    guest->privileged = false;
    domain_put(held);
    (void)kill_domain(other);
    domain_put(other);
    run_as(vcpu);
}

static void test_what_only_translated_guests_have(void **state)
{
    struct xen_add_to_physmap add = {.domid = DOMID_SELF};
    struct xen_pod_target pod = {.domid = DOMID_SELF};
    struct xen_mem_access_op access = {.domid = 1};
    struct xen_vnuma_topology_info numa = {.domid = DOMID_SELF};
    struct xen_reserved_device_memory_map reserved = {.flags = XENMEM_RDM_ALL, .nr_entries = 5};

    assert_int_equal(memory_op(XENMEM_add_to_physmap, &add), -EACCES);
    assert_int_equal(memory_op(XENMEM_add_to_physmap_batch, &add), -EACCES);
    assert_int_equal(memory_op(XENMEM_remove_from_physmap, &add), -EACCES);
    add.domid = 77;
    assert_int_equal(memory_op(XENMEM_add_to_physmap, &add), -ESRCH);
    assert_int_equal(memory_op(XENMEM_get_pod_target, &pod), -EINVAL);
    pod.domid = 77;
    assert_int_equal(memory_op(XENMEM_set_pod_target, &pod), -ESRCH);
    assert_int_equal(memory_op(XENMEM_access_op, &access), -EPERM);
    access.domid = DOMID_SELF;
    assert_int_equal(memory_op(XENMEM_access_op, &access), -ESRCH);
    access.domid = 1;
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_access_op, &access), -EOPNOTSUPP);
    guest->privileged = false;
    assert_int_equal(memory_op(XENMEM_get_vnumainfo, &numa), -EOPNOTSUPP);
    numa.domid = 77;
    assert_int_equal(memory_op(XENMEM_get_vnumainfo, &numa), -ESRCH);
    numa.pad = 1;
    assert_int_equal(memory_op(XENMEM_get_vnumainfo, &numa), -EINVAL);
    assert_int_equal(memory_op(XENMEM_reserved_device_memory_map, &reserved), 0);
    assert_int_equal(reserved.nr_entries, 0);
    reserved.flags = 6;
    assert_int_equal(memory_op(XENMEM_reserved_device_memory_map, &reserved), -EINVAL);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_get_sharing_freed_pages, 0, 0, 0), 0);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_get_sharing_shared_pages, 0, 0, 0), 0);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_paging_op, 0, 0, 0), -ENOSYS);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_sharing_op, 0, 0, 0), -ENOSYS);
    assert_int_equal(issue(CALL_MEMORY_OP, 8, 0, 0, 0), -ENOSYS);
    assert_int_equal(issue(CALL_MEMORY_OP, 63, 0, 0, 0), -ENOSYS);
}

static void test_structures_that_are_not_there(void **state)
{
    static const unsigned int commands[] = {
        XENMEM_exchange,          XENMEM_current_reservation, XENMEM_claim_pages,
        XENMEM_memory_map,        XENMEM_set_memory_map,      XENMEM_machphys_mapping,
        XENMEM_machphys_mfn_list, XENMEM_add_to_physmap,      XENMEM_get_pod_target,
        XENMEM_access_op,         XENMEM_get_vnumainfo,       XENMEM_reserved_device_memory_map,
        XENMEM_acquire_resource,  XENMEM_machine_memory_map};

    guest->privileged = true;
    for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
        assert_int_equal(issue(CALL_MEMORY_OP, commands[i], 8, 0, 0), -EFAULT);
    }
    guest->privileged = false;
}

static void test_structures_that_can_only_be_read(void **state)
{
    struct xen_reserved_device_memory_map reserved = {.nr_entries = 5};

    memcpy(guest_page, &reserved, sizeof(reserved));
    host_guest_read_only(true);
    assert_int_equal(
        issue(CALL_MEMORY_OP, XENMEM_reserved_device_memory_map, address_of(guest_page), 0, 0),
        -EFAULT);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_machphys_mapping, address_of(guest_page), 0, 0),
                     -EFAULT);
    host_guest_read_only(false);
}

static void test_resources_are_other_domains(void **state)
{
    struct xen_mem_acquire_resource r = {.domid = 1, .type = XENMEM_resource_grant_table};
    struct domain *other = new_domain(2, 1, false);

    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -EPERM);
    r.domid = 2;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -EPERM);
    end_domain(other);
    run_as(vcpu);
    r.domid = 1;
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -EPERM);
    r.domid = DOMID_SELF;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -ESRCH);
    r.pad = 1;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -EINVAL);
    guest->privileged = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_frames_come_cleared_and_without_a_place),
        guest_test(test_frames_are_populated_where_the_guest_says),
        guest_test(test_frames_given_back_are_free),
        guest_test(test_a_mapped_frame_given_back_goes_with_its_mapping),
        guest_test(test_a_pin_ends_when_its_frame_is_given_back),
        guest_test(test_pages_that_pavise_shares_are_not_the_guests_to_give),
        guest_test(test_the_first_that_fails_ends_the_call),
        guest_test(test_an_extent_is_checked_to_its_last_frame),
        guest_test(test_the_limit_of_a_domain_holds),
        guest_test(test_address_bits_are_kept_to),
        guest_test(test_what_can_not_be_served_gives_nothing),
        guest_test(test_a_list_that_can_not_be_written_gets_nothing),
        guest_test(test_a_place_that_can_only_be_read_gets_nothing),
        guest_test(test_who_has_devices_gets_larger_extents),
        guest_test(test_interrupted_work_goes_on_where_it_stopped),
        guest_test(test_other_domains_are_for_the_privileged),
        guest_test(test_the_highest_page_is_what_the_guest_noted),
        guest_test(test_a_claim_keeps_frames_from_others_until_it_is_used),
        guest_test(test_claims_that_can_not_be),
        guest_test(test_a_domain_that_dies_can_be_asked_about_and_gets_nothing),
        guest_test(test_a_domain_that_is_dead_has_nothing),
        guest_test(test_what_only_translated_guests_have),
        guest_test(test_structures_that_are_not_there),
        guest_test(test_structures_that_can_only_be_read),
        guest_test(test_resources_are_other_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
