// SPDX-License-Identifier: Apache-2.0
// Granted frames in real page tables, by the calls that guests make.
#include "grant/grant.h"
#include "mmu_fixture.h"

#define GRANTEE 1 /* the fixture's domain */
#define GRANTER 2

static struct domain *granter;
static grant_entry_v1_t *table;
static mfn_t granted;

static int grants_setup(void **state)
{
    static bool registered;
    gnttab_setup_table_t op = {.dom = DOMID_SELF, .nr_frames = 1};
    int error;

    if (!registered) {
        grant_init();
        registered = true;
    }
    error = guest_setup(state);
    granter = new_domain(GRANTER, 1, false);
    granted = new_frame(granter);
    run_as(granter->vcpus[0]);
    set_xen_guest_handle(op.frame_list, (xen_pfn_t *)(guest_page + PAGE_SIZE));
    memcpy(guest_page, &op, sizeof(op));
    assert_int_equal(hypercall_grant_table_op(GNTTABOP_setup_table, gva(address_of(guest_page)), 1),
                     0);
    table = frame_to_virt(grant_shared_frame(granter, 0));
    run_as(vcpu);
    table[8] = (grant_entry_v1_t){GTF_permit_access, GRANTEE, (uint32_t)granted.n};
    table[9] = (grant_entry_v1_t){GTF_permit_access | GTF_readonly, GRANTEE, (uint32_t)granted.n};
    return error;
}

static int grants_teardown(void **state)
{
    end_domain(guest);
    end_domain(granter);
    return machine_teardown(state);
}

static long grant_op(unsigned int command, void *op, size_t bytes)
{
    long result;

    memcpy(guest_page, op, bytes);
    result = hypercall_grant_table_op(command, gva(address_of(guest_page)), 1);
    memcpy(op, guest_page, bytes);
    audit();
    return result;
}

static uint32_t handle;

static int16_t map(uint64_t address, grant_ref_t ref, uint32_t flags)
{
    gnttab_map_grant_ref_t op = {
        .host_addr = address, .flags = GNTMAP_host_map | flags, .ref = ref, .dom = GRANTER};

    assert_int_equal(grant_op(GNTTABOP_map_grant_ref, &op, sizeof(op)), 0);
    handle = op.handle;
    return op.status;
}

static int16_t unmap(uint64_t address)
{
    gnttab_unmap_grant_ref_t op = {.host_addr = address, .handle = handle};

    assert_int_equal(grant_op(GNTTABOP_unmap_grant_ref, &op, sizeof(op)), 0);
    return op.status;
}

static int16_t replace(uint64_t address, uint64_t with)
{
    gnttab_unmap_and_replace_t op = {.host_addr = address, .new_addr = with, .handle = handle};

    assert_int_equal(grant_op(GNTTABOP_unmap_and_replace, &op, sizeof(op)), 0);
    return op.status;
}

static pte_t entry(unsigned int slot)
{
    return table_at(space.table[1])[slot];
}

/* ---- by address
 * ----------------------------------------------------------------------------------- */

static void test_a_granted_frame_is_mapped_and_unmapped(void **state)
{
    assert_int_equal(map(20 * PAGE_SIZE, 8, 0), GNTST_okay);
    assert_int_equal(pte_mfn(entry(20)).n, granted.n);
    assert_true((entry(20) & (PTE_RW | PTE_GUEST_KERNEL)) == (PTE_RW | PTE_GUEST_KERNEL));
    assert_int_equal(types_of(granted), 2); /* the grant's and the entry's */
    assert_int_equal(unmap(20 * PAGE_SIZE), GNTST_okay);
    assert_int_equal(entry(20), 0);
    assert_int_equal(types_of(granted), 0);
    assert_int_equal(references_of(granted), 1);
}

