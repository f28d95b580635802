// SPDX-License-Identifier: Apache-2.0
// Page-table work that is interrupted: it goes on, always gets somewhere, and leaves nothing
// behind.
#include "mmu_fixture.h"

/*
 * A tree with several entries at each level: L3s in an L4, L2s in each L3, L1s in each L2; every L1
 * maps one page. With every piece interrupted as soon as it can be, it takes many turns.
 */
#define FAN 3U

struct tree {
    mfn_t top;
    mfn_t some_l1;
    mfn_t page;
    unsigned int tables;
};

static mfn_t grow(struct tree *t, unsigned int level)
{
    mfn_t table = new_frame(guest);

    t->tables++;
    for (unsigned int i = 0; i < FAN; i++) {
        table_at(table)[i * 100] =
            level == 1 ? entry_for(t->page, KERNEL_RW) : entry_for(grow(t, level - 1), TABLE);
    }
    if (level == 1) {
        t->some_l1 = table; /* the last one */
    }
    return table;
}

static struct tree new_tree(void)
{
    struct tree t = {.page = new_frame(guest)};

    t.top = grow(&t, 4);
    return t;
}

#define L1_TABLES (FAN * FAN * FAN)

static void test_pinning_goes_on_over_many_turns(void **state)
{
    struct tree t = new_tree();

    interrupt_everything(true);
    assert_int_equal(pin(t.top, 4), 0);
    assert_true(turns > L1_TABLES / 2);
    assert_int_equal(*done_word(), 1);
    assert_int_equal(types_of(t.page), L1_TABLES * FAN);
    assert_int_equal(types_of(t.top), 1);
    assert_true(has_flag(t.top, FRAME_PINNED));
    assert_false(unfinished_pending(vcpu));
}

static void test_unpinning_goes_on_over_many_turns_and_ends_with_it(void **state)
{
    struct tree t = new_tree();

    assert_int_equal(pin(t.top, 4), 0);
    interrupt_everything(true);
    assert_int_equal(unpin(t.top), 0);
    assert_true(turns > L1_TABLES / 2);
    assert_int_equal(types_of(t.page), 0);
    assert_int_equal(types_of(t.top), 0);
    assert_int_equal(types_of(t.some_l1), 0);
}

static void test_a_tree_that_is_refused_late_comes_apart_and_the_call_ends(void **state)
{
    struct tree t = new_tree();

    table_at(t.some_l1)[511] = entry_for(space.table[1], KERNEL_RW);
    interrupt_everything(true);
    assert_int_equal(pin(t.top, 4), -EINVAL);
    interrupt_everything(false);
    assert_int_equal(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0), 0);
    assert_int_equal(types_of(t.page), 0);
    assert_int_equal(types_of(t.top), 0);
    assert_int_equal(references_of(t.top), 1);
}

static void test_replacing_an_upper_entry_waits_until_the_old_tree_is_gone(void **state)
{
    struct tree t = new_tree();
    mfn_t l3 = pte_mfn(table_at(t.top)[0]);

    interrupt_everything(true);
    assert_int_equal(set_entry(space.table[4], 5, entry_for(l3, TABLE)), 0);
    assert_true(turns > 1);
    assert_int_equal(types_of(l3), 1);
    assert_int_equal(set_entry(space.table[4], 5, 0), 0);
    assert_true(turns > 1);
    assert_int_equal(types_of(l3), 0);
    assert_int_equal(types_of(t.page), 0);
}

static void test_a_batch_with_large_work_in_it_is_done_once_each(void **state)
{
    struct tree t = new_tree();
    struct mmu_update batch[30];
    mfn_t page = new_frame(guest), l3 = pte_mfn(table_at(t.top)[0]);

    for (unsigned int i = 0; i < 30; i++) {
        batch[i] = (struct mmu_update){maddr_of_entry(page, i), i + 1};
    }
    batch[7] = (struct mmu_update){maddr_of_entry(space.table[4], 5), entry_for(l3, TABLE)};
    batch[21] = (struct mmu_update){maddr_of_entry(space.table[4], 5), 0};
    interrupt_everything(true);
    assert_int_equal(mmu_update(batch, 30), 0);
    assert_int_equal(*done_word(), 30);
    assert_int_equal(table_at(page)[29], 30);
    assert_int_equal(types_of(t.page), 0);
}

