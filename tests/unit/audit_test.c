// SPDX-License-Identifier: Apache-2.0
// The audit finds what is broken: each test breaks one thing, sees it found, and mends it.
#include "mmu_fixture.h"

#define FINDS(breaking, mending)                 \
    do {                                         \
        assert_int_equal(audit_frames(NULL), 0); \
        breaking;                                \
        assert_true(audit_frames(NULL) > 0);     \
        assert_true(audit_frames(guest) > 0);    \
        mending;                                 \
        assert_int_equal(audit_frames(NULL), 0); \
    } while (0)

static uint64_t *state_of(mfn_t m)
{
    return &frame_of(m)->state;
}

static void test_a_reference_too_many_or_too_few(void **state)
{
    FINDS(*state_of(space.data[0]) += FRAME_REF_ONE, *state_of(space.data[0]) -= FRAME_REF_ONE);
    FINDS(*state_of(space.data[0]) -= FRAME_REF_ONE, *state_of(space.data[0]) += FRAME_REF_ONE);
}

static void test_a_type_count_too_many(void **state)
{
    FINDS(*state_of(space.table[1]) += FRAME_TYPE_ONE, *state_of(space.table[1]) -= FRAME_TYPE_ONE);
}

static void test_a_lock_that_is_still_held(void **state)
{
    FINDS(*state_of(space.table[2]) |= FRAME_LOCKED, *state_of(space.table[2]) &= ~FRAME_LOCKED);
}

static void test_a_pin_that_nobody_set(void **state)
{
    FINDS(*state_of(space.table[2]) |= FRAME_PINNED, *state_of(space.table[2]) &= ~FRAME_PINNED);
}

static void test_a_table_that_is_not_validated(void **state)
{
    FINDS(*state_of(space.table[2]) &= ~FRAME_VALIDATED,
          *state_of(space.table[2]) |= FRAME_VALIDATED);
}

static void test_an_entry_written_behind_the_backs(void **state)
{
    pte_t *entry = &table_at(space.table[1])[40];

    FINDS(*entry = entry_for(space.data[1], KERNEL_RO), *entry = 0);
    FINDS(*entry = entry_for(space.table[1], KERNEL_RW), *entry = 0);
    FINDS(*entry = entry_for(mfn(1), KERNEL_RO), *entry = 0);
}

static void test_a_page_table_that_became_writable(void **state)
{
    pte_t *entry = &table_at(space.table[1])[0];
    pte_t before = *entry;

    FINDS(*entry = entry_for(space.table[2], KERNEL_RW), *entry = before);
}

static void test_a_hypervisors_slot_that_changed(void **state)
{
    pte_t *entry = &table_at(space.table[4])[260];
    pte_t before = *entry;

    FINDS(*entry = 0, *entry = before);
    *entry |= PTE_A; /* that is the processor's doing */
    audit();
}

/* All entries are claimed then, the last of them on a table that is not done. */
static void test_a_top_level_whose_last_entry_is_being_validated(void **state)
{
    struct space s;

    build_space(guest, &s);
    table_at(s.table[4])[511] = table_at(s.table[4])[0];
    table_at(s.table[4])[0] = 0;
    table_at(s.table[3])[1] = entry_for(new_frame(guest), TABLE);
    interrupt_everything(true);
    assert_int_equal(pin(s.table[4], 4), 0);
    assert_true(turns > 1);
    assert_int_equal(unpin(s.table[4]), 0);
    interrupt_everything(false);
}

/* The mapping is over while the table that it was the last use of is taken apart. */
static void test_a_linear_mapping_that_held_the_last_use(void **state)
{
    mfn_t mapper = new_frame(guest), mapped = new_frame(guest);

    table_at(mapped)[0] = entry_for(new_frame(guest), TABLE);
    table_at(mapped)[1] = entry_for(new_frame(guest), TABLE);
    assert_int_equal(pin(mapped, 3), 0);
    table_at(mapper)[7] = entry_for(mapped, LINEAR);
    assert_int_equal(pin(mapper, 3), 0);
    assert_int_equal(unpin(mapped), 0);
    assert_int_equal(types_of(mapped), 1);
    interrupt_everything(true);
    assert_int_equal(unpin(mapper), 0);
    interrupt_everything(false);
    assert_true(turns > 1);
    assert_int_equal(types_of(mapper) + types_of(mapped), 0);
}

