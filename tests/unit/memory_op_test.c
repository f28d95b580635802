// SPDX-License-Identifier: Apache-2.0
// memory_op: reservations, exchange, and what there is to know about memory.
#include "mmu/memory_map.h"
#include "mmu_fixture.h"

static xen_pfn_t *list(void) /* of extents, in the second page of arguments */
{
    return (xen_pfn_t *)(guest_page + PAGE_SIZE);
}

static struct xen_memory_reservation want(unsigned long count, unsigned int order)
{
    struct xen_memory_reservation r = {
        .nr_extents = count, .extent_order = order, .domid = DOMID_SELF};

    r.extent_start.p = list();
    return r;
}

static long reserve(unsigned int command, unsigned long count, unsigned int order)
{
    struct xen_memory_reservation r = want(count, order);
    return memory_op(command, &r);
}

static long about(unsigned int command, domid_t domid)
{
    return memory_op(command, &domid);
}

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

/* ---- exchange
 * ------------------------------------------------------------------------------------ */

static xen_pfn_t *in_list(void)
{
    return list();
}

static xen_pfn_t *out_list(void)
{
    return (xen_pfn_t *)(guest_page + 2 * PAGE_SIZE);
}

static struct xen_memory_exchange swap_of(unsigned long in, unsigned int in_order,
                                          unsigned long out, unsigned int out_order)
{
    struct xen_memory_exchange e = {.in = want(in, in_order), .out = want(out, out_order)};

    e.out.extent_start.p = out_list();
    return e;
}

static void fill(unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        in_list()[i] = new_frame(guest).n;
        out_list()[i] = 0x3000 + i;
    }
}

static void test_single_frames_become_a_contiguous_extent(void **state)
{
    struct xen_memory_exchange e = swap_of(8, 0, 1, 3);
    uint64_t before, first = 0;

    fill(8);
    before = guest->total_pages;
    first = in_list()[0];
    m2p_set(mfn(first), 0x77);
    e.out.mem_flags = XENMEMF_address_bits(23);
    assert_int_equal(memory_op(XENMEM_exchange, &e), 0);
    assert_int_equal(e.nr_exchanged, 8);
    assert_int_equal(out_list()[0] & 7, 0);
    assert_true(out_list()[0] + 8 <= 2048);
    for (unsigned int i = 0; i < 8; i++) {
        assert_int_equal(m2p_get(mfn(out_list()[0] + i)), 0x3000 + i);
        assert_int_equal(frame_of(mfn(out_list()[0] + i))->owner, guest->id);
    }
    assert_int_equal(guest->total_pages, before);
    assert_int_equal(m2p_get(mfn(first)), M2P_INVALID);
}

static void test_an_extent_becomes_single_frames(void **state)
{
    struct xen_memory_exchange e = swap_of(2, 2, 8, 0);
    mfn_t first;

    fill(8);
    for (unsigned int i = 0; i < 2; i++) {
        assert_int_equal(domain_add_frames(guest, 2, 64, &first), 0);
        in_list()[i] = first.n;
    }
    interrupt_everything(true);
    assert_int_equal(memory_op(XENMEM_exchange, &e), 0);
    assert_int_equal(turns, 2);
    assert_int_equal(e.nr_exchanged, 2);
    for (unsigned int i = 0; i < 8; i++) {
        assert_int_equal(m2p_get(mfn(out_list()[i])), 0x3000 + i);
    }
}

static void test_a_frame_in_use_is_not_exchanged_and_all_is_as_it_was(void **state)
{
    struct xen_memory_exchange e = swap_of(4, 0, 1, 2);
    uint64_t free_before;

    fill(4);
    in_list()[3] = space.data[0].n;
    free_before = frames_free_count();
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EINVAL);
    assert_int_equal(e.nr_exchanged, 0);
    assert_int_equal(frames_free_count(), free_before);
    assert_int_equal(out_list()[0], 0x3000);
    for (unsigned int i = 0; i < 3; i++) {
        assert_int_equal(references_of(mfn(in_list()[i])), 1);
        assert_int_equal(frame_of(mfn(in_list()[i]))->owner, guest->id);
    }
}

static void test_chunks_that_were_done_stay_done(void **state)
{
    struct xen_memory_exchange e = swap_of(4, 0, 2, 1);

    fill(4);
    in_list()[3] = in_list()[2]; /* a frame is there once */
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EINVAL);
    assert_int_equal(e.nr_exchanged, 2);
    assert_int_equal(m2p_get(mfn(out_list()[0])), 0x3000);
    assert_int_equal(out_list()[1], 0x3001);
}