static void test_a_read_only_grant_is_mapped_read_only(void **state)
{
    assert_int_equal(map(20 * PAGE_SIZE, 9, GNTMAP_readonly | GNTMAP_application_map), GNTST_okay);
    assert_int_equal(entry(20) & (PTE_RW | PTE_GUEST_KERNEL), 0);
    assert_int_equal(types_of(granted), 0);
    /* It can't be made writable by other means. */
    assert_int_equal(set_entry(space.table[1], 20, entry_for(granted, KERNEL_RW)), -EINVAL);
    assert_int_equal(va_mapping(20 * PAGE_SIZE, entry_for(granted, KERNEL_RW), UVMF_NONE), -EINVAL);
    assert_int_equal(set_entry(space.table[1], 21, entry_for(granted, KERNEL_RO)), -EINVAL);
    assert_int_equal(unmap(20 * PAGE_SIZE), GNTST_okay);
}

static void test_bits_for_the_guests_software_and_for_caching(void **state)
{
    table[8].flags |= GTF_PWT | GTF_PCD;
    assert_int_equal(map(20 * PAGE_SIZE, 8, 5U << _GNTMAP_guest_avail0), GNTST_okay);
    assert_int_equal(entry(20) >> 9 & 7, 5);
    assert_int_equal(entry(20) & (PTE_PWT | PTE_PCD), 0); /* the grantee has no devices */
    assert_int_equal(unmap(20 * PAGE_SIZE), GNTST_okay);
}

static void test_who_has_devices_maps_with_the_granters_caching(void **state)
{
    guest->hardware = true;
    table[8].flags |= GTF_PWT | GTF_PAT;
    assert_int_equal(map(20 * PAGE_SIZE, 8, 0), GNTST_okay);
    assert_int_equal(entry(20) & (PTE_PWT | PTE_PCD | PTE_PAT), PTE_PWT | PTE_PAT);
    assert_int_equal(unmap(20 * PAGE_SIZE), GNTST_okay);
}

static void test_a_mapping_replaces_what_was_there(void **state)
{
    assert_int_equal(map(PAGE_SIZE, 8, 0), GNTST_okay);
    assert_int_equal(types_of(space.data[1]), 0);
    assert_int_equal(unmap(PAGE_SIZE), GNTST_okay);
    assert_int_equal(entry(1), 0);
}

static void test_addresses_without_a_table_are_refused(void **state)
{
    assert_int_equal(map(1ULL << 40, 8, 0), GNTST_general_error);
    assert_int_equal(map(0xffff830000000000, 8, 0), GNTST_general_error);
    assert_int_equal(references_of(granted), 1);
}

static void test_an_entry_that_is_not_the_mapping_is_not_unmapped(void **state)
{
    assert_int_equal(map(20 * PAGE_SIZE, 8, 0), GNTST_okay);
    assert_int_equal(unmap(PAGE_SIZE), GNTST_general_error);
    assert_int_equal(unmap(21 * PAGE_SIZE), GNTST_general_error);
    assert_int_equal(unmap(1ULL << 40), GNTST_general_error);
    assert_int_equal(replace(1ULL << 40, 3 * PAGE_SIZE), GNTST_general_error);
    assert_int_equal(set_entry(space.table[1], 20, 0), 0);
    assert_int_equal(unmap(20 * PAGE_SIZE), GNTST_general_error);
    assert_int_equal(types_of(granted), 1); /* the grant's own */
}

static void test_every_cpu_of_the_domain_flushes(void **state)
{
    assert_int_equal(map(20 * PAGE_SIZE, 8, 0), GNTST_okay);
    cpus[1]->current = guest->vcpus[1];
    assert_int_equal(unmap(20 * PAGE_SIZE), GNTST_okay);
    assert_int_equal(host_calls.last_flushed_cpus, 3);
    cpus[1]->current = NULL;
}

/* ---- by the entry's own address
 * ------------------------------------------------------------------- */

static void test_an_entry_is_named_by_its_machine_address(void **state)
{
    uint64_t at = maddr_of_entry(space.table[1], 30);

    assert_int_equal(map(at, 8, GNTMAP_contains_pte), GNTST_okay);
    assert_int_equal(pte_mfn(entry(30)).n, granted.n);
    assert_int_equal(replace(at, 31 * PAGE_SIZE), GNTST_general_error);
    assert_int_equal(unmap(at), GNTST_okay);
    assert_int_equal(entry(30), 0);
}