static void test_another_domains_page(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t theirs = new_frame(other);
    pte_t *entry = &table_at(space.table[1])[40];

    *entry = entry_for(theirs, KERNEL_RO);
    *state_of(theirs) += FRAME_REF_ONE; /* counted well, and still not right */
    assert_true(audit_frames(NULL) > 0);
    assert_true(audit_frames(guest) > 0);
    assert_int_equal(audit_frames(other), 0); /* who can't help it */
    *state_of(theirs) -= FRAME_REF_ONE;
    *entry = 0;
    end_domain(other);
}

static void test_a_frame_on_no_list(void **state)
{
    struct frame *f = frame_of(space.data[3]);

    FINDS(frame_list_remove(&guest->pages, f), frame_list_add(&guest->pages, f));
}

static void test_a_free_frame_with_a_reference(void **state)
{
    mfn_t m = frames_alloc(0, 64);

    frames_free(m, 0);
    *state_of(m) = FRAME_REF_ONE;
    assert_true(audit_frames(NULL) > 0);
    *state_of(m) = 0;
    audit();
}

static void test_linear_uses_that_do_not_agree(void **state)
{
    struct frame *f = frame_of(space.table[4]);

    FINDS(f->linear_uses++, f->linear_uses--);
}

static void test_an_upper_entry_that_names_what_it_may_not(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    pte_t *entry = &table_at(space.table[2])[40];
    mfn_t theirs = new_frame(other);

    *entry = entry_for(mfn(1ULL << 30), TABLE);
    assert_true(audit_frames(NULL) > 0);
    *entry = entry_for(space.data[1], TABLE);
    assert_true(audit_frames(NULL) > 0);
    *entry = entry_for(theirs, TABLE);
    assert_true(audit_frames(other) > 0);
    /* One of its own level, which it could write. */
    *entry = entry_for(space.table[2], TABLE);
    assert_true(audit_frames(NULL) > 0);
    *entry = 0;
    audit();
    end_domain(other);
}

/* Memory that firmware keeps is nobody's to count. */
static void test_a_mapping_of_firmwares_memory_is_none_of_memory(void **state)
{
    mfn_t kept = frames_alloc(0, 64);

    assert_int_equal(ranges_add(guest->io_memory, kept.n, kept.n), 0);
    frame_of(kept)->owner = DOMID_IO;
    assert_int_equal(set_entry(space.table[1], 40, entry_for(kept, KERNEL_RW)), 0);
    assert_int_equal(references_of(kept), 0);
    assert_int_equal(set_entry(space.table[1], 40, 0), 0);
    /* As a table it can't even be named. */
    FINDS(table_at(space.table[2])[40] = entry_for(kept, TABLE), table_at(space.table[2])[40] = 0);
    frame_of(kept)->owner = DOMID_XEN;
    frames_free(kept, 0);
}

static void test_a_page_of_pavises_that_a_guest_maps(void **state)
{
    void *own = page_alloc();

    table_at(space.table[1])[40] = entry_for(virt_to_frame(own), KERNEL_RO);
    assert_true(audit_frames(NULL) > 0);
    table_at(space.table[1])[40] = 0;
    audit();
    page_free(own);
}

static void test_a_list_that_counts_wrongly(void **state)
{
    FINDS(guest->pages.count++, guest->pages.count--);
    FINDS(guest->pages.count--, guest->pages.count++);
}

