// SPDX-License-Identifier: Apache-2.0
// What a guest's kernel finds on its stack, and what is delivered on the way to it.
#include "pv_fixture.h"

#include "pv/bounce.h"
#include "pv/exit.h"
#include "pv/traps.h"

/* ---- frames ---------------------------------------------------------------------------------- */

static void a_frame_holds_what_was_interrupted(void **state)
{
    set_gate(6, 0, false);
    v->regs.rcx = 0xc;
    v->regs.r11 = 0x11;
    v->regs.rflags |= 1;
    pv_bounce_trap(v, 6, 0);
    assert_handler(6);
    assert_true(v->regs.rsp == (uint64_t)stack_end - 7 * 8 - (uint64_t)stack_end % 16);
    assert_int_equal(pushed(0), 0xc);
    assert_int_equal(pushed(1), 0x11);
    assert_true(pushed(2) == (uint64_t)code);
    assert_int_equal(pushed(3), GUEST_CS64 & ~3);
    assert_int_equal(pushed(4), RFLAGS_FIXED | RFLAGS_IF | 1);
    assert_true(pushed(5) == (uint64_t)stack_end);
    assert_int_equal(pushed(6), GUEST_SS);
}

/* Traced, from the kernel and from user mode: nothing else changes. */
static void a_bounce_that_is_told_of_is_the_same(void **state)
{
    pv_trace_bounces = true;
    set_gate(6, 0, false);
    pv_bounce_trap(v, 6, 0);
    assert_handler(6);
    v->regs.rip = (uint64_t)code;
    enter_user_mode();
    pv_bounce_trap(v, 6, 0);
    assert_handler(6);
    pv_refresh_careful(v);
    assert_true(v->careful);
    pv_trace_bounces = false;
    pv_refresh_careful(v);
    assert_false(v->careful);
}

static void vectors_with_a_code_push_it(void **state)
{
    for (unsigned int vector = 0; vector < 32; vector++) {
        bool has_code =
            vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;

        v->regs.rip = (uint64_t)code;
        v->regs.rsp = (uint64_t)stack_end;
        set_gate(vector, 0, false);
        pv_bounce_trap(v, vector, 0x77);
        assert_int_equal(vector_has_code(vector), has_code);
        assert_int_equal(v->regs.rsp, (uint64_t)stack_end - (has_code ? 8 : 7) * 8);
        assert_true(pushed(has_code ? 3 : 2) == (uint64_t)code);
        if (has_code) {
            assert_int_equal(pushed(2), 0x77);
        }
    }
}

static void a_frame_starts_at_a_multiple_of_16(void **state)
{
    set_gate(6, 0, false);
    v->regs.rsp = (uint64_t)stack_end - 9;
    pv_bounce_trap(v, 6, 0);
    assert_true(v->regs.rsp == (uint64_t)stack_end - 16 - 7 * 8);
    assert_true(pushed(5) == (uint64_t)stack_end - 9);
}

static void a_handler_starts_flat_and_without_marks(void **state)
{
    const uint64_t marks = RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC;

    set_gate(1, 0, false);
    v->regs.cs = GUEST_CS32;
    v->regs.ss = 0x33;
    v->regs.rflags |= marks;
    pv_bounce_trap(v, 1, 0);
    assert_int_equal(v->regs.cs, GUEST_CS64);
    assert_int_equal(v->regs.ss, GUEST_SS);
    assert_int_equal(v->regs.rflags, RFLAGS_FIXED | RFLAGS_IF);
    assert_int_equal(v->regs.entry_vector, ENTRY_SYSCALL);
    assert_int_equal(pushed(4) & marks, marks);
    assert_int_equal(pushed(6), 0x33);
}