static void test_a_new_base_over_many_turns(void **state)
{
    struct tree t = new_tree();

    interrupt_everything(true);
    assert_int_equal(new_base(t.top), 0);
    assert_int_equal(vcpu->kernel_cr3, mfn_to_maddr(t.top).a);
    assert_int_equal(new_base(space.table[4]), 0);
    assert_int_equal(types_of(t.top), 0);
}

/* One turn of a pin, and then something else. */
static void begin_pin(mfn_t m, unsigned int level)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE + level - 1, .arg1.mfn = m.n};

    memcpy(guest_page, &op, sizeof(op));
    set_arguments(address_of(guest_page), 1, 0, DOMID_SELF);
    interrupt_everything(true);
    assert_int_equal(one_turn(CALL_MMUEXT), HYPERCALL_RESTART);
    interrupt_everything(false);
    audit();
}

static void test_a_call_that_never_comes_back_leaves_nothing(void **state)
{
    struct tree t = new_tree();

    begin_pin(t.top, 4);
    assert_true(has_flag(t.top, FRAME_PARTIAL));
    assert_int_equal(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0), 0);
    assert_int_equal(types_of(t.top), 0);
    assert_int_equal(types_of(t.page), 0);
}

static void test_a_table_that_is_half_a_table_can_not_be_written_or_used(void **state)
{
    struct tree t = new_tree();
    struct vcpu *second = guest->vcpus[1];
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = t.top.n};
    unsigned char *ops = guest_page + PAGE_SIZE;

    begin_pin(t.top, 4);
    run_as(second);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(t.top, KERNEL_RW)), -EINVAL);
    assert_int_equal(set_entry(t.top, 0, 0), -EINVAL);
    assert_int_equal(mmuext(MMUEXT_CLEAR_PAGE, t.top.n), -EINVAL);
    assert_int_equal(pin(t.top, 3), -EINVAL);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(t.top, KERNEL_RO)), 0);
    /* Who wants it as what it is to be has to wait for the first. */
    memcpy(ops, &op, sizeof(op));
    set_arguments(address_of(ops), 1, 0, DOMID_SELF);
    assert_int_equal(one_turn(CALL_MMUEXT), HYPERCALL_RESTART);
    audit();
    run_as(vcpu);
    assert_int_equal(pin(t.top, 4), 0);
    run_as(second);
    assert_int_equal(one_turn(CALL_MMUEXT), -EINVAL); /* it is pinned by now */
    run_as(vcpu);
}

static void test_two_vcpus_build_trees_with_common_tables(void **state)
{
    struct tree t = new_tree();
    mfn_t other_top = new_frame(guest);

    table_at(other_top)[9] = table_at(t.top)[0];
    begin_pin(t.top, 4);
    run_as(guest->vcpus[1]);
    begin_pin(other_top, 4);
    run_as(vcpu);
    interrupt_everything(true);
    assert_int_equal(pin(t.top, 4), 0);
    run_as(guest->vcpus[1]);
    assert_int_equal(pin(other_top, 4), 0);
    assert_int_equal(types_of(pte_mfn(table_at(t.top)[0])), 2);
    run_as(vcpu);
}

/* By the idle vCPU, which has no list of its own; the rest of the list takes turns too. */
static void test_what_a_dying_domains_vcpu_left_is_released_in_turns(void **state)
{
    struct tree t = new_tree();

    begin_pin(t.top, 4);
    interrupt_everything(true);
    for (unsigned int i = 0; i < 20; i++) {
        assert_int_equal(one_turn(CALL_MMUEXT), HYPERCALL_RESTART);
    }
    this_cpu()->current = NULL;
    assert_true(kill_domain(guest) > 20);
    interrupt_everything(false);
    domain_put(guest);
    guest = new_domain(1, 2, false);
}

static void test_a_domain_dies_in_the_middle_of_it(void **state)
{
    struct domain *d = guest;
    struct tree t = new_tree(), u = new_tree(), w = new_tree();

    begin_pin(t.top, 4);
    run_as(guest->vcpus[1]);
    assert_int_equal(pin(u.top, 4), 0);
    begin_pin(w.top, 4);
    /* Another domain's vCPU ends it, interrupted all the while. */
    guest = new_domain(2, 1, true);
    run_as(guest->vcpus[0]);
    interrupt_everything(true);
    assert_true(kill_domain(d) > L1_TABLES);
    interrupt_everything(false);
    audit();
    domain_put(d);
}

