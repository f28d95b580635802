// SPDX-License-Identifier: Apache-2.0
// Privileged instructions: what is carried out, and what is left to fault.
#include "pv_fixture.h"

#include "arch/clock.h"
#include "domain/quota.h"
#include "pv/control.h"
#include "pv/emulate.h"
#include "pv/flags.h"
#include "pv/fetch.h"

static void allow_ports(void)
{
    guest_domain->io_ports = quota_alloc(guest_domain, IO_PORTS / 8);
    assert_non_null(guest_domain->io_ports);
    v->iopl = 1UL << 12;
}

#define assert_done(bytes)                     \
    do {                                       \
        assert_true(pv_emulate_privileged(v)); \
        assert_int_equal(executed(), (bytes)); \
        assert_false(crashed());               \
    } while (0)

#define assert_refused()                        \
    do {                                        \
        assert_false(pv_emulate_privileged(v)); \
        assert_int_equal(executed(), 0);        \
    } while (0)

/* ---- control registers ----------------------------------------------------------------------- */

static void cr0_reads_as_every_kernel_has_it(void **state)
{
    CODE(0x0f, 0x20, 0xc3); /* mov %cr0, %rbx */
    assert_done(3);
    assert_true(v->regs.rbx == 0x80050033);
    v->mode |= MODE_FPU_TRAP;
    CODE(0x0f, 0x20, 0xc3);
    assert_done(3);
    assert_true(v->regs.rbx == 0x8005003b);
}

static void only_ts_may_change_in_cr0(void **state)
{
    v->regs.rbx = 0x8005003b;
    CODE(0x0f, 0x22, 0xc3); /* mov %rbx, %cr0 */
    assert_done(3);
    assert_true(host_processor.fpu_trap);
    CODE(0x0f, 0x06); /* clts */
    assert_done(2);
    assert_false(host_processor.fpu_trap);
    v->regs.rbx = 0x50033;
    CODE(0x0f, 0x22, 0xc3);
    assert_refused();
}

static void lmsw_sets_ts_and_nothing_else(void **state)
{
    v->regs.rax = 0xb;
    CODE(0x0f, 0x01, 0xf0); /* lmsw %ax */
    assert_done(3);
    assert_true(host_processor.fpu_trap);
    v->regs.rax = 0xf; /* EM */
    CODE(0x0f, 0x01, 0xf0);
    assert_refused();
}

static void cr2_is_the_word_in_vcpu_info(void **state)
{
    v->regs.rax = 0x1234;
    CODE(0x0f, 0x22, 0xd0); /* mov %rax, %cr2 */
    assert_done(3);
    assert_int_equal(v->info->arch.cr2, 0x1234);
    CODE(0x0f, 0x20, 0xd1); /* mov %cr2, %rcx */
    assert_done(3);
    assert_int_equal(v->regs.rcx, 0x1234);
}

static void cr3_is_the_kernels_base(void **state)
{
    mfn_t base = new_frame();

    v->regs.rax = mfn_to_maddr(base).a;
    CODE(0x0f, 0x22, 0xd8); /* mov %rax, %cr3 */
    assert_done(3);
    assert_int_equal(host_processor.base_loads, 1);
    CODE(0x0f, 0x20, 0xd9); /* mov %cr3, %rcx */
    assert_done(3);
    assert_true(v->regs.rcx == v->regs.rax);
    v->regs.rax = 1UL << 45;
    CODE(0x0f, 0x22, 0xd8);
    assert_refused();
    assert_true(v->kernel_cr3 == mfn_to_maddr(base).a);
}

static void cr4_keeps_what_guests_have_no_say_in(void **state)
{
    v->regs.rax = CONTROL4_TSD | 1UL << 20; /* SMEP */
    CODE(0x0f, 0x22, 0xe0);                 /* mov %rax, %cr4 */
    assert_done(3);
    assert_true(v->control4 == (control4_initial() | CONTROL4_TSD));
    assert_int_equal(host_processor.control4_loads, 1);
    v->regs.rax = 0;
    CODE(0x0f, 0x22, 0xe0);
    assert_done(3);
    assert_true(v->control4 == control4_initial());
}

