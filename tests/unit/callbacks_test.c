// SPDX-License-Identifier: Apache-2.0
// Where a guest wants to be entered, and the other short calls about a vCPU's traps and segments.
#include "pv_fixture.h"

#include "pv/hypercalls.h"

static gva_t argument(const void *from, size_t bytes)
{
    memcpy(data, from, bytes);
    return host_guest_address(data);
}
#define ARGUMENT(from) argument((from), sizeof(*(from)))

static gva_t nowhere(void)
{
    return gva(64);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static long do_register(unsigned int type, unsigned int flags, uint64_t address)
{
    struct callback_register op = {
        .type = (uint16_t)type, .flags = (uint16_t)flags, .address = address};

    return hypercall_callback_op(CALLBACKOP_register, ARGUMENT(&op));
}

static long do_unregister(unsigned int type)
{
    struct callback_unregister op = {.type = (uint16_t)type};

    return hypercall_callback_op(CALLBACKOP_unregister, ARGUMENT(&op));
}

static void set_callbacks_sets_three(void **state)
{
    assert_int_equal(hypercall_set_callbacks(1, 2, 3), 0);
    assert_int_equal(v->event.address, 1);
    assert_int_equal(v->failsafe.address, 2);
    assert_int_equal(v->syscall64.address, 3);
    assert_int_equal(hypercall_set_callbacks(NON_CANONICAL, 0, 0), -EINVAL);
    assert_int_equal(hypercall_set_callbacks(0, NON_CANONICAL, 0), -EINVAL);
    assert_int_equal(hypercall_set_callbacks(0, 0, NON_CANONICAL), -EINVAL);
    assert_int_equal(v->event.address, 1);
}

static void each_type_is_registered_where_it_belongs(void **state)
{
    const struct {
        unsigned int type;
        struct callback *callback;
    } types[] = {{CALLBACKTYPE_event, &v->event},       {CALLBACKTYPE_failsafe, &v->failsafe},
                 {CALLBACKTYPE_syscall, &v->syscall64}, {CALLBACKTYPE_syscall32, &v->syscall32},
                 {CALLBACKTYPE_sysenter, &v->sysenter}, {CALLBACKTYPE_nmi, &v->nmi}};

    for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
        assert_int_equal(do_register(types[i].type, CALLBACKF_mask_events, 0x1000 + i), 0);
        assert_int_equal(types[i].callback->address, 0x1000 + i);
        assert_int_equal(types[i].callback->mask_events, 1);
        assert_int_equal(do_register(types[i].type, 0, 0x2000), 0);
        assert_int_equal(types[i].callback->mask_events, 0);
        assert_int_equal(do_register(types[i].type, 0, NON_CANONICAL), -EINVAL);
    }
}

static void unknown_types_and_operations_are_refused(void **state)
{
    assert_int_equal(do_register(CALLBACKTYPE_sysenter_deprecated, 0, 0), -ENOSYS);
    assert_int_equal(do_register(99, 0, 0), -ENOSYS);
    assert_int_equal(do_unregister(99), -ENOSYS);
    assert_int_equal(hypercall_callback_op(99, nowhere()), -ENOSYS);
    assert_int_equal(hypercall_callback_op(CALLBACKOP_register, nowhere()), -EFAULT);
    assert_int_equal(hypercall_callback_op(CALLBACKOP_unregister, nowhere()), -EFAULT);
}

static void all_callbacks_but_that_for_nmis_stay_for_good(void **state)
{
    assert_int_equal(do_unregister(CALLBACKTYPE_event), -EINVAL);
    assert_int_equal(do_unregister(CALLBACKTYPE_failsafe), -EINVAL);
    assert_int_equal(do_unregister(CALLBACKTYPE_syscall), -EINVAL);
    assert_int_equal(do_unregister(CALLBACKTYPE_syscall32), -EINVAL);
    assert_int_equal(do_unregister(CALLBACKTYPE_sysenter), -EINVAL);
    assert_int_equal(do_register(CALLBACKTYPE_nmi, 0, 0x1000), 0);
    assert_int_equal(do_unregister(CALLBACKTYPE_nmi), 0);
    assert_int_equal(v->nmi.address, 0);
}

