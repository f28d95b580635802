// SPDX-License-Identifier: Apache-2.0
// Calls about memory and page tables whose structures are there, but whose lists, results or counts
// are not: each says so, and leaves nothing half done.
#include "grant/grant.h"
#include "mmu/memory_map.h"
#include "mmu_fixture.h"

#define RESUMED (1U << 31)
#define NOWHERE 0x10UL

static xen_pfn_t *nowhere(void)
{
    return (xen_pfn_t *)NOWHERE;
}

/* ---- counts of batches --------------------------------------------------------------------------
 */

static void test_what_an_earlier_turn_did_is_read_and_written(void **state)
{
    struct mmu_update request = {maddr_of_entry(space.table[1], 40), 0};
    struct mmuext_op flush = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};

    memcpy(guest_page, &request, sizeof(request));
    assert_int_equal(
        issue(CALL_MMU_UPDATE, address_of(guest_page), 1 | RESUMED, NOWHERE, DOMID_SELF), -EFAULT);
    assert_int_equal(issue(CALL_MMU_UPDATE, address_of(guest_page), 1, NOWHERE, DOMID_SELF),
                     -EFAULT);
    *done_word() = 5;
    assert_int_equal(issue(CALL_MMU_UPDATE, address_of(guest_page), 1 | RESUMED,
                           address_of(done_word()), DOMID_SELF),
                     0);
    assert_int_equal(*done_word(), 6);
    memcpy(guest_page, &flush, sizeof(flush));
    assert_int_equal(issue(CALL_MMUEXT, address_of(guest_page), 1 | RESUMED, NOWHERE, DOMID_SELF),
                     -EFAULT);
    assert_int_equal(issue(CALL_MMUEXT, address_of(guest_page), 1, NOWHERE, DOMID_SELF), -EFAULT);
    *done_word() = 7;
    assert_int_equal(issue(CALL_MMUEXT, address_of(guest_page), 1 | RESUMED,
                           address_of(done_word()), DOMID_SELF),
                     0);
    assert_int_equal(*done_word(), 8);
}

static void test_a_batch_that_can_not_be_read(void **state)
{
    assert_int_equal(issue(CALL_MMU_UPDATE, NOWHERE, 3, address_of(done_word()), DOMID_SELF),
                     -EFAULT);
    assert_int_equal(*done_word(), 0);
    assert_int_equal(issue(CALL_MMUEXT, NOWHERE, 3, address_of(done_word()), DOMID_SELF), -EFAULT);
    assert_int_equal(*done_word(), 0);
}

/* A command that is none, and flushes that are none. */
static void test_commands_and_flags_that_mean_nothing(void **state)
{
    assert_int_equal(update(maddr_of_entry(space.table[1], 40) | 4, 0), -EINVAL);
    assert_int_equal(mmuext(1000, 0), -ENOSYS);
    assert_int_equal(va_mapping(0, 0, UVMF_FLUSHTYPE_MASK), -EINVAL);
    assert_int_equal(va_mapping(1UL << 39, 0, UVMF_NONE), -EINVAL);
}

/* ---- lists --------------------------------------------------------------------------------------
 */

static void test_frames_that_can_not_be_told_of_are_given_back(void **state)
{
    struct xen_memory_reservation r = {.nr_extents = 2, .domid = DOMID_SELF};
    uint64_t before = guest->total_pages;

    r.extent_start.p = nowhere();
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);
    assert_int_equal(guest->total_pages, before);
}

static void test_maps_that_can_not_be_copied(void **state)
{
    static const struct e820entry machine[1] = {{0, 0x1000, 1}};
    struct xen_memory_map map = {.nr_entries = 4};
    struct xen_foreign_memory_map set = {.domid = 1, .map = {.nr_entries = 2}};

    memory_map_set_machine(machine, 1);
    map.buffer.p = nowhere();
    set.map.buffer.p = nowhere();
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), -EFAULT);
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), -EFAULT);
    assert_null(guest->memory_map);
    set.map.buffer.p = guest_page + PAGE_SIZE;
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), 0);
    assert_int_equal(memory_op(XENMEM_memory_map, &map), -EFAULT);
    guest->privileged = false;
}

static void test_no_memory_for_a_map(void **state)
{
    struct xen_foreign_memory_map set = {.domid = 1, .map = {.nr_entries = 1024}};
    void *taken = NULL, *page;

    set.map.buffer.p = guest_page + PAGE_SIZE;
    guest->privileged = true;
    memcpy(guest_page, &set, sizeof(set));
    while ((page = page_alloc()) != NULL) {
        *(void **)page = taken;
        taken = page;
    }
    /* No audit: that needs memory too. */
    set_arguments(XENMEM_set_memory_map, address_of(guest_page), 0, 0);
    assert_int_equal(one_turn(CALL_MEMORY_OP), -ENOMEM);
    while (taken) {
        page = taken;
        taken = *(void **)page;
        page_free(page);
    }
    guest->privileged = false;
}

static void test_places_of_the_machine_to_physical_table_that_can_not_be_told(void **state)
{
    struct xen_machphys_mfn_list list = {.max_extents = 8};

    list.extent_start.p = nowhere();
    assert_int_equal(memory_op(XENMEM_machphys_mfn_list, &list), -EFAULT);
}