static void cr4_turns_on_what_the_guest_can_see_that_it_has(void **state)
{
    /* This machine has none of them. */
    assert_true(control4_merge(v, 1UL << 16 | 1UL << 18) == control4_initial());
}

static void other_control_registers_do_not_exist(void **state)
{
    CODE(0x44, 0x0f, 0x20, 0xc0); /* mov %cr8, %rax */
    assert_refused();
    CODE(0x44, 0x0f, 0x22, 0xc0);
    assert_refused();
}

/* ---- debug registers, XCR0, MSRs, CPUID -------------------------------------------------------
 */

static void debug_registers_are_moved(void **state)
{
    v->regs.rbx = 0x1000;
    CODE(0x0f, 0x23, 0xc3); /* mov %rbx, %db0 */
    assert_done(3);
    CODE(0x0f, 0x21, 0xc1); /* mov %db0, %rcx */
    assert_done(3);
    assert_int_equal(v->regs.rcx, 0x1000);
    v->regs.rbx = HYPERVISOR_VIRT_START;
    CODE(0x0f, 0x23, 0xc3);
    assert_refused();
}

static void xsetbv_takes_what_the_machine_has(void **state)
{
    CODE(0x0f, 0x01, 0xd1);
    v->regs.rax = 7;
    assert_done(3);
    assert_int_equal(v->xcr0, 7);
    assert_int_equal(host_processor.xcr0, 7);
    v->regs.rcx = 1;
    CODE(0x0f, 0x01, 0xd1);
    assert_refused();
}

static void states_depend_on_each_other(void **state)
{
    host_processor.extended_states = 0xe7;
    assert_true(extended_states_valid(1));
    assert_true(extended_states_valid(7));
    assert_true(extended_states_valid(0xe7));
    assert_false(extended_states_valid(0));
    assert_false(extended_states_valid(5));    /* AVX without SSE */
    assert_false(extended_states_valid(0x27)); /* a part of AVX-512 */
    assert_false(extended_states_valid(0xe3)); /* AVX-512 without AVX */
    assert_false(extended_states_valid(9));    /* what the machine has not */
}

static void msrs_go_by_the_policy(void **state)
{
    v->regs.rcx = 0xc0000080; /* EFER */
    v->regs.rax = v->regs.rdx = ~0UL;
    CODE(0x0f, 0x32);
    assert_done(2);
    assert_int_equal(v->regs.rax & 0x501, 0x501);
    assert_int_equal(v->regs.rdx, 0);
    v->regs.rcx = 0xc0000100; /* FS base */
    v->regs.rax = 0x1000;
    v->regs.rdx = 0;
    CODE(0x0f, 0x30);
    assert_done(2);
    assert_int_equal(host_processor.base[BASE_FS], 0x1000);
    v->regs.rdx = 0x9000;
    CODE(0x0f, 0x30);
    assert_refused();
    v->regs.rcx = 0x12345;
    CODE(0x0f, 0x32);
    assert_refused();
}

static void cpuid_is_answered_by_the_policy(void **state)
{
    v->regs.rax = 0x40000000;
    v->regs.rcx = ~0UL;
    CODE(0x0f, 0xa2);
    assert_done(2);
    assert_int_equal(v->regs.rbx, 0x566e6558);
    assert_int_equal(v->regs.rcx >> 32, 0);
}

/* Where the processor can make it fault: what comes as a #GP is user mode's own CPUID. */
static void user_modes_cpuid_is_answered_until_its_kernel_says_no(void **state)
{
    set_gate(13, 0, false);
    enter_user_mode();
    CODE(0x0f, 0xa2);
    v->regs.rax = 0x40000000;
    assert_true(pv_emulate_privileged(v));
    assert_int_equal(v->regs.rbx, 0x566e6558);
    assert_int_equal(executed(), 2);
    v->pv->msrs.cpuid_faulting = true;
    CODE(0x0f, 0xa2);
    assert_false(pv_emulate_privileged(v));
    v->mode |= MODE_KERNEL;
    assert_true(pv_emulate_privileged(v));
}

