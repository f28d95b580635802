// SPDX-License-Identifier: Apache-2.0
// Frame records: references, the writable type, lists, and the stamps that say who has to flush.
#include "mmu_fixture.h"

static struct domain *owner;

static int owner_setup(void **state)
{
    int error = machine_setup(state);

    owner = new_domain(1, 1, false);
    return error;
}

static int owner_teardown(void **state)
{
    end_domain(owner);
    return machine_teardown(state);
}

static void test_references_are_for_the_owner_alone(void **state)
{
    mfn_t m = new_frame(owner);

    assert_true(frame_get(frame_of(m), 1));
    assert_false(frame_get(frame_of(m), 2));
    assert_int_equal(references_of(m), 2);
    frame_put(frame_of(m));
    assert_int_equal(references_of(m), 1);
}

static void test_a_free_frame_gives_no_reference(void **state)
{
    mfn_t m = frames_alloc(0, 64);

    frames_free(m, 0);
    assert_false(frame_get(frame_of(m), DOMID_INVALID));
    assert_false(frame_get_writable(frame_of(m), DOMID_INVALID));
}

static void test_the_last_reference_frees_the_frame(void **state)
{
    uint64_t free_before = frames_free_count();
    mfn_t m = new_frame(owner);

    assert_true(frame_get(frame_of(m), 1));
    assert_int_equal(domain_give_back(owner, m), 0);
    assert_int_equal(frames_free_count(), free_before - 1);
    assert_true(frame_get(frame_of(m), 1)); /* while it is somebody's */
    frame_put(frame_of(m));
    frame_put(frame_of(m));
    assert_int_equal(frames_free_count(), free_before);
}

static void test_counts_end_before_they_run_over(void **state)
{
    struct frame *f = frame_of(new_frame(owner));

    f->state += FRAME_REF_MASK - MAX_CPUS - 1;
    assert_false(frame_get(f, 1));
    assert_false(frame_get_writable(f, 1));
    f->state -= FRAME_REF_MASK - MAX_CPUS - 1;
    assert_true(frame_get_writable(f, 1));
    f->state += FRAME_REF_MASK - MAX_CPUS - 2;
    assert_false(frame_get_writable(f, 1));
    f->state -= FRAME_REF_MASK - MAX_CPUS - 2;
    frame_put_writable(f);
}

static void test_writable_uses_come_with_references(void **state)
{
    mfn_t m = new_frame(owner);

    assert_true(frame_get_writable(frame_of(m), 1));
    assert_true(frame_get_writable(frame_of(m), 1));
    assert_false(frame_get_writable(frame_of(m), 2));
    assert_int_equal(types_of(m), 2);
    assert_int_equal(references_of(m), 3);
    frame_put_writable(frame_of(m));
    frame_put_writable(frame_of(m));
    assert_int_equal(types_of(m), 0);
    audit();
}

static void test_a_typed_page_is_not_writable(void **state)
{
    struct frame *f = frame_of(new_frame(owner));
    uint64_t state_before = f->state;

    for (unsigned int type = FRAME_L1; type <= FRAME_DESCRIPTORS; type++) {
        f->state = (state_before | (uint64_t)type << FRAME_TYPE_SHIFT | FRAME_VALIDATED) +
                   FRAME_TYPE_ONE + FRAME_REF_ONE;
        assert_false(frame_get_writable(f, 1));
        f->state = (f->state & ~FRAME_VALIDATED) | FRAME_PARTIAL;
        assert_false(frame_get_writable(f, 1));
        f->state = (f->state & ~FRAME_PARTIAL) | FRAME_LOCKED;
        assert_false(frame_get_writable(f, 1));
    }
    f->state = state_before;
}

static void test_the_last_writable_use_leaves_a_stamp(void **state)
{
    struct frame *f = frame_of(new_frame(owner));

    assert_true(frame_get_writable(f, 1));
    assert_true(frame_get_writable(f, 1));
    f->flush_stamp = 0;
    frame_put_writable(f);
    assert_int_equal(f->flush_stamp, 0);
    arch_tlb_flush_local();
    frame_put_writable(f);
    assert_int_equal(f->flush_stamp, flush_clock);
}