static void the_mask_is_saved_beside_cs_and_inverted_in_the_flags(void **state)
{
    set_gate(6, 0, false);
    v->info->evtchn_upcall_mask = 1;
    pv_bounce_trap(v, 6, 0);
    assert_true(pushed(3) == ((GUEST_CS64 & ~3UL) | 1UL << 32));
    assert_int_equal(pushed(4) & RFLAGS_IF, 0);
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

static void a_gate_may_mask_events(void **state)
{
    set_gate(6, 0, true);
    pv_bounce_trap(v, 6, 0);
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
    assert_true(pushed(3) == (GUEST_CS64 & ~3UL));
}

static void io_privilege_is_in_the_frame_only_for_who_asked(void **state)
{
    set_gate(6, 0, false);
    v->iopl = 1UL << 12;
    pv_bounce_trap(v, 6, 0);
    assert_int_equal(pushed(4) & RFLAGS_IOPL, 0);
    guest_domain->vm_assist = 1UL << VMASST_TYPE_architectural_iopl;
    pv_bounce_trap(v, 6, 0);
    assert_int_equal(pushed(4) & RFLAGS_IOPL, 1UL << 12);
}

static void user_mode_enters_the_kernel_on_its_stack(void **state)
{
    set_gate(6, 0, false);
    enter_user_mode();
    v->regs.rsp = 0x1234;
    v->regs.cs = GUEST_CS64;
    pv_bounce_trap(v, 6, 0);
    assert_true(vcpu_in_kernel(v));
    assert_int_equal(host_processor.toggles, 1);
    assert_true(v->regs.rsp == (uint64_t)stack_end - 7 * 8);
    assert_int_equal(pushed(3), GUEST_CS64);
    assert_int_equal(pushed(5), 0x1234);
}

/* ---- no way in ------------------------------------------------------------------------------- */

static void without_a_handler_the_domain_ends(void **state)
{
    pv_bounce_trap(v, 6, 0);
    assert_true(crashed());
    assert_true(v->regs.rip == (uint64_t)code);
}

static void without_a_stack_the_domain_ends(void **state)
{
    set_gate(6, 0, false);
    v->regs.rsp = 0x10000;
    pv_bounce_trap(v, 6, 0);
    assert_true(crashed());
}

static void a_stack_at_the_bottom_of_memory_does_not_wrap_into_trouble(void **state)
{
    set_gate(6, 0, false);
    v->regs.rsp = 8;
    pv_bounce_trap(v, 6, 0);
    assert_true(crashed());
}

/* ---- page faults, callbacks ------------------------------------------------------------------ */

static void a_page_fault_tells_the_address_and_whose_it_was(void **state)
{
    set_gate(14, 0, false);
    pv_bounce_page_fault(v, 0x5000, PAGE_FAULT_WRITE | PAGE_FAULT_USER);
    assert_int_equal(pushed(2), PAGE_FAULT_WRITE);
    assert_int_equal(v->info->arch.cr2, 0x5000);
    assert_int_equal(v->fault_address, 0x5000);
    enter_user_mode();
    pv_bounce_page_fault(v, 0x6000, PAGE_FAULT_PRESENT);
    assert_int_equal(pushed(2), PAGE_FAULT_PRESENT | PAGE_FAULT_USER);
    assert_int_equal(v->info->arch.cr2, 0x6000);
}

static void an_upcall_masks_events(void **state)
{
    v->event.address = HANDLER;
    pv_bounce_event(v);
    assert_true(v->regs.rip == HANDLER);
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
    assert_int_equal(pushed(4) & RFLAGS_IF, RFLAGS_IF);
}

static void the_failsafe_frame_names_the_selectors_that_were_wanted(void **state)
{
    v->failsafe = (struct callback){.address = HANDLER, .mask_events = true};
    v->regs.ds = 0xd, v->regs.es = 0xe, v->regs.fs = 0xf, v->regs.gs = 0x9;
    pv_bounce_failsafe(v);
    assert_true(v->regs.rip == HANDLER);
    assert_int_equal(pushed(2), 0xd);
    assert_int_equal(pushed(3), 0xe);
    assert_int_equal(pushed(4), 0xf);
    assert_int_equal(pushed(5), 0x9);
    assert_true(pushed(6) == (uint64_t)code);
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

static void a_system_call_goes_to_its_callback(void **state)
{
    v->syscall64 = (struct callback){.address = HANDLER};
    enter_user_mode();
    pv_syscall(v);
    assert_true(v->regs.rip == HANDLER);
    assert_int_equal(v->info->evtchn_upcall_mask, 0);
}

static void a_system_call_of_32_bits_is_an_invalid_opcode_unless_it_is_wanted(void **state)
{
    set_gate(6, 0, false);
    enter_user_mode();
    v->regs.rip = 0x1002;
    pv_syscall32(v);
    assert_handler(6);
    assert_int_equal(pushed(2), 0x1000);
    v->syscall32 = (struct callback){.address = HANDLER, .mask_events = true};
    enter_user_mode();
    v->regs.rip = 0x1002;
    pv_syscall32(v);
    assert_true(v->regs.rip == HANDLER);
    assert_int_equal(pushed(2), 0x1002);
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

/* ---- what is owed on the way out ------------------------------------------------------------- */

static void nothing_is_owed_to_who_waits_for_nothing(void **state)
{
    v->event.address = HANDLER;
    assert_ptr_equal(exit_to_guest(), v);
    assert_true(v->regs.rip == (uint64_t)code);
}

static void a_pending_event_is_delivered_unless_it_is_masked(void **state)
{
    v->event.address = HANDLER;
    v->info->evtchn_upcall_pending = 1;
    v->info->evtchn_upcall_mask = 1;
    assert_ptr_equal(exit_to_guest(), v);
    assert_true(v->regs.rip == (uint64_t)code);
    v->info->evtchn_upcall_mask = 0;
    assert_ptr_equal(exit_to_guest(), v);
    assert_true(v->regs.rip == HANDLER);
}

static void an_nmi_is_delivered_once_until_its_handler_returns(void **state)
{
    set_gate(2, 0, false);
    v->nmi_pending = true;
    assert_ptr_equal(exit_to_guest(), v);
    assert_handler(2);
    assert_false(v->nmi_pending);
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
    v->nmi_pending = true;
    v->regs.rip = (uint64_t)code;
    assert_ptr_equal(exit_to_guest(), v);
    assert_true(v->nmi_pending);
    assert_true(v->regs.rip == (uint64_t)code);
    v->nmi_masked = false;
    v->nmi = (struct callback){.address = HANDLER};
    assert_ptr_equal(exit_to_guest(), v);
    assert_true(v->regs.rip == HANDLER);
}

static void an_nmi_waits_for_a_handler(void **state)
{
    v->nmi_pending = true;
    assert_ptr_equal(exit_to_guest(), v);
    assert_true(v->nmi_pending);
    assert_false(crashed());
}

static void a_lost_segment_is_told_to_who_can_hear_it(void **state)
{
    v->lost_segment = true;
    assert_ptr_equal(exit_to_guest(), v);
    assert_false(v->lost_segment);
    assert_true(v->regs.rip == (uint64_t)code);
    v->failsafe.address = HANDLER;
    v->lost_segment = true;
    assert_ptr_equal(exit_to_guest(), v);
    assert_true(v->regs.rip == HANDLER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_frame_holds_what_was_interrupted),
        TEST(a_bounce_that_is_told_of_is_the_same),
        TEST(vectors_with_a_code_push_it),
        TEST(a_frame_starts_at_a_multiple_of_16),
        TEST(a_handler_starts_flat_and_without_marks),
        TEST(the_mask_is_saved_beside_cs_and_inverted_in_the_flags),
        TEST(a_gate_may_mask_events),
        TEST(io_privilege_is_in_the_frame_only_for_who_asked),
        TEST(user_mode_enters_the_kernel_on_its_stack),
        TEST(without_a_handler_the_domain_ends),
        TEST(without_a_stack_the_domain_ends),
        TEST(a_stack_at_the_bottom_of_memory_does_not_wrap_into_trouble),
        TEST(a_page_fault_tells_the_address_and_whose_it_was),
        TEST(an_upcall_masks_events),
        TEST(the_failsafe_frame_names_the_selectors_that_were_wanted),
        TEST(a_system_call_goes_to_its_callback),
        TEST(a_system_call_of_32_bits_is_an_invalid_opcode_unless_it_is_wanted),
        TEST(nothing_is_owed_to_who_waits_for_nothing),
        TEST(a_pending_event_is_delivered_unless_it_is_masked),
        TEST(an_nmi_is_delivered_once_until_its_handler_returns),
        TEST(an_nmi_waits_for_a_handler),
        TEST(a_lost_segment_is_told_to_who_can_hear_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