static void test_without_memory_all_is_as_it_was(void **state)
{
    struct xen_memory_exchange e = swap_of(4, 0, 1, 2);

    fill(4);
    e.out.mem_flags = XENMEMF_address_bits(12);
    assert_int_equal(memory_op(XENMEM_exchange, &e), -ENOMEM);
    assert_int_equal(e.nr_exchanged, 0);
    assert_int_equal(references_of(mfn(in_list()[0])), 1);
}

static void test_lists_that_are_not_there_cost_no_frame(void **state)
{
    struct xen_memory_exchange e = swap_of(4, 0, 4, 0);
    uint64_t before;

    fill(4);
    before = guest->total_pages;
    e.out.extent_start.p = (xen_pfn_t *)(guest_page + 3 * PAGE_SIZE) - 2;
    e.out.extent_start.p[0] = 0x10;
    e.out.extent_start.p[1] = 0x11;
    memcpy(guest_page, &e, sizeof(e));
    host_guest_fault_from(3 * PAGE_SIZE);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_exchange, address_of(guest_page), 0, 0), -EFAULT);
    host_guest_fault_from(UINT64_MAX);
    assert_int_equal(guest->total_pages, before);
    memcpy(&e, guest_page, sizeof(e));
    assert_int_equal(e.nr_exchanged, 2);
    /* A chunk whose second entry faults puts its first one back. */
    e = swap_of(1, 1, 2, 0);
    e.out.extent_start.p = (xen_pfn_t *)(guest_page + 3 * PAGE_SIZE) - 1;
    e.out.extent_start.p[0] = 0x22;
    assert_int_equal(reserve(XENMEM_increase_reservation, 1, 1), 1);
    memcpy(guest_page, &e, sizeof(e));
    host_guest_fault_from(3 * PAGE_SIZE);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_exchange, address_of(guest_page), 0, 0), -EFAULT);
    host_guest_fault_from(UINT64_MAX);
    assert_int_equal(e.out.extent_start.p[0], 0x22);
    assert_int_equal(references_of(mfn(list()[0])), 1);
    assert_int_equal(references_of(mfn(list()[0] + 1)), 1);
}

static void test_requests_that_make_no_sense(void **state)
{
    struct xen_memory_exchange e = swap_of(2, 0, 1, 0);

    assert_int_equal(memory_op(XENMEM_exchange, &e), -EINVAL);
    e = swap_of(1, 0, 1, 0);
    e.out.domid = 1;
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EINVAL);
    e = swap_of(1, 0, 1, 0);
    e.nr_exchanged = 2;
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EINVAL);
    e = swap_of(1, 10, 1, 10);
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EPERM);
    e = swap_of(1UL << 61, 0, 1UL << 61, 0);
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EINVAL);
    e = swap_of(4, 0, 4, 0);
    e.out.extent_start.p = in_list() + 3;
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EINVAL);
    e = swap_of(1, 0, 1, 0);
    e.in.domid = e.out.domid = 77;
    assert_int_equal(memory_op(XENMEM_exchange, &e), -ESRCH);
    e = swap_of(0, 0, 0, 0);
    assert_int_equal(memory_op(XENMEM_exchange, &e), 0);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_exchange, 8, 0, 0), -EFAULT);
}

/* A limit that was lowered meanwhile takes nothing away from a domain that only swaps. */
static void test_the_limit_does_not_hold_for_an_exchange(void **state)
{
    struct xen_memory_exchange e = swap_of(2, 0, 1, 1);

    fill(2);
    guest->max_pages = 1;
    assert_int_equal(memory_op(XENMEM_exchange, &e), 0);
    guest->max_pages = UINT64_MAX;
}

/* ---- maps
 * ---------------------------------------------------------------------------------------- */

static const struct e820entry machine_map[] = {
    {0, 0x9fc00, 1}, {0x100000, 0xff00000, 1}, {0xfec00000, 0x1000, 2}};

static struct xen_memory_map room_for(unsigned int entries)
{
    struct xen_memory_map map = {.nr_entries = entries};

    map.buffer.p = list();
    return map;
}

static void test_the_machines_map_is_for_the_privileged_and_whole(void **state)
{
    struct xen_memory_map map = room_for(128);

    memory_map_set_machine(machine_map, 3);
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), -EPERM);
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), 0);
    assert_int_equal(map.nr_entries, 3);
    assert_memory_equal(list(), machine_map, sizeof(machine_map));
    map = room_for(2);
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), -EINVAL);
    map.buffer.p = NULL;
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), 0);
    assert_int_equal(map.nr_entries, 3);
    guest->privileged = false;
}