static void the_prefix_asks_for_cpuid_and_nothing_else(void **state)
{
    v->regs.rax = 0x40000000;
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2);
    assert_true(pv_emulate_forced(v));
    assert_int_equal(executed(), 7);
    assert_int_equal(v->regs.rbx, 0x566e6558);
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0x32);
    assert_false(pv_emulate_forced(v));
    CODE(0x0f, 0x0b, 'x', 'e', 'm', 0x0f, 0xa2);
    assert_false(pv_emulate_forced(v));
    v->regs.rip = (uint64_t)stack_end + PAGE_SIZE - 3; /* the rest is not there */
    memcpy((void *)v->regs.rip, "\x0f\x0bx", 3);
    assert_false(pv_emulate_forced(v));
}

static void the_prefix_is_recognised_at_once_or_left_to_the_long_way(void **state)
{
    v->regs.rax = 0x40000000;
    v->regs.rflags |= RFLAGS_RF;
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2);
    assert_true(pv_cpuid_quickly(v));
    assert_int_equal(executed(), 7);
    assert_int_equal(v->regs.rbx, 0x566e6558);
    assert_int_equal(v->regs.rflags & RFLAGS_RF, 0);
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0x32);
    assert_false(pv_cpuid_quickly(v));
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2);
    v->regs.rflags |= RFLAGS_TF;
    assert_false(pv_cpuid_quickly(v));
    v->regs.rflags &= ~RFLAGS_TF;
    v->regs.rip = (uint64_t)stack_end + PAGE_SIZE - 7; /* an eighth byte is not there */
    memcpy((void *)v->regs.rip, "\x0f\x0bxen\x0f\xa2", 7);
    assert_false(pv_cpuid_quickly(v));
    assert_true(pv_emulate_forced(v));
}

static void the_counter_is_for_user_mode_unless_its_kernel_says_no(void **state)
{
    host_tsc = 0x1122334455;
    enter_user_mode();
    CODE(0x0f, 0x31);
    assert_done(2);
    assert_int_equal(v->regs.rax, 0x22334455);
    assert_int_equal(v->regs.rdx, 0x11);
    v->control4 |= CONTROL4_TSD;
    CODE(0x0f, 0x31);
    assert_refused();
    v->mode |= MODE_KERNEL;
    v->pv->msrs.tsc_aux = 0x77;
    CODE(0x0f, 0x01, 0xf9); /* rdtscp */
    assert_done(3);
    assert_int_equal(v->regs.rcx, 0x77);
}

/* ---- caches, translations, flags, ports --------------------------------------------------------
 */

static void invlpg_forgets_one_page(void **state)
{
    v->regs.rax = 0x1234000;
    CODE(0x0f, 0x01, 0x38); /* invlpg (%rax) */
    assert_done(3);
    assert_int_equal(host_calls.tlb_flush_page, 1);
    assert_int_equal(host_calls.last_flushed_address, 0x1234000);
}

static void caches_are_flushed_for_who_has_devices(void **state)
{
    CODE(0x0f, 0x09);
    assert_done(2);
    assert_int_equal(host_calls.cache_flush, 0);
    guest_domain->hardware = true;
    CODE(0x0f, 0x09);
    assert_done(2);
    assert_int_equal(host_calls.cache_flush, 1);
    guest_domain->hardware = false;
}

static void cli_and_sti_do_nothing_with_privilege_and_fault_without(void **state)
{
    CODE(0xfa);
    assert_refused();
    v->iopl = 1UL << 12;
    CODE(0xfa);
    assert_done(1);
    CODE(0xfb);
    assert_done(1);
    assert_int_equal(v->info->evtchn_upcall_mask, 0);
}

static void ports_are_read_and_written(void **state)
{
    allow_ports();
    v->regs.rax = ~0UL;
    v->regs.rdx = 0x1f0;
    CODE(0xec); /* in %dx, %al: an empty bus */
    assert_done(1);
    CODE(0xe5, 0x80); /* in $0x80, %eax */
    assert_done(2);
    assert_true(v->regs.rax == 0xffffffff);
    CODE(0xe6, 0x80);
    assert_done(2);
    v->iopl = 0;
    CODE(0xe6, 0x80);
    assert_refused();
    CODE(0xe4, 0x80);
    assert_refused();
    CODE(0x6c);
    assert_refused();
}