static void test_what_is_no_entry_of_the_lowest_level_is_refused(void **state)
{
    static const uint32_t pte = GNTMAP_contains_pte;

    assert_int_equal(map(maddr_of_entry(space.table[2], 30), 8, pte), GNTST_general_error);
    assert_int_equal(map(maddr_of_entry(space.data[0], 30), 8, pte), GNTST_general_error);
    assert_int_equal(map(maddr_of_entry(space.table[1], 30) + 4, 8, pte), GNTST_general_error);
    assert_int_equal(map((uint64_t)MACHINE_FRAMES << PAGE_SHIFT, 8, pte), GNTST_general_error);
    assert_int_equal(map(maddr_of_entry(granted, 0), 8, pte), GNTST_general_error);
}

/* ---- replacing
 * -------------------------------------------------------------------------------------- */

static void test_what_another_address_maps_takes_the_place(void **state)
{
    assert_int_equal(map(20 * PAGE_SIZE, 8, 0), GNTST_okay);
    assert_int_equal(replace(20 * PAGE_SIZE, 3 * PAGE_SIZE), GNTST_okay);
    assert_int_equal(pte_mfn(entry(20)).n, space.data[3].n);
    assert_int_equal(entry(3), 0);
    assert_int_equal(types_of(space.data[3]), 1);
    assert_int_equal(references_of(granted), 1);
}

static void test_a_replacement_between_two_tables(void **state)
{
    mfn_t l1 = new_frame(guest), page = new_frame(guest);

    table_at(l1)[7] = entry_for(page, KERNEL_RW);
    assert_int_equal(set_entry(space.table[2], 1, entry_for(l1, TABLE)), 0);
    for (unsigned int turn = 0; turn < 2; turn++) {
        uint64_t here = 20 * PAGE_SIZE, there = (1ULL << 21) + 7 * PAGE_SIZE;
        assert_int_equal(map(turn ? there : here, 8, 0), GNTST_okay);
        assert_int_equal(replace(turn ? there : here, turn ? here : there), GNTST_okay);
    }
    assert_int_equal(pte_mfn(table_at(l1)[7]).n, page.n);
}

static void test_a_replacement_that_makes_no_sense(void **state)
{
    assert_int_equal(map(20 * PAGE_SIZE, 8, 0), GNTST_okay);
    assert_int_equal(replace(20 * PAGE_SIZE, 20 * PAGE_SIZE), GNTST_general_error);
    assert_int_equal(replace(20 * PAGE_SIZE, 1ULL << 40), GNTST_general_error);
    assert_int_equal(replace(21 * PAGE_SIZE, 3 * PAGE_SIZE), GNTST_general_error);
    assert_int_equal(pte_mfn(entry(3)).n, space.data[3].n);
    assert_int_equal(replace(20 * PAGE_SIZE, 0), GNTST_okay);
    assert_int_equal(entry(20), 0);
}

/* The walk ends in a table of level 2 that maps itself. Tables are locked in the order of their
 * frames, so it comes first for one mapping and second for another. */
static void test_nothing_is_taken_from_a_table_of_another_level(void **state)
{
    uint64_t linear = 3ULL << 21, place[2] = {20 * PAGE_SIZE, (1ULL << 21) + 7 * PAGE_SIZE};
    mfn_t l1 = new_frame(guest);

    assert_true((l1.n > space.table[2].n) != (space.table[1].n > space.table[2].n));
    assert_int_equal(set_entry(space.table[2], 1, entry_for(l1, TABLE)), 0);
    assert_int_equal(set_entry(space.table[2], 3, entry_for(space.table[2], LINEAR)), 0);
    assert_int_equal(map(linear, 8, 0), GNTST_general_error);
    for (unsigned int i = 0; i < 2; i++) {
        assert_int_equal(map(place[i], 8, 0), GNTST_okay);
        assert_int_equal(replace(place[i], linear), GNTST_general_error);
        assert_int_equal(unmap(place[i]), GNTST_okay);
    }
    assert_int_equal(set_entry(space.table[2], 3, 0), 0);
}