static void test_a_domains_map_is_what_its_builder_set(void **state)
{
    struct xen_foreign_memory_map set = {.domid = 1, .map = room_for(40)};
    struct xen_memory_map map = room_for(128);
    struct e820entry entries[40];

    assert_int_equal(memory_op(XENMEM_memory_map, &map), -ENOSYS);
    for (unsigned int i = 0; i < 40; i++) {
        entries[i] = (struct e820entry){i * 0x1000, 0x1000, 1 + i % 2};
    }
    memcpy(list(), entries, sizeof(entries));
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), -EPERM);
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), 0);
    set.domid = 77;
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), -ESRCH);
    set = (struct xen_foreign_memory_map){.domid = 1, .map = room_for(1025)};
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), -EINVAL);
    guest->privileged = false;
    memset(list(), 0, PAGE_SIZE);
    assert_int_equal(memory_op(XENMEM_memory_map, &map), 0);
    assert_int_equal(map.nr_entries, 40);
    assert_memory_equal(list(), entries, sizeof(entries));
    map.nr_entries = 17;
    assert_int_equal(memory_op(XENMEM_memory_map, &map), 0);
    assert_int_equal(map.nr_entries, 17);
}

/* ---- the machine-to-physical table and the rest
 * -------------------------------------------------- */

static mfn_t m2p_start;

static mfn_t m2p_at(uint64_t offset)
{
    return mfn_add(m2p_start, offset >> PAGE_SHIFT);
}

static void test_where_the_machine_to_physical_table_is(void **state)
{
    struct xen_machphys_mapping mapping;
    struct xen_machphys_mfn_list frames = {.max_extents = 8};
    void *table = pages_alloc(3);

    memset(&mapping, 0, sizeof(mapping));
    assert_int_equal(memory_op(XENMEM_machphys_mapping, &mapping), 0);
    assert_int_equal(mapping.v_start, 0xffff800000000000);
    assert_int_equal(mapping.max_mfn, MACHINE_FRAMES - 1);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_maximum_ram_page, 0, 0, 0), MACHINE_FRAMES - 1);
    m2p_start = virt_to_frame(table);
    m2p_publish(m2p_at);
    frames.extent_start.p = list();
    assert_int_equal(memory_op(XENMEM_machphys_mfn_list, &frames), 0);
    assert_int_equal(frames.nr_extents, 1);
    assert_int_equal(list()[0], m2p_start.n);
    frames.max_extents = 0;
    assert_int_equal(memory_op(XENMEM_machphys_mfn_list, &frames), 0);
    assert_int_equal(frames.nr_extents, 0);
    assert_int_equal(memory_op(XENMEM_machphys_compat_mfn_list, &frames), -EOPNOTSUPP);
    pages_free(table, 3);
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
    assert_int_equal(memory_op(XENMEM_get_vnumainfo, &numa), -EOPNOTSUPP);
    numa.pad = 1;
    assert_int_equal(memory_op(XENMEM_get_vnumainfo, &numa), -EINVAL);
    assert_int_equal(memory_op(XENMEM_reserved_device_memory_map, &reserved), 0);
    assert_int_equal(reserved.nr_entries, 0);
    reserved.flags = 6;
    assert_int_equal(memory_op(XENMEM_reserved_device_memory_map, &reserved), -EINVAL);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_get_sharing_freed_pages, 0, 0, 0), 0);
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

static void test_resources_are_other_domains(void **state)
{
    struct xen_mem_acquire_resource r = {.domid = 1, .type = XENMEM_resource_grant_table};

    assert_int_equal(memory_op(XENMEM_acquire_resource, &r), -EPERM);
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
        guest_test(test_interrupted_work_goes_on_where_it_stopped),
        guest_test(test_other_domains_are_for_the_privileged),
        guest_test(test_the_highest_page_is_what_the_guest_noted),
        guest_test(test_a_claim_keeps_frames_from_others_until_it_is_used),
        guest_test(test_single_frames_become_a_contiguous_extent),
        guest_test(test_an_extent_becomes_single_frames),
        guest_test(test_a_frame_in_use_is_not_exchanged_and_all_is_as_it_was),
        guest_test(test_chunks_that_were_done_stay_done),
        guest_test(test_without_memory_all_is_as_it_was),
        guest_test(test_lists_that_are_not_there_cost_no_frame),
        guest_test(test_requests_that_make_no_sense),
        guest_test(test_the_limit_does_not_hold_for_an_exchange),
        guest_test(test_the_machines_map_is_for_the_privileged_and_whole),
        guest_test(test_a_domains_map_is_what_its_builder_set),
        guest_test(test_where_the_machine_to_physical_table_is),
        guest_test(test_what_only_translated_guests_have),
        guest_test(test_structures_that_are_not_there),
        guest_test(test_resources_are_other_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