/* ---- traps ----------------------------------------------------------------------------------- */

static void a_trap_table_ends_with_address_0(void **state)
{
    const struct trap_info table[] = {
        {.vector = 3, .flags = 3, .cs = GUEST_CS64 & ~3, .address = 0x1000},
        {.vector = 14, .flags = 4, .cs = 0, .address = 0x2000},
        {.vector = 6, .address = 0},
    };

    assert_int_equal(hypercall_set_trap_table(ARGUMENT(&table)), 0);
    assert_int_equal(v->traps[3].address, 0x1000);
    assert_int_equal(v->traps[3].cs, GUEST_CS64);
    assert_int_equal(v->traps[14].address, 0x2000);
    assert_int_equal(v->traps[14].cs, 0);
    assert_int_equal(v->traps[6].address, 0);
    assert_int_equal(hypercall_set_trap_table(gva(0)), 0);
    assert_int_equal(v->traps[3].address, 0);
}

static void bad_trap_tables_are_refused_at_the_bad_entry(void **state)
{
    const struct trap_info table[] = {
        {.vector = 3, .address = 0x1000}, {.vector = 4, .address = NON_CANONICAL}, {0}};

    assert_int_equal(hypercall_set_trap_table(ARGUMENT(&table)), -EINVAL);
    assert_int_equal(v->traps[3].address, 0x1000);
    assert_int_equal(v->traps[4].address, 0);
    assert_int_equal(hypercall_set_trap_table(nowhere()), -EFAULT);
}

static void a_trap_table_has_256_entries_at_most(void **state)
{
    struct trap_info *table = (struct trap_info *)data;

    for (unsigned int i = 0; i < 256; i++) {
        table[i] = (struct trap_info){.vector = 3, .address = 0x1000 + i};
    }
    assert_int_equal(hypercall_set_trap_table(host_guest_address(table)), 0);
    assert_int_equal(v->traps[3].address, 0x1000 + 255);
}

/* ---- stacks, FPU, segments ------------------------------------------------------------------- */

static void stack_switch_takes_any_stack(void **state)
{
    assert_int_equal(hypercall_stack_switch(0xe028, NON_CANONICAL), 0);
    assert_int_equal(v->kernel_ss, 0xe02b);
    assert_true(v->kernel_sp == NON_CANONICAL);
}

static void fpu_taskswitch_sets_and_clears_the_trap(void **state)
{
    assert_int_equal(hypercall_fpu_taskswitch(1), 0);
    assert_true(host_processor.fpu_trap);
    assert_int_not_equal(v->mode & MODE_FPU_TRAP, 0);
    assert_int_equal(hypercall_fpu_taskswitch(0), 0);
    assert_false(host_processor.fpu_trap);
    assert_int_equal(v->mode & MODE_FPU_TRAP, 0);
}

static void segment_bases_must_be_canonical(void **state)
{
    assert_int_equal(hypercall_set_segment_base(SEGBASE_FS, 1), 0);
    assert_int_equal(hypercall_set_segment_base(SEGBASE_GS_KERNEL, 2), 0);
    assert_int_equal(hypercall_set_segment_base(SEGBASE_GS_USER, 3), 0);
    assert_int_equal(host_processor.base[BASE_FS], 1);
    assert_int_equal(host_processor.base[BASE_GS], 2);
    assert_int_equal(host_processor.base[BASE_GS_OTHER], 3);
    for (unsigned int which = SEGBASE_FS; which <= SEGBASE_GS_KERNEL; which++) {
        assert_int_equal(hypercall_set_segment_base(which, NON_CANONICAL), -EINVAL);
    }
    assert_int_equal(hypercall_set_segment_base(99, 0), -EINVAL);
}