/* ---- what user mode could do without UMIP ------------------------------------------------------
 */

static void tables_seem_to_lie_where_nothing_is(void **state)
{
    uint64_t base;

    enter_user_mode();
    v->regs.rax = (uint64_t)data;
    memset(data, 0x5a, 16);
    CODE(0x0f, 0x01, 0x00); /* sgdt (%rax) */
    assert_done(3);
    memcpy(&base, data + 2, 8);
    assert_true(base == 0xfffffffffffe0000);
    assert_int_equal(data[0] | data[1], 0);
    assert_int_equal(data[10], 0x5a);
    CODE(0x0f, 0x01, 0x08); /* sidt (%rax) */
    assert_done(3);
    memcpy(&base, data + 2, 8);
    assert_true(base == 0xffffffffffff0000);
    memset(data, 0x5a, 16);
    v->regs.rax = 0;
    host_processor.base[BASE_FS] = (uint64_t)data;
    CODE(0x64, 0x0f, 0x01, 0x00); /* sgdt %fs:(%rax) */
    assert_done(4);
    memcpy(&base, data + 2, 8);
    assert_true(base == 0xfffffffffffe0000);
}

static void selectors_and_the_status_word_are_stored(void **state)
{
    v->regs.rax = ~0UL;
    CODE(0x0f, 0x01, 0xe0); /* smsw %eax */
    assert_done(3);
    assert_true(v->regs.rax == control0_of(v));
    v->regs.rax = ~0UL;
    CODE(0x66, 0x0f, 0x00, 0xc0); /* sldt %ax */
    assert_done(4);
    assert_true(v->regs.rax == 0xffffffffffff0000);
    v->regs.rax = (uint64_t)data;
    memset(data, 0x5a, 4);
    CODE(0x0f, 0x00, 0x08); /* str (%rax) */
    assert_done(3);
    assert_memory_equal(data, "\x40\0\x5a\x5a", 4);
}

static void a_store_that_faults_is_a_page_fault(void **state)
{
    set_gate(14, 0, false);
    v->regs.rax = 0x40;
    CODE(0x0f, 0x01, 0x20); /* smsw (%rax) */
    assert_true(pv_emulate_privileged(v));
    assert_handler(14);
    assert_int_equal(pushed(2), PAGE_FAULT_WRITE);
    assert_true(pushed(3) == (uint64_t)code);
    v->regs.rax = NON_CANONICAL;
    CODE(0x0f, 0x01, 0x20);
    assert_refused();
}

static void the_hypervisors_own_msr_fills_a_page_with_calls(void **state)
{
    mfn_t page = new_frame();
    const uint8_t *bytes = frame_to_virt(page);

    v->regs.rcx = 0x40000000;
    v->regs.rax = mfn_to_maddr(page).a;
    CODE(0x0f, 0x30);
    assert_done(2);
    assert_memory_equal(bytes + 17 * 32 + 3, "\xb8\x11\0\0\0\x0f\x05", 7);
    v->regs.rax |= 1;
    CODE(0x0f, 0x30);
    assert_refused();
    v->regs.rax = 0; /* not the domain's */
    CODE(0x0f, 0x30);
    assert_refused();
}