static void test_claims_that_make_no_sense(void **state)
{
    struct xen_memory_reservation r = {.nr_extents = 10, .domid = DOMID_SELF};

    r.extent_order = 1;
    assert_true(memory_op(XENMEM_claim_pages, &r) < 0);
    r.extent_order = 0;
    guest->privileged = true;
    r.extent_start.p = nowhere();
    assert_int_equal(memory_op(XENMEM_claim_pages, &r), -EINVAL);
    guest->privileged = false;
}

/* ---- resources ----------------------------------------------------------------------------------
 */

static struct domain *other;

static long acquire(unsigned int type, unsigned int id, uint64_t frame, unsigned int count,
                    xen_pfn_t *list)
{
    struct xen_mem_acquire_resource r = {
        .domid = other->id, .type = (uint16_t)type, .id = id, .nr_frames = count, .frame = frame};
    long result;

    r.frame_list.p = list;
    guest->privileged = true;
    result = memory_op(XENMEM_acquire_resource, &r);
    guest->privileged = false;
    return result;
}

static void open_grants_of_other(void)
{
    gnttab_setup_table_t op = {.dom = DOMID_SELF, .nr_frames = 1};

    set_xen_guest_handle(op.frame_list, (xen_pfn_t *)(guest_page + PAGE_SIZE));
    memcpy(guest_page, &op, sizeof(op));
    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_grant_table_op(GNTTABOP_setup_table, gva(address_of(guest_page)), 1),
                     0);
    run_as(vcpu);
}

static void test_resources_of_another_domain(void **state)
{
    const unsigned int grants = XENMEM_resource_grant_table;
    const unsigned int shared = XENMEM_resource_grant_table_id_shared;
    xen_pfn_t *list = (xen_pfn_t *)(guest_page + PAGE_SIZE);

    other = new_domain(2, 1, false);
    open_grants_of_other();
    assert_int_equal(acquire(XENMEM_resource_ioreq_server, 0, 0, 1, list), -EINVAL);
    assert_int_equal(acquire(XENMEM_resource_vmtrace_buf, 0, 0, 1, list), -EINVAL);
    assert_int_equal(acquire(77, 0, 0, 1, list), -EOPNOTSUPP);
    assert_int_equal(acquire(grants, 77, 0, 1, list), -EINVAL);
    assert_int_equal(acquire(grants, shared, 0, 1, list), 0);
    assert_int_equal(list[0], grant_shared_frame(other, 0).n);
    assert_int_equal(acquire(grants, shared, 0, 1, nowhere()), -EFAULT);
    assert_int_equal(acquire(grants, shared, 0, 1, NULL), -EINVAL);
    assert_int_equal(acquire(grants, shared, 0, 0, NULL), 0);
    assert_int_equal(acquire(grants, shared, 1UL << 40, 1, list), -EINVAL);
    assert_int_equal(acquire(grants, shared, UINT32_MAX, UINT32_MAX, list), -EINVAL);
    assert_int_equal(acquire(grants, shared, 5000, 1, list), -EINVAL);
    /* Status pages are version 2's. */
    assert_int_equal(acquire(grants, XENMEM_resource_grant_table_id_status, 0, 1, list), -EINVAL);
    end_domain(other);
}

static void set_version_of_other(uint32_t version)
{
    gnttab_set_version_t op = {.version = version};

    memcpy(guest_page, &op, sizeof(op));
    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_grant_table_op(GNTTABOP_set_version, gva(address_of(guest_page)), 1),
                     0);
    run_as(vcpu);
}

static void test_how_large_a_resource_is(void **state)
{
    struct xen_mem_acquire_resource r = {.domid = 2, .type = XENMEM_resource_grant_table};

    other = new_domain(2, 1, false);
    open_grants_of_other();
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), 0);
    assert_int_equal(r.nr_frames, grant_most_frames(other));
    r.id = XENMEM_resource_grant_table_id_status;
    r.nr_frames = 0;
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), 0);
    assert_int_equal(r.nr_frames, 0);
    set_version_of_other(2);
    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), 0);
    assert_int_equal(r.nr_frames, 1);
    r.nr_frames = 0;
    memcpy(guest_page, &r, sizeof(r));
    host_guest_read_only(true);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_acquire_resource, address_of(guest_page), 0, 0),
                     -EFAULT);
    host_guest_read_only(false);
    guest->privileged = false;
    end_domain(other);
}

static int with_grants(void **state)
{
    static bool registered;

    if (!registered) {
        grant_init();
        registered = true;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_what_an_earlier_turn_did_is_read_and_written),
        guest_test(test_a_batch_that_can_not_be_read),
        guest_test(test_commands_and_flags_that_mean_nothing),
        guest_test(test_frames_that_can_not_be_told_of_are_given_back),
        guest_test(test_maps_that_can_not_be_copied),
        guest_test(test_no_memory_for_a_map),
        guest_test(test_places_of_the_machine_to_physical_table_that_can_not_be_told),
        guest_test(test_claims_that_make_no_sense),
        guest_test(test_resources_of_another_domain),
        guest_test(test_how_large_a_resource_is),
    };
    return cmocka_run_group_tests(tests, with_grants, NULL);
}
