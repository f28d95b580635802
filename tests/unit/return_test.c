// SPDX-License-Identifier: Apache-2.0
// The guest's ways back: the iret call, IRET and far RET within ring 3, a return that faults.
#include "pv_fixture.h"

#include "pv/far_return.h"
#include "pv/hypercalls.h"
#include "pv/traps.h"

/* ---- the iret call --------------------------------------------------------------------------- */

static struct iret_context *frame;

static struct iret_context *push_frame(void)
{
    frame = (struct iret_context *)(stack_end - sizeof(*frame));
    *frame = (struct iret_context){
        .rax = 0xa,
        .r11 = 0x11,
        .rcx = 0xc,
        .rip = 0x1000,
        .cs = GUEST_CS64,
        .rflags = RFLAGS_FIXED | RFLAGS_IF,
        .rsp = 0x2000,
        .ss = GUEST_SS,
    };
    v->regs.rsp = (uint64_t)frame;
    return frame;
}

static void iret_restores_the_frame(void **state)
{
    push_frame()->cs = GUEST_CS64 & ~3;
    assert_int_equal(hypercall_iret(), 0xa);
    assert_int_equal(v->regs.rip, 0x1000);
    assert_int_equal(v->regs.rsp, 0x2000);
    assert_int_equal(v->regs.cs, GUEST_CS64);
    assert_int_equal(v->regs.ss, GUEST_SS);
    assert_int_equal(v->regs.rcx, 0xc);
    assert_int_equal(v->regs.r11, 0x11);
    assert_int_equal(v->regs.entry_vector, ENTRY_NONE);
    assert_true(vcpu_in_kernel(v));
    assert_int_not_equal(v->exit_work, 0);
}

static void iret_masks_events_as_the_flag_says(void **state)
{
    push_frame()->cs = GUEST_CS64 & ~3;
    frame->rflags = RFLAGS_FIXED;
    (void)hypercall_iret();
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
    assert_int_equal(v->regs.rflags & RFLAGS_IF, RFLAGS_IF);
    push_frame()->cs = GUEST_CS64 & ~3;
    (void)hypercall_iret();
    assert_int_equal(v->info->evtchn_upcall_mask, 0);
}

static void iret_grants_no_privilege(void **state)
{
    push_frame()->cs = GUEST_CS64 & ~3;
    frame->rflags |= RFLAGS_IOPL | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP | RFLAGS_TF | RFLAGS_AC;
    (void)hypercall_iret();
    assert_int_equal(v->regs.rflags, RFLAGS_FIXED | RFLAGS_IF | RFLAGS_TF | RFLAGS_AC);
    assert_int_equal(v->iopl, 0);
    guest_domain->vm_assist = 1UL << VMASST_TYPE_architectural_iopl;
    push_frame()->cs = GUEST_CS64 & ~3;
    frame->rflags |= RFLAGS_IOPL;
    (void)hypercall_iret();
    assert_int_equal(v->iopl, RFLAGS_IOPL);
    assert_int_equal(v->regs.rflags & RFLAGS_IOPL, 0);
}

static void selectors_are_lifted_to_ring_3(void **state)
{
    push_frame()->cs = 0xe008;
    frame->ss = 0xe010;
    (void)hypercall_iret();
    assert_int_equal(v->regs.cs, 0xe00b);
    assert_int_equal(v->regs.ss, 0xe013);
}

static void iret_to_user_mode_changes_the_mode(void **state)
{
    v->user_cr3 = NO_TABLE;
    push_frame();
    (void)hypercall_iret();
    assert_false(vcpu_in_kernel(v));
    assert_int_equal(host_processor.toggles, 1);
}

static void iret_to_a_user_mode_without_tables_ends_the_domain(void **state)
{
    push_frame();
    (void)hypercall_iret();
    assert_true(crashed());
    assert_true(vcpu_in_kernel(v));
}

static void iret_without_a_frame_ends_the_domain(void **state)
{
    v->regs.rsp = 0x1000;
    (void)hypercall_iret();
    assert_true(crashed());
}

static void a_return_from_a_system_call_is_flat_and_spends_rcx_and_r11(void **state)
{
    v->user_cr3 = NO_TABLE;
    push_frame()->flags = VGCF_in_syscall;
    frame->cs = 0x33;
    frame->ss = 0x2b;
    (void)hypercall_iret();
    assert_int_equal(v->regs.cs, GUEST_CS64);
    assert_int_equal(v->regs.ss, GUEST_SS);
    assert_int_equal(v->regs.rcx, 0x1000);
    assert_int_equal(v->regs.r11, v->regs.rflags);
    assert_int_equal(v->regs.entry_vector, ENTRY_SYSCALL);
}

static void a_return_from_a_32_bit_system_call_stays_32_bit(void **state)
{
    v->user_cr3 = NO_TABLE;
    push_frame()->flags = VGCF_in_syscall;
    frame->cs = GUEST_CS32;
    (void)hypercall_iret();
    assert_int_equal(v->regs.cs, GUEST_CS32);
    assert_int_equal(v->regs.entry_vector, ENTRY_NONE);
}