static void test_only_cpus_that_have_not_flushed_since_owe_a_flush(void **state)
{
    uint64_t stamp;

    host_become_cpu(1);
    arch_tlb_flush_local();
    host_become_cpu(0);
    stamp = flush_clock;
    arch_tlb_flush_local();
    flush_older_than(stamp);
    assert_int_equal(host_calls.tlb_flush_cpus, 1);
    assert_int_equal(host_calls.last_flushed_cpus, 1 << 1);
    flush_older_than(stamp);
    assert_int_equal(host_calls.tlb_flush_cpus, 1);
}

static void test_pavises_own_page_goes_when_its_last_reference_does(void **state)
{
    uint64_t free_before = frames_free_count();
    void *page = page_alloc();
    struct frame *f = frame_of(virt_to_frame(page));

    /* A guest that names the frame holds it for a moment. */
    f->state += FRAME_REF_ONE;
    page_free(page);
    assert_int_equal(frames_free_count(), free_before - 1);
    frame_put(f);
    assert_int_equal(frames_free_count(), free_before);
}

static void test_lists_keep_what_is_on_them(void **state)
{
    struct frame_list list;
    struct frame *f[3];

    frame_list_init(&list);
    for (unsigned int i = 0; i < 3; i++) {
        f[i] = frame_of(frames_alloc(0, 64));
        frame_list_add(&list, f[i]);
    }
    assert_int_equal(list.count, 3);
    frame_list_remove(&list, f[1]);
    assert_int_equal(list.head, mfn_of(f[2]).n);
    assert_int_equal(f[2]->next, mfn_of(f[0]).n);
    frame_list_remove(&list, f[2]);
    frame_list_remove(&list, f[0]);
    assert_int_equal(list.count, 0);
    assert_int_equal(list.head, FRAME_LIST_END);
    for (unsigned int i = 0; i < 3; i++) {
        frames_free(mfn_of(f[i]), 0);
    }
}

static void test_a_stolen_frame_has_no_owner_and_no_users(void **state)
{
    mfn_t m = new_frame(owner), used = new_frame(owner);
    uint64_t before = owner->total_pages;

    assert_true(frame_get(frame_of(used), 1));
    assert_int_equal(domain_steal_frame(owner, frame_of(used)), -EBUSY);
    frame_put(frame_of(used));
    assert_int_equal(domain_steal_frame(owner, frame_of(mfn(owner->shared_mfn))), -EBUSY);
    assert_int_equal(domain_steal_frame(owner, frame_of(m)), 0);
    assert_int_equal(owner->total_pages, before - 1);
    assert_false(frame_get(frame_of(m), 1));
    assert_int_equal(domain_steal_frame(owner, frame_of(m)), -EBUSY);
    domain_return_frames(owner, m, 0);
    assert_int_equal(owner->total_pages, before);
    audit();
}

/* What was a table is written only when nobody walks through it any more, whoever it was with. */
static void test_a_returned_frame_is_flushed(void **state)
{
    mfn_t m = new_frame(owner);
    unsigned long before = host_calls.tlb_flush_cpus;

    assert_int_equal(domain_steal_frame(owner, frame_of(m)), 0);
    assert_int_equal(host_calls.tlb_flush_cpus, before);
    domain_return_frames(owner, m, 0);
    assert_int_equal(host_calls.tlb_flush_cpus, before + 1);
}

#define owner_test(function) cmocka_unit_test_setup_teardown(function, owner_setup, owner_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        owner_test(test_references_are_for_the_owner_alone),
        owner_test(test_a_free_frame_gives_no_reference),
        owner_test(test_the_last_reference_frees_the_frame),
        owner_test(test_counts_end_before_they_run_over),
        owner_test(test_writable_uses_come_with_references),
        owner_test(test_a_typed_page_is_not_writable),
        owner_test(test_the_last_writable_use_leaves_a_stamp),
        owner_test(test_only_cpus_that_have_not_flushed_since_owe_a_flush),
        owner_test(test_pavises_own_page_goes_when_its_last_reference_does),
        owner_test(test_lists_keep_what_is_on_them),
        owner_test(test_a_stolen_frame_has_no_owner_and_no_users),
        owner_test(test_a_returned_frame_is_flushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
