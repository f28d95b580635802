// SPDX-License-Identifier: Apache-2.0
// memory_op: frames for as many others, contiguous or within a device's reach.
#include "memory_op_fixture.h"

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

/* The entry that can't be read or written is each of the list's in turn. */
static void test_a_list_that_ends_anywhere_costs_no_frame(void **state)
{
    enum { EXTENTS = 6 };
    struct xen_memory_exchange e = swap_of(EXTENTS, 0, EXTENTS, 0);
    uint64_t total;

    for (unsigned int there = 0; there < 2 * EXTENTS; there++) {
        xen_pfn_t *end = (xen_pfn_t *)(guest_page + 3 * PAGE_SIZE);
        bool in_ends = there < EXTENTS;
        e = swap_of(EXTENTS, 0, EXTENTS, 0);
        (in_ends ? &e.in : &e.out)->extent_start.p = end - there % EXTENTS;
        for (unsigned int i = 0; i < EXTENTS; i++) {
            mfn_t m = new_frame(guest);
            if (!in_ends || i < there) {
                e.in.extent_start.p[i] = m.n;
            }
        }
        total = guest->total_pages;
        memcpy(guest_page, &e, sizeof(e));
        host_guest_fault_from(3 * PAGE_SIZE);
        assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_exchange, address_of(guest_page), 0, 0),
                         -EFAULT);
        host_guest_fault_from(UINT64_MAX);
        memcpy(&e, guest_page, sizeof(e));
        assert_int_equal(e.nr_exchanged, there % EXTENTS);
        assert_int_equal(guest->total_pages, total);
    }
}

/* Where the guest can't be told of the new frame, the old one stays. */
static void test_lists_that_can_only_be_read(void **state)
{
    struct xen_memory_exchange e = swap_of(2, 0, 1, 1);
    uint64_t free_before;

    fill(2);
    free_before = frames_free_count();
    memcpy(guest_page, &e, sizeof(e));
    host_guest_read_only(true);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_exchange, address_of(guest_page), 0, 0), -EFAULT);
    host_guest_read_only(false);
    assert_int_equal(frames_free_count(), free_before);
    assert_int_equal(out_list()[0], 0x3000);
    assert_int_equal(references_of(mfn(in_list()[0])), 1);
    assert_int_equal(references_of(mfn(in_list()[1])), 1);
}

static void test_lists_that_end_beyond_all_addresses(void **state)
{
    struct xen_memory_exchange e = swap_of(4, 0, 4, 0);

    e.in.extent_start.p = (xen_pfn_t *)(UINT64_MAX - 7);
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EFAULT);
    e = swap_of(4, 0, 4, 0);
    e.out.extent_start.p = (xen_pfn_t *)(UINT64_MAX - 7);
    assert_int_equal(memory_op(XENMEM_exchange, &e), -EFAULT);
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
    e = swap_of(1, 0, 1UL << 61, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_single_frames_become_a_contiguous_extent),
        guest_test(test_an_extent_becomes_single_frames),
        guest_test(test_a_frame_in_use_is_not_exchanged_and_all_is_as_it_was),
        guest_test(test_chunks_that_were_done_stay_done),
        guest_test(test_without_memory_all_is_as_it_was),
        guest_test(test_lists_that_are_not_there_cost_no_frame),
        guest_test(test_a_list_that_ends_anywhere_costs_no_frame),
        guest_test(test_lists_that_can_only_be_read),
        guest_test(test_lists_that_end_beyond_all_addresses),
        guest_test(test_requests_that_make_no_sense),
        guest_test(test_the_limit_does_not_hold_for_an_exchange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