static void test_it_ends_without_a_vcpu_to_leave_work_to(void **state)
{
    struct tree t = new_tree();

    assert_int_equal(pin(t.top, 4), 0);
    this_cpu()->current = NULL;
    interrupt_everything(true);
    (void)kill_domain(guest);
    interrupt_everything(false);
    audit();
    domain_put(guest);
    guest = new_domain(2, 1, false);
}

static void test_a_release_left_by_a_refused_call_is_done_by_the_next(void **state)
{
    struct tree t = new_tree();
    mfn_t l3 = pte_mfn(table_at(t.top)[200]); /* with the last L1, which is bad */
    struct mmu_update request = {maddr_of_entry(space.table[4], 5), entry_for(l3, TABLE)};

    table_at(t.some_l1)[511] = entry_for(space.table[1], KERNEL_RW);
    interrupt_everything(true);
    assert_int_equal(mmu_update(&request, 1), -EINVAL);
    assert_int_equal(va_mapping(0, table_at(space.table[1])[0], UVMF_NONE), 0);
    assert_false(unfinished_pending(vcpu));
    assert_int_equal(types_of(l3), 0);
    interrupt_everything(false);
}

/* Where nobody could issue a call again. */
static void test_the_idle_vcpu_does_all_at_once(void **state)
{
    struct tree t = new_tree();
    struct vcpu idle = {.domain = guest};

    run_as(&idle);
    interrupt_everything(true);
    assert_int_equal(table_get(guest, frame_of(t.top), 4), 0);
    assert_int_equal(types_of(t.page), L1_TABLES * FAN);
    table_put(frame_of(t.top));
    assert_int_equal(types_of(t.page), 0);
    interrupt_everything(false);
    run_as(vcpu);
    audit();
}

/* At start of day. */
static void test_before_any_vcpu_all_is_done_at_once(void **state)
{
    struct tree t = new_tree();

    this_cpu()->current = NULL;
    interrupt_everything(true);
    assert_int_equal(table_get(guest, frame_of(t.top), 4), 0);
    table_put(frame_of(t.top));
    interrupt_everything(false);
    run_as(vcpu);
    audit();
}

static void test_with_a_list_that_is_nearly_full_too(void **state)
{
    struct tree t = new_tree();

    for (unsigned int i = 0; i <= UNFINISHED_ITEMS - UNFINISHED_BY_ONE_CALL; i++) {
        unfinished_add(vcpu, frame_of(space.data[i]), UNFINISHED_FAILED);
    }
    interrupt_everything(true);
    assert_int_equal(table_get(guest, frame_of(t.top), 4), 0);
    table_put(frame_of(t.top));
    interrupt_everything(false);
    unfinished_end(vcpu);
    audit();
}

static void test_a_list_needs_memory(void **state)
{
    void *taken = NULL, *object;
    struct vcpu v = {.domain = guest};

    while ((object = heap_new(struct vcpu_mmu)) != NULL) {
        *(void **)object = taken;
        taken = object;
    }
    assert_int_equal(unfinished_create(&v), -ENOMEM);
    while (taken) {
        object = taken;
        taken = *(void **)object;
        heap_free(object);
    }
}

static struct xen_memory_reservation reservation_of(xen_pfn_t *frames, unsigned int count)
{
    struct xen_memory_reservation r = {.nr_extents = count, .domid = DOMID_SELF};

    r.extent_start.p = frames;
    return r;
}

static void test_memory_is_given_back_when_older_work_is_done(void **state)
{
    struct tree t = new_tree();
    xen_pfn_t *list = (xen_pfn_t *)(guest_page + PAGE_SIZE);
    struct xen_memory_reservation r = reservation_of(list, 1);

    begin_pin(t.top, 4);
    list[0] = new_frame(guest).n;
    interrupt_everything(true);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 1);
    assert_true(turns > 2);
    interrupt_everything(false);
}