static void sysenter_goes_to_its_callback(void **state)
{
    CODE(0x0f, 0x34);
    assert_refused();
    enter_user_mode();
    assert_refused();
    v->sysenter = (struct callback){.address = HANDLER, .mask_events = true};
    assert_true(pv_emulate_privileged(v));
    assert_true(v->regs.rip == HANDLER);
    assert_true(vcpu_in_kernel(v));
    assert_true(pushed(2) == (uint64_t)code + 2);
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

/* ---- who, and what is left to fault ------------------------------------------------------------
 */

static void what_no_guest_may_do_faults(void **state)
{
    static const uint8_t codes[][4] = {
        {0xf4},             /* hlt */
        {0x0f, 0x08},       /* invd */
        {0x0f, 0x01, 0x10}, /* lgdt (%rax) */
        {0x0f, 0x01, 0x18}, /* lidt (%rax) */
        {0x0f, 0x00, 0xd0}, /* lldt %ax */
        {0x0f, 0x00, 0xd8}, /* ltr %ax */
        {0x0f, 0x01, 0xf8}, /* swapgs */
        {0x48, 0x0f, 0x07}, /* sysretq */
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(codes); i++) {
        put_code(codes[i], sizeof(codes[i]));
        assert_refused();
    }
}

static void user_mode_may_do_none_of_the_kernels(void **state)
{
    static const uint8_t codes[][4] = {
        {0x0f, 0x20, 0xc0}, {0x0f, 0x22, 0xc0}, {0x0f, 0x06}, {0x0f, 0x21, 0xc0}, {0x0f, 0x32},
        {0x0f, 0x30},       {0x0f, 0x09},       {0xfa},       {0x0f, 0x01, 0x38},
    };

    enter_user_mode();
    v->regs.rcx = 0xc0000080;
    for (unsigned int i = 0; i < ARRAY_SIZE(codes); i++) {
        put_code(codes[i], sizeof(codes[i]));
        assert_refused();
    }
    CODE(0x0f, 0xa2);
    assert_done(2);
}

static void an_instruction_that_is_not_there_faults(void **state)
{
    v->regs.rip = 0x40;
    assert_false(pv_emulate_privileged(v));
}

static void instructions_may_cross_a_page_and_end_where_memory_does(void **state)
{
    uint8_t *last = stack_end + PAGE_SIZE - 2;

    v->regs.rip = (uint64_t)last;
    memcpy(last, "\x0f\x06", 2); /* clts */
    assert_true(pv_emulate_privileged(v));
    v->regs.rip = (uint64_t)data - 1;
    data[-1] = 0x0f;
    data[0] = 0x06;
    assert_true(pv_emulate_privileged(v));
    assert_true(v->regs.rip == (uint64_t)data + 1);
}

static void a_pending_single_step_comes_after_the_instruction(void **state)
{
    set_gate(1, 0, false);
    v->regs.rflags |= RFLAGS_TF | RFLAGS_RF;
    CODE(0x0f, 0x06);
    assert_true(pv_emulate_privileged(v));
    assert_handler(1);
    assert_true(pushed(2) == (uint64_t)code + 2);
    assert_int_equal(pushed(4) & RFLAGS_RF, 0);
    assert_int_equal(v->debug_registers[6] & 1UL << 14, 1UL << 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cr0_reads_as_every_kernel_has_it),
        TEST(only_ts_may_change_in_cr0),
        TEST(lmsw_sets_ts_and_nothing_else),
        TEST(cr2_is_the_word_in_vcpu_info),
        TEST(cr3_is_the_kernels_base),
        TEST(cr4_keeps_what_guests_have_no_say_in),
        TEST(cr4_turns_on_what_the_guest_can_see_that_it_has),
        TEST(other_control_registers_do_not_exist),
        TEST(debug_registers_are_moved),
        TEST(xsetbv_takes_what_the_machine_has),
        TEST(states_depend_on_each_other),
        TEST(msrs_go_by_the_policy),
        TEST(cpuid_is_answered_by_the_policy),
        TEST(user_modes_cpuid_is_answered_until_its_kernel_says_no),
        TEST(the_prefix_asks_for_cpuid_and_nothing_else),
        TEST(the_prefix_is_recognised_at_once_or_left_to_the_long_way),
        TEST(the_counter_is_for_user_mode_unless_its_kernel_says_no),
        TEST(invlpg_forgets_one_page),
        TEST(caches_are_flushed_for_who_has_devices),
        TEST(cli_and_sti_do_nothing_with_privilege_and_fault_without),
        TEST(ports_are_read_and_written),
        TEST(tables_seem_to_lie_where_nothing_is),
        TEST(selectors_and_the_status_word_are_stored),
        TEST(a_store_that_faults_is_a_page_fault),
        TEST(the_hypervisors_own_msr_fills_a_page_with_calls),
        TEST(sysenter_goes_to_its_callback),
        TEST(what_no_guest_may_do_faults),
        TEST(user_mode_may_do_none_of_the_kernels),
        TEST(an_instruction_that_is_not_there_faults),
        TEST(instructions_may_cross_a_page_and_end_where_memory_does),
        TEST(a_pending_single_step_comes_after_the_instruction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