/* More references than there are: neither is more than the limit, both together are. */
static void test_a_count_at_its_end_is_refused(void **state)
{
    gnttab_map_grant_ref_t op = {
        .host_addr = 20 * PAGE_SIZE, .flags = GNTMAP_host_map, .ref = 8, .dom = GRANTER};
    uint64_t before = frame_state(frame_of(granted));

    frame_of(granted)->state += (FRAME_COUNT_LIMIT - 2) * FRAME_REF_ONE;
    memcpy(guest_page, &op, sizeof(op));
    assert_int_equal(
        hypercall_grant_table_op(GNTTABOP_map_grant_ref, gva(address_of(guest_page)), 1), 0);
    memcpy(&op, guest_page, sizeof(op));
    assert_int_equal(op.status, GNTST_general_error);
    frame_of(granted)->state -= (FRAME_COUNT_LIMIT - 2) * FRAME_REF_ONE;
    assert_int_equal(references_of(granted), before & FRAME_REF_MASK);
    assert_int_equal(entry(20), 0);
    audit();
}

/* ---- ends
 * ------------------------------------------------------------------------------------------- */

static void test_a_granted_frame_outlives_its_domain_while_it_is_mapped(void **state)
{
    assert_int_equal(map(20 * PAGE_SIZE, 8, 0), GNTST_okay);
    (void)kill_domain(granter);
    audit();
    assert_int_equal(types_of(granted), 2);
    assert_int_equal(unmap(20 * PAGE_SIZE), GNTST_okay);
    domain_put(granter);
    granter = new_domain(GRANTER, 1, false);
}

static void test_a_grantee_dies_with_its_mappings(void **state)
{
    assert_int_equal(map(20 * PAGE_SIZE, 8, 0), GNTST_okay);
    end_domain(guest);
    audit();
    assert_int_equal(types_of(granted), 0);
    assert_int_equal(references_of(granted), 1);
    assert_int_equal(table[8].flags & (GTF_reading | GTF_writing), 0);
    guest = new_domain(GRANTEE, 1, false);
}

static void test_tools_find_the_table_of_a_domain(void **state)
{
    struct xen_mem_acquire_resource r = {.domid = GRANTER, .type = XENMEM_resource_grant_table};
    xen_pfn_t *list = (xen_pfn_t *)(guest_page + PAGE_SIZE);
    struct mmu_update request = {maddr_of_entry(space.table[1], 20), 0};

    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), 0);
    assert_true(r.nr_frames >= 1);
    r.nr_frames = 1;
    set_xen_guest_handle(r.frame_list, list);
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), 0);
    assert_ptr_equal(frame_to_virt(mfn(list[0])), table);
    request.val = entry_for(mfn(list[0]), KERNEL_RW);
    assert_int_equal(mmu_update_for(&request, 1, GRANTER), 0);
    r.frame = 1000;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -EINVAL);
    r.frame = 0;
    r.id = 7;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -EINVAL);
    r.type = 9;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -EOPNOTSUPP);
    guest->privileged = false;
    assert_int_equal(set_entry(space.table[1], 20, 0), 0);
}

#define grants_test(function) \
    cmocka_unit_test_setup_teardown(function, grants_setup, grants_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        grants_test(test_who_has_devices_maps_with_the_granters_caching),
        grants_test(test_a_granted_frame_is_mapped_and_unmapped),
        grants_test(test_a_read_only_grant_is_mapped_read_only),
        grants_test(test_bits_for_the_guests_software_and_for_caching),
        grants_test(test_a_mapping_replaces_what_was_there),
        grants_test(test_addresses_without_a_table_are_refused),
        grants_test(test_an_entry_that_is_not_the_mapping_is_not_unmapped),
        grants_test(test_every_cpu_of_the_domain_flushes),
        grants_test(test_an_entry_is_named_by_its_machine_address),
        grants_test(test_what_is_no_entry_of_the_lowest_level_is_refused),
        grants_test(test_what_another_address_maps_takes_the_place),
        grants_test(test_a_replacement_between_two_tables),
        grants_test(test_a_replacement_that_makes_no_sense),
        grants_test(test_nothing_is_taken_from_a_table_of_another_level),
        grants_test(test_a_count_at_its_end_is_refused),
        grants_test(test_a_granted_frame_outlives_its_domain_while_it_is_mapped),
        grants_test(test_a_grantee_dies_with_its_mappings),
        grants_test(test_tools_find_the_table_of_a_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