/* The second of the list is in the tree of the first. */
static void test_the_next_extent_waits_for_what_one_left(void **state)
{
    struct tree t = new_tree();
    xen_pfn_t *list = (xen_pfn_t *)(guest_page + PAGE_SIZE);
    struct xen_memory_reservation r = reservation_of(list, 2);
    uint64_t free_before = frames_free_count();

    assert_int_equal(pin(t.top, 4), 0);
    list[0] = t.top.n;
    list[1] = t.some_l1.n;
    interrupt_everything(true);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 2);
    assert_true(turns > L1_TABLES / 2);
    assert_int_equal(frames_free_count(), free_before + 2);
    interrupt_everything(false);
}

/* What is built is kept while the other is: or each turn would undo the one before. */
static void test_two_bases_that_both_take_many_turns(void **state)
{
    struct tree kernel = new_tree(), user = new_tree();
    unsigned int times = 0;
    long result;

    interrupt_everything(true);
    do {
        result = unfinished_resume(vcpu);
        if (result == 0) {
            result = base_take(vcpu, kernel.top, user.top);
        }
        unfinished_end(vcpu);
        audit();
        assert_true(++times < 1000);
    } while (result == HYPERCALL_RESTART);
    assert_int_equal(result, 0);
    assert_int_equal(vcpu->user_cr3, mfn_to_maddr(user.top).a);
    assert_int_equal(types_of(kernel.top), 1);
    interrupt_everything(false);
}

/* Loading CR3 is a call like any other, but for its name. */
static void test_a_base_is_written_when_older_work_is_done(void **state)
{
    struct tree t = new_tree();
    unsigned int times = 0;
    long result;

    begin_pin(t.top, 4);
    interrupt_everything(true);
    do {
        result = base_write(vcpu, t.top);
        audit();
        times++;
    } while (result == HYPERCALL_RESTART);
    assert_int_equal(result, 0);
    assert_true(times > 2);
    assert_int_equal(vcpu->kernel_cr3, mfn_to_maddr(t.top).a);
    assert_int_equal(types_of(t.top), 1);
}

static void test_the_next_of_a_batch_waits_for_what_one_left(void **state)
{
    struct tree t = new_tree();
    mfn_t l3 = pte_mfn(table_at(t.top)[0]);
    struct mmuext_op ops[2] = {{.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = l3.n},
                               {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = l3.n}};

    assert_int_equal(pin(l3, 3), 0);
    interrupt_everything(true);
    /* Its entries are those of pages now, of tables that are tables no more. */
    assert_int_equal(mmuext_for(ops, 2, DOMID_SELF), 0);
    assert_int_equal(*done_word(), 2);
    assert_int_equal(type_of(l3), FRAME_L1);
    interrupt_everything(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_what_a_dying_domains_vcpu_left_is_released_in_turns),
        guest_test(test_two_bases_that_both_take_many_turns),
        guest_test(test_the_next_extent_waits_for_what_one_left),
        guest_test(test_memory_is_given_back_when_older_work_is_done),
        guest_test(test_a_list_needs_memory),
        guest_test(test_with_a_list_that_is_nearly_full_too),
        guest_test(test_before_any_vcpu_all_is_done_at_once),
        guest_test(test_the_idle_vcpu_does_all_at_once),
        guest_test(test_a_base_is_written_when_older_work_is_done),
        guest_test(test_the_next_of_a_batch_waits_for_what_one_left),
        guest_test(test_pinning_goes_on_over_many_turns),
        guest_test(test_unpinning_goes_on_over_many_turns_and_ends_with_it),
        guest_test(test_a_tree_that_is_refused_late_comes_apart_and_the_call_ends),
        guest_test(test_replacing_an_upper_entry_waits_until_the_old_tree_is_gone),
        guest_test(test_a_batch_with_large_work_in_it_is_done_once_each),
        guest_test(test_a_new_base_over_many_turns),
        guest_test(test_a_call_that_never_comes_back_leaves_nothing),
        guest_test(test_a_table_that_is_half_a_table_can_not_be_written_or_used),
        guest_test(test_two_vcpus_build_trees_with_common_tables),
        guest_test(test_a_domain_dies_in_the_middle_of_it),
        guest_test(test_it_ends_without_a_vcpu_to_leave_work_to),
        guest_test(test_a_release_left_by_a_refused_call_is_done_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