static void iret_ends_an_nmi(void **state)
{
    v->nmi_masked = true;
    push_frame()->cs = GUEST_CS64 & ~3;
    (void)hypercall_iret();
    assert_false(v->nmi_masked);
}

/* ---- a return that faults -------------------------------------------------------------------- */

static void a_return_that_faults_is_a_fault_of_the_state_that_was_asked_for(void **state)
{
    set_gate(13, 0, false);
    enter_user_mode();
    v->regs.rip = NON_CANONICAL;
    v->regs.cs = 0x1233;
    v->iret_fault_code = 13UL << 32 | 0x1230;
    pv_iret_fault(v);
    assert_handler(13);
    assert_true(vcpu_in_kernel(v));
    assert_int_equal(pushed(2), 0x1230);
    assert_true(pushed(3) == NON_CANONICAL);
    assert_int_equal(pushed(4), 0x1233);
}

/* ---- IRET and far RET within ring 3 ---------------------------------------------------------- */

static void push_words(const uint64_t *words, unsigned int count)
{
    v->regs.rsp = (uint64_t)stack_end - count * 8;
    memcpy((void *)v->regs.rsp, words, count * 8);
}

static void iretq_pops_five_words(void **state)
{
    const uint64_t words[] = {0x1000, 0x33, RFLAGS_FIXED | 0x85 | RFLAGS_IOPL, 0x2000, 0x2b};

    CODE(0x48, 0xcf);
    push_words(words, 5);
    assert_true(pv_far_return(v));
    assert_int_equal(v->regs.rip, 0x1000);
    assert_int_equal(v->regs.cs, 0x33);
    assert_int_equal(v->regs.rsp, 0x2000);
    assert_int_equal(v->regs.ss, 0x2b);
    assert_int_equal(v->regs.rflags, RFLAGS_FIXED | RFLAGS_IF | 0x85);
    assert_int_equal(v->regs.entry_vector, ENTRY_NONE);
}

static void lretq_pops_two_words_and_what_it_is_told(void **state)
{
    const uint64_t words[] = {0x1000, 0x33, 0, 0};

    CODE(0x48, 0xca, 16, 0);
    push_words(words, 4);
    assert_true(pv_far_return(v));
    assert_int_equal(v->regs.rip, 0x1000);
    assert_int_equal(v->regs.cs, 0x33);
    assert_true(v->regs.rsp == (uint64_t)stack_end);
}

/* The frame may have changed since the processor looked at it: Pavise's own code segment is no way
 * back to a guest. */
static void no_far_return_leaves_ring_3(void **state)
{
    for (uint64_t rpl = 0; rpl < 3; rpl++) {
        const uint64_t words[] = {0x1000, 0xe008 | rpl, RFLAGS_FIXED, 0x2000, 0x2b};
        const uint64_t bad_stack[] = {0x1000, 0x33, RFLAGS_FIXED, 0x2000, 0x28 | rpl};
        const uint8_t far_ret[] = {0x48, 0xcb}, iret[] = {0x48, 0xcf};

        set_gate(13, 0, false);
        put_code(far_ret, sizeof(far_ret));
        push_words(words, 2);
        assert_true(pv_far_return(v));
        assert_handler(13);
        assert_int_equal(pushed(2), 0xe008);
        put_code(iret, sizeof(iret));
        push_words(words, 5);
        assert_true(pv_far_return(v));
        assert_handler(13);
        put_code(iret, sizeof(iret));
        push_words(bad_stack, 5);
        assert_true(pv_far_return(v));
        assert_handler(13);
        assert_int_equal(pushed(2), 0x28);
        assert_int_equal(v->regs.cs & 3, 3);
    }
}

static void a_stack_that_faults_is_a_page_fault(void **state)
{
    set_gate(14, 0, false);
    CODE(0x48, 0xcb);
    v->regs.rsp = (uint64_t)stack_end + PAGE_SIZE - 8;
    assert_true(pv_far_return(v));
    assert_handler(14);
    assert_true(v->info->arch.cr2 == (uint64_t)stack_end + PAGE_SIZE);
}

static void other_instructions_are_not_far_returns(void **state)
{
    CODE(0x90);
    assert_false(pv_far_return(v));
    v->regs.rip = 0x10;
    assert_false(pv_far_return(v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(iret_restores_the_frame),
        TEST(iret_masks_events_as_the_flag_says),
        TEST(iret_grants_no_privilege),
        TEST(selectors_are_lifted_to_ring_3),
        TEST(iret_to_user_mode_changes_the_mode),
        TEST(iret_to_a_user_mode_without_tables_ends_the_domain),
        TEST(iret_without_a_frame_ends_the_domain),
        TEST(a_return_from_a_system_call_is_flat_and_spends_rcx_and_r11),
        TEST(a_return_from_a_32_bit_system_call_stays_32_bit),
        TEST(iret_ends_an_nmi),
        TEST(a_return_that_faults_is_a_fault_of_the_state_that_was_asked_for),
        TEST(iretq_pops_five_words),
        TEST(lretq_pops_two_words_and_what_it_is_told),
        TEST(no_far_return_leaves_ring_3),
        TEST(a_stack_that_faults_is_a_page_fault),
        TEST(other_instructions_are_not_far_returns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