static void a_user_gs_that_cannot_be_loaded_becomes_null(void **state)
{
    host_processor.bad_selector = 0x1b;
    assert_int_equal(hypercall_set_segment_base(SEGBASE_GS_USER_SEL, 0x2b), 0);
    assert_int_equal(host_processor.user_gs, 0x2b);
    assert_int_equal(hypercall_set_segment_base(SEGBASE_GS_USER_SEL, 0x1b), 0);
    assert_int_equal(host_processor.user_gs, 0);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

#define DATA_SEGMENT 0x00cff3000000ffffUL
#define CALL_GATE    0x0000ec0000000000UL

static uint64_t address_in(mfn_t m, uint64_t offset)
{
    return mfn_to_maddr(m).a + offset;
}

static void set_gdt_takes_pages_of_descriptors(void **state)
{
    mfn_t page = new_frame();
    uint64_t frames[] = {page.n, MFN_INVALID};

    entries(page)[1] = DATA_SEGMENT & ~(3UL << 45);
    assert_int_equal(hypercall_set_gdt(ARGUMENT(&frames), 512), 0);
    assert_int_equal(host_processor.gdt_loads, 1);
    assert_true(entries(page)[1] == DATA_SEGMENT);
    assert_false(frame_get_writable(frame_of(page), guest_domain->id));
    assert_int_equal(hypercall_set_gdt(ARGUMENT(&frames), 513), -EINVAL);
    assert_true(mfn_equal(v->gdt_frames[0], page));
    assert_int_equal(hypercall_set_gdt(ARGUMENT(&frames), 0), 0);
    assert_true(frame_get_writable(frame_of(page), guest_domain->id));
    frame_put_writable(frame_of(page));
}

static void set_gdt_refuses_what_could_hurt(void **state)
{
    mfn_t page = new_frame();
    uint64_t frames[] = {page.n};

    assert_int_equal(hypercall_set_gdt(ARGUMENT(&frames), GDT_GUEST_ENTRIES + 1), -EINVAL);
    assert_int_equal(hypercall_set_gdt(nowhere(), 1), -EFAULT);
    entries(page)[7] = CALL_GATE;
    assert_int_equal(hypercall_set_gdt(ARGUMENT(&frames), 1), -EINVAL);
    assert_int_equal(host_processor.gdt_loads, 0);
}

static void update_descriptor_writes_pages_in_use_and_writable_ones(void **state)
{
    mfn_t in_use = new_frame(), writable = new_frame();
    uint64_t frames[] = {in_use.n};

    assert_int_equal(hypercall_set_gdt(ARGUMENT(&frames), 512), 0);
    assert_int_equal(hypercall_update_descriptor(address_in(in_use, 16), DATA_SEGMENT), 0);
    assert_int_equal(hypercall_update_descriptor(address_in(writable, 4088), DATA_SEGMENT), 0);
    assert_true(entries(in_use)[2] == DATA_SEGMENT);
    assert_true(entries(writable)[511] == DATA_SEGMENT);
    assert_int_equal(hypercall_set_gdt(ARGUMENT(&frames), 0), 0);
}

static void update_descriptor_refuses_gates_odd_addresses_and_others_memory(void **state)
{
    mfn_t page = new_frame();

    assert_int_equal(hypercall_update_descriptor(address_in(page, 0), CALL_GATE), -EINVAL);
    assert_int_equal(hypercall_update_descriptor(address_in(page, 4), DATA_SEGMENT), -EINVAL);
    assert_int_equal(hypercall_update_descriptor(0, DATA_SEGMENT), -EINVAL);
    assert_int_equal(hypercall_update_descriptor(1UL << 51, DATA_SEGMENT), -EINVAL);
    assert_int_equal(entries(page)[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set_callbacks_sets_three),
        TEST(each_type_is_registered_where_it_belongs),
        TEST(unknown_types_and_operations_are_refused),
        TEST(all_callbacks_but_that_for_nmis_stay_for_good),
        TEST(a_trap_table_ends_with_address_0),
        TEST(bad_trap_tables_are_refused_at_the_bad_entry),
        TEST(a_trap_table_has_256_entries_at_most),
        TEST(stack_switch_takes_any_stack),
        TEST(fpu_taskswitch_sets_and_clears_the_trap),
        TEST(segment_bases_must_be_canonical),
        TEST(a_user_gs_that_cannot_be_loaded_becomes_null),
        TEST(set_gdt_takes_pages_of_descriptors),
        TEST(set_gdt_refuses_what_could_hurt),
        TEST(update_descriptor_writes_pages_in_use_and_writable_ones),
        TEST(update_descriptor_refuses_gates_odd_addresses_and_others_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
