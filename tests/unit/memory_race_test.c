// SPDX-License-Identifier: Apache-2.0
// Memory that comes, goes and is exchanged by one CPU while another of the domain's makes use of
// it.
#include "race_fixture.h"

static bool known[MACHINE_FRAMES]; /* the domain's, before */
static uint64_t total, free_frames;

static void note_frames(void)
{
    for (uint64_t n = 0; n < MACHINE_FRAMES; n++) {
        known[n] = frame_of(mfn(n))->owner == guest->id;
    }
    total = guest->total_pages;
    free_frames = frames_free_count();
}

/* A guest can guess numbers. */
static void give_back_what_came(void)
{
    for (uint64_t n = 0; n < MACHINE_FRAMES; n++) {
        if (!known[n] && READ_ONCE(frame_of(mfn(n))->owner) == guest->id) {
            call_give_back(mfn(n));
        }
    }
}

static struct xen_memory_reservation extents(xen_pfn_t *list)
{
    struct xen_memory_reservation r = {.nr_extents = 2, .extent_order = 1, .domid = DOMID_SELF};

    r.extent_start.p = list;
    return r;
}

static void increase_without_a_list_that_can_be_written(void)
{
    struct xen_memory_reservation r = extents((xen_pfn_t *)0x10);

    call_memory_op(XENMEM_increase_reservation, &r, sizeof(r));
}

static void populate_without_a_list_that_can_be_written(void)
{
    struct xen_memory_reservation r = extents((xen_pfn_t *)(guest_page + 3 * PAGE_SIZE) - 1);

    call_memory_op(XENMEM_populate_physmap, &r, sizeof(r));
}

static void the_list_ends_early(void)
{
    note_frames();
    host_guest_fault_from(3 * PAGE_SIZE);
}

static void check_as_before(void)
{
    assert_int_equal(result[0], 0);
    assert_int_equal(guest->total_pages, total);
    assert_int_equal(frames_free_count(), free_frames);
}

/* The first extent could be told of; it is the guest's, or what is left of it. */
static void check_one_extent_at_most(void)
{
    host_guest_fault_from(UINT64_MAX);
    assert_int_equal(result[0], 1);
    assert_true(guest->total_pages <= total + 2);
    assert_int_equal(frames_free_count() + guest->total_pages, free_frames + total);
}

static void test_frames_that_can_not_be_told_of_are_given_back_once(void **state)
{
    run_race((struct race){.prepare = note_frames,
                           .first = increase_without_a_list_that_can_be_written,
                           .second = give_back_what_came,
                           .check = check_as_before});
    run_race((struct race){.prepare = the_list_ends_early,
                           .first = populate_without_a_list_that_can_be_written,
                           .second = give_back_what_came,
                           .check = check_one_extent_at_most});
}

/* ---- tables of what is given back --------------------------------------------------------------
 */

static void pin_spare(void)
{
    call_pin(spare, 1);
}

static void give_back_spare(void)
{
    call_give_back(spare);
}

static void check_spare_is_free(void)
{
    long given = result[0] == 1 ? result[0] : result[1],
         pinned = result[0] == 1 ? result[1] : result[0];

    assert_int_equal(given, 1);
    assert_true(pinned == 0 || pinned == -EINVAL);
    assert_int_equal(frame_of(spare)->owner, DOMID_INVALID);
}

static void test_a_pin_does_not_keep_what_is_given_back(void **state)
{
    run_both_ways((struct race){.prepare = note_frames,
                                .first = pin_spare,
                                .second = give_back_spare,
                                .check = check_spare_is_free});
}

static void check_given_back_once(void)
{
    assert_int_equal(result[0] + result[1], 1);
    assert_int_equal(guest->total_pages, total - 1);
    assert_int_equal(frames_free_count(), free_frames + 1);
}

static void test_a_frame_is_given_back_once(void **state)
{
    run_race((struct race){.prepare = note_frames,
                           .first = give_back_spare,
                           .second = give_back_spare,
                           .check = check_given_back_once});
}

/* ---- exchange ----------------------------------------------------------------------------------
 */

static void exchange(void)
{
    struct xen_memory_exchange e = {
        .in = {.nr_extents = 2, .domid = DOMID_SELF},
        .out = {.nr_extents = 1, .extent_order = 1, .domid = DOMID_SELF}};
    xen_pfn_t *in = (xen_pfn_t *)(guest_page + 2 * PAGE_SIZE), *out = in + 16;

    in[0] = spare.n;
    in[1] = spare.n + 1;
    e.in.extent_start.p = in;
    e.out.extent_start.p = out;
    call_memory_op(XENMEM_exchange, &e, sizeof(e));
}

static void spare_is_a_pair(void)
{
    assert_int_equal(domain_add_frames(guest, 1, 64, &spare), 0);
    note_frames();
}

static void map_the_second(void)
{
    call_update(space.table[1], 40, 0, entry_for(mfn_add(spare, 1), KERNEL_RW));
}

static void check_exchanged_or_mapped(void)
{
    assert_int_equal((result[0] == 0) + (result[1] == 0), 1);
    assert_int_equal(guest->total_pages, total);
    assert_int_equal(frames_free_count(), free_frames);
}

static void test_a_frame_is_exchanged_or_mapped(void **state)
{
    run_both_ways((struct race){.prepare = spare_is_a_pair,
                                .first = exchange,
                                .second = map_the_second,
                                .check = check_exchanged_or_mapped});
}

static void check_exchanged_and_given_back(void)
{
    assert_true(result[0] == 0 || result[0] == -EINVAL);
    assert_int_equal(frames_free_count() + guest->total_pages, free_frames + total);
}

static void test_what_an_exchange_brought_may_go_at_once(void **state)
{
    run_race((struct race){.prepare = spare_is_a_pair,
                           .first = exchange,
                           .second = give_back_what_came,
                           .check = check_exchanged_and_given_back});
}

/* ---- a domain that dies while it is asked about -------------------------------------------------
 */

static struct domain *other;

static void another_domain(void)
{
    other = new_domain(2, 1, false);
    other->shared->arch.max_pfn = 100;
    guest->privileged = true;
}

static void ask_for_highest_page(void)
{
    domid_t id = 2;

    call_memory_op(XENMEM_maximum_gpfn, &id, sizeof(id));
}

static void kill_other(void)
{
    while (domain_kill(other) == HYPERCALL_RESTART) {
    }
    domain_put(other);
    /* And its pages are somebody else's. */
    for (uint64_t n = 1; n < MACHINE_FRAMES; n++) {
        if (frame_of(mfn(n))->owner == DOMID_INVALID) {
            memset(frame_to_virt(mfn(n)), 0x5a, PAGE_SIZE);
        }
    }
}

static void check_answer(void)
{
    assert_true(result[0] == 99 || result[0] == 0 || result[0] == -ESRCH);
    guest->privileged = false;
}

static void test_a_domain_may_die_while_it_is_asked_about(void **state)
{
    run_race((struct race){.prepare = another_domain,
                           .first = ask_for_highest_page,
                           .second = kill_other,
                           .check = check_answer});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_that_can_not_be_told_of_are_given_back_once),
        cmocka_unit_test(test_a_pin_does_not_keep_what_is_given_back),
        cmocka_unit_test(test_a_frame_is_given_back_once),
        cmocka_unit_test(test_a_frame_is_exchanged_or_mapped),
        cmocka_unit_test(test_what_an_exchange_brought_may_go_at_once),
        cmocka_unit_test(test_a_domain_may_die_while_it_is_asked_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