static void test_a_free_frame_that_nobody_can_have(void **state)
{
    mfn_t m = frames_alloc(0, 64);
    struct frame before = *frame_of(m);

    memset(frame_of(m), 0, sizeof(before));
    frame_of(m)->owner = DOMID_INVALID;
    assert_true(audit_frames(NULL) > 0);
    *frame_of(m) = before;
    audit();
    frames_free(m, 0);
}

/* The table that is being checked is left with one whose type is not what its entry says. */
static void test_a_half_checked_table_with_a_wrong_last_entry(void **state)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L3_TABLE};
    mfn_t l3 = new_frame(guest), l2 = new_frame(guest);
    uint64_t before;

    for (unsigned int i = 0; i < 2; i++) {
        table_at(l3)[i] = entry_for(l2, TABLE);
        table_at(l2)[i] = entry_for(new_frame(guest), TABLE);
    }
    op.arg1.mfn = l3.n;
    memcpy(guest_page, &op, sizeof(op));
    set_arguments(address_of(guest_page), 1, 0, DOMID_SELF);
    interrupt_everything(true);
    assert_int_equal(one_turn(CALL_MMUEXT), HYPERCALL_RESTART);
    assert_true(has_flag(l2, FRAME_PARTIAL));
    before = *state_of(l2);
    FINDS(*state_of(l2) = (before & ~FRAME_TYPE_MASK) | (uint64_t)FRAME_L1 << FRAME_TYPE_SHIFT,
          *state_of(l2) = before);
    interrupt_everything(false);
}

/* A room tells of a page that Pavise itself writes, which gives nobody a right to map it. */
static mfn_t told;

static void tell_of_it(struct domain *d, audit_tell_t tell, void *audit)
{
    if (told.n != 0 && d == guest) {
        tell(audit, told, true, DOMID_INVALID);
    }
}

static struct domain_part teller = {.name = "teller", .audit = tell_of_it};

static int register_teller(void **state)
{
    domain_register_part(&teller);
    return 0;
}

static void test_a_page_that_a_room_holds(void **state)
{
    mfn_t m = new_frame(guest);

    assert_true(frame_get_writable(frame_of(m), guest->id));
    assert_true(audit_frames(NULL) > 0);
    told = m;
    audit();
    told = mfn(0);
    frame_put_writable(frame_of(m));
    audit();
}

static void test_without_memory_there_is_no_answer(void **state)
{
    void *taken = NULL, *page;

    while ((page = page_alloc()) != NULL) {
        *(void **)page = taken;
        taken = page;
    }
    assert_int_equal(audit_frames(NULL), -ENOMEM);
    while (taken) {
        page = taken;
        taken = *(void **)page;
        page_free(page);
    }
    audit();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_a_page_that_a_room_holds),
        guest_test(test_a_reference_too_many_or_too_few),
        guest_test(test_a_type_count_too_many),
        guest_test(test_a_lock_that_is_still_held),
        guest_test(test_a_pin_that_nobody_set),
        guest_test(test_a_table_that_is_not_validated),
        guest_test(test_an_entry_written_behind_the_backs),
        guest_test(test_a_page_table_that_became_writable),
        guest_test(test_a_hypervisors_slot_that_changed),
        guest_test(test_a_top_level_whose_last_entry_is_being_validated),
        guest_test(test_a_linear_mapping_that_held_the_last_use),
        guest_test(test_another_domains_page),
        guest_test(test_a_frame_on_no_list),
        guest_test(test_a_free_frame_with_a_reference),
        guest_test(test_linear_uses_that_do_not_agree),
        guest_test(test_an_upper_entry_that_names_what_it_may_not),
        guest_test(test_a_mapping_of_firmwares_memory_is_none_of_memory),
        guest_test(test_a_page_of_pavises_that_a_guest_maps),
        guest_test(test_a_list_that_counts_wrongly),
        guest_test(test_a_free_frame_that_nobody_can_have),
        guest_test(test_a_half_checked_table_with_a_wrong_last_entry),
        guest_test(test_without_memory_there_is_no_answer),
    };
    return cmocka_run_group_tests(tests, register_teller, NULL);
}
