// SPDX-License-Identifier: Apache-2.0
// What becomes of each exception that a guest raises; and how its state is shown.
#include "pv_fixture.h"

#include "base/log.h"
#include "mmu/base.h"
#include "pv/show.h"
#include "pv/traps.h"

#define CODE_IN_IDT(vector) ((vector)*8 + 2)

static void raise(unsigned int vector, uint32_t error_code)
{
    v->regs.entry_vector = vector;
    v->regs.error_code = error_code;
    exception_from_guest(v);
}

/* ---- page faults ----------------------------------------------------------------------------- */

static void a_page_fault_is_the_guests(void **state)
{
    set_gate(14, 0, false);
    host_fault_address = 0x5000;
    raise(14, PAGE_FAULT_WRITE | PAGE_FAULT_USER);
    assert_handler(14);
    assert_int_equal(pushed(2), PAGE_FAULT_WRITE);
    assert_int_equal(v->info->arch.cr2, 0x5000);
}

static void a_write_to_what_is_no_table_is_the_guests(void **state)
{
    set_gate(14, 0, false);
    CODE(0x48, 0x89, 0x03); /* mov %rax, (%rbx) */
    v->regs.rbx = host_fault_address = 0x5000;
    raise(14, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE | PAGE_FAULT_USER);
    assert_handler(14);
    assert_int_equal(pushed(2), PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE);
}

static void a_write_by_user_mode_is_the_kernels_to_hear_of(void **state)
{
    set_gate(14, 0, false);
    enter_user_mode();
    host_fault_address = 0x5000;
    raise(14, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE | PAGE_FAULT_USER);
    assert_handler(14);
    assert_int_equal(pushed(2), PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE | PAGE_FAULT_USER);
}

/* What the processor did for itself, and neither by a far return nor in an LDT. */
static void a_supervisors_access_elsewhere_is_the_guests(void **state)
{
    set_gate(14, 0, false);
    CODE(0x90);
    host_fault_address = 0x5000;
    raise(14, PAGE_FAULT_PRESENT);
    assert_handler(14);
    assert_int_equal(pushed(2), PAGE_FAULT_PRESENT);
}

static void reserved_bits_in_its_tables_end_the_domain(void **state)
{
    set_gate(14, 0, false);
    raise(14, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED | PAGE_FAULT_USER);
    assert_true(crashed());
}

static void a_supervisors_access_is_a_far_return_in_a_wrong_processor(void **state)
{
    CODE(0x48, 0xcb); /* lretq */
    v->regs.rsp = (uint64_t)stack_end - 16;
    ((uint64_t *)v->regs.rsp)[0] = 0x1000;
    ((uint64_t *)v->regs.rsp)[1] = 0x33;
    raise(14, PAGE_FAULT_PRESENT);
    assert_int_equal(v->regs.rip, 0x1000);
    assert_false(crashed());
}

/* Read-only at 0x10000 of the kernel's space: what an LDT has to be. */
static mfn_t map_ldt(void)
{
    const uint64_t upper = PTE_P | PTE_RW | PTE_US;
    mfn_t tables[4], ldt = new_frame();

    for (unsigned int i = 0; i < 4; i++) {
        tables[i] = new_frame();
    }
    for (unsigned int i = 0; i < 3; i++) {
        entries(tables[i])[0] = entry_to(tables[i + 1], upper);
    }
    entries(tables[3])[16] = entry_to(ldt, PTE_P | PTE_US);
    assert_int_equal(base_take(v, tables[0], mfn(0)), 0);
    v->ldt_base = 0x10000;
    v->ldt_entries = 16;
    return ldt;
}

static void a_missing_page_of_the_ldt_is_shown(void **state)
{
    mfn_t ldt = map_ldt();

    host_fault_address = HOST_LDT_WINDOW + 8;
    raise(14, 0);
    assert_not_bounced();
    assert_int_equal(v->ldt_mapped, 1);
    assert_true(mfn_equal(v->ldt_frames[0], ldt));
    assert_int_equal(host_processor.ldt_loads, 1);
}

static void a_page_of_the_ldt_that_is_no_good_is_a_page_fault_of_its_own_address(void **state)
{
    set_gate(14, 0, false);
    map_ldt();
    v->ldt_base = 0x20000;
    host_fault_address = HOST_LDT_WINDOW + 8;
    raise(14, 0);
    assert_handler(14);
    assert_int_equal(v->info->arch.cr2, 0x20008);
    assert_int_equal(pushed(2), 0);
}

static void a_return_may_need_a_page_of_the_ldt(void **state)
{
    set_gate(14, 0, false);
    map_ldt();
    host_fault_address = HOST_LDT_WINDOW + 8;
    v->iret_fault_code = 14UL << 32;
    pv_iret_fault(v);
    assert_not_bounced();
    assert_int_equal(v->ldt_mapped, 1);
    v->ldt_base = 0x20000;
    host_fault_address = HOST_LDT_WINDOW + PAGE_SIZE;
    pv_iret_fault(v);
    assert_handler(14);
    assert_int_equal(v->info->arch.cr2, 0x21000);
}

/* ---- software interrupts ----------------------------------------------------------------------
 */

static void an_interrupt_by_instruction_goes_to_its_gate_behind_it(void **state)
{
    set_gate(0x80, 3, false);
    enter_user_mode();
    CODE(0xcd, 0x80);
    raise(13, CODE_IN_IDT(0x80));
    assert_handler(0x80);
    assert_true(pushed(2) == (uint64_t)code + 2);
}

static void the_vector_is_the_instructions_whatever_the_code_says(void **state)
{
    set_gate(0x80, 3, false);
    enter_user_mode();
    CODE(0xcd, 0x80);
    raise(13, CODE_IN_IDT(2 * 0x80));
    assert_handler(0x80);
}

static void a_gate_without_the_privilege_is_a_protection_fault(void **state)
{
    set_gate(0x80, 1, false);
    set_gate(13, 0, false);
    enter_user_mode();
    CODE(0xcd, 0x80);
    raise(13, 0x1002);
    assert_handler(13);
    assert_int_equal(pushed(2), CODE_IN_IDT(0x80));
    assert_true(pushed(3) == (uint64_t)code);
    v->regs.rip = (uint64_t)code;
    raise(13, CODE_IN_IDT(0x80)); /* but the kernel may */
    assert_handler(0x80);
}

static void a_protection_fault_in_the_idt_that_is_none_is_passed_on(void **state)
{
    set_gate(13, 0, false);
    CODE(0x90);
    raise(13, CODE_IN_IDT(3));
    assert_handler(13);
    assert_int_equal(pushed(2), CODE_IN_IDT(3));
}

static void int3_and_into_come_straight_in(void **state)
{
    set_gate(3, 3, false);
    set_gate(4, 3, false);
    raise(3, 0);
    assert_handler(3);
    raise(4, 0);
    assert_handler(4);
}

/* ---- others -----------------------------------------------------------------------------------
 */

static void a_privileged_instruction_is_carried_out(void **state)
{
    CODE(0x0f, 0x06); /* clts */
    raise(13, 0);
    assert_int_equal(executed(), 2);
    assert_not_bounced();
}

static void a_protection_fault_with_a_selector_is_the_guests(void **state)
{
    set_gate(13, 0, false);
    CODE(0x0f, 0x06);
    raise(13, 0x1230);
    assert_handler(13);
    assert_int_equal(pushed(2), 0x1230);
}

static void an_invalid_opcode_is_the_guests_unless_it_asks_for_emulation(void **state)
{
    set_gate(6, 0, false);
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2);
    raise(6, 0);
    assert_int_equal(executed(), 7);
    CODE(0x0f, 0x0b);
    raise(6, 0);
    assert_handler(6);
    assert_true(pushed(2) == (uint64_t)code);
}

static void the_fpu_trap_is_taken_once(void **state)
{
    set_gate(7, 0, false);
    v->mode |= MODE_FPU_TRAP;
    host_processor.fpu_trap = true;
    raise(7, 0);
    assert_handler(7);
    assert_false(host_processor.fpu_trap);
    assert_int_equal(v->mode & MODE_FPU_TRAP, 0);
}

static void a_debug_trap_leaves_its_status(void **state)
{
    set_gate(1, 0, false);
    host_processor.debug_status = 1UL << 14 | 1;
    raise(1, 0);
    assert_handler(1);
    assert_int_equal(v->debug_registers[6] & 0x4001, 0x4001);
    assert_int_equal(host_processor.debug_status, 0);
}

static void other_vectors_go_to_their_gates(void **state)
{
    static const unsigned int plain[] = {0, 5, 16, 19};
    static const unsigned int with_code[] = {10, 11, 12, 17};

    for (unsigned int i = 0; i < ARRAY_SIZE(plain); i++) {
        set_gate(plain[i], 0, false);
        raise(plain[i], 0);
        assert_handler(plain[i]);
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(with_code); i++) {
        set_gate(with_code[i], 0, false);
        raise(with_code[i], 0x48);
        assert_handler(with_code[i]);
        assert_int_equal(pushed(2), 0x48);
    }
}

static unsigned int hardware_events;

static void count(struct vcpu *of)
{
    hardware_events += of == v;
}

static void the_machines_own_events_are_not_the_guests(void **state)
{
    raise(2, 0);
    raise(18, 0);
    hardware_nmi = hardware_machine_check = count;
    raise(2, 0);
    raise(18, 0);
    hardware_nmi = hardware_machine_check = NULL;
    assert_int_equal(hardware_events, 2);
    assert_not_bounced();
}

/* ---- shown ------------------------------------------------------------------------------------
 */

static char shown[8192];

static const char *what_is_logged(void)
{
    uint64_t from = 0;

    memset(shown, 0, sizeof(shown));
    (void)log_read(&from, shown, sizeof(shown) - 1);
    return shown;
}

static void a_crash_shows_registers_code_and_stack(void **state)
{
    pv_show_init();
    log_clear();
    CODE(0x0f, 0x0b);
    v->regs.rax = 0xfeedface;
    memset(stack_end, 0x5a, 32);
    raise(6, 0);
    domain_show_state = NULL;
    assert_true(crashed());
    assert_non_null(strstr(what_is_logged(), "00000000feedface"));
    assert_non_null(strstr(shown, "code: 0f 0b cc"));
    assert_non_null(strstr(shown, "5a5a5a5a5a5a5a5a"));
}

static void what_cannot_be_read_is_said_to_be(void **state)
{
    log_clear();
    v->regs.rip = v->regs.rsp = 0x40;
    pv_show_vcpu(v);
    assert_non_null(strstr(what_is_logged(), "code: can't be read"));
    assert_non_null(strstr(shown, "stack 0000000000000040: can't be read"));
}

static void a_vcpu_that_does_not_run_here_shows_its_registers_only(void **state)
{
    log_clear();
    pv_show_vcpu(guest_domain->vcpus[1]);
    assert_non_null(strstr(what_is_logged(), "d7v1 in kernel mode"));
    assert_null(strstr(shown, "code:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_fault_is_the_guests),
        TEST(a_write_to_what_is_no_table_is_the_guests),
        TEST(a_write_by_user_mode_is_the_kernels_to_hear_of),
        TEST(a_supervisors_access_elsewhere_is_the_guests),
        TEST(reserved_bits_in_its_tables_end_the_domain),
        TEST(a_supervisors_access_is_a_far_return_in_a_wrong_processor),
        TEST(a_missing_page_of_the_ldt_is_shown),
        TEST(a_page_of_the_ldt_that_is_no_good_is_a_page_fault_of_its_own_address),
        TEST(a_return_may_need_a_page_of_the_ldt),
        TEST(an_interrupt_by_instruction_goes_to_its_gate_behind_it),
        TEST(the_vector_is_the_instructions_whatever_the_code_says),
        TEST(a_gate_without_the_privilege_is_a_protection_fault),
        TEST(a_protection_fault_in_the_idt_that_is_none_is_passed_on),
        TEST(int3_and_into_come_straight_in),
        TEST(a_privileged_instruction_is_carried_out),
        TEST(a_protection_fault_with_a_selector_is_the_guests),
        TEST(an_invalid_opcode_is_the_guests_unless_it_asks_for_emulation),
        TEST(the_fpu_trap_is_taken_once),
        TEST(a_debug_trap_leaves_its_status),
        TEST(other_vectors_go_to_their_gates),
        TEST(the_machines_own_events_are_not_the_guests),
        TEST(a_crash_shows_registers_code_and_stack),
        TEST(what_cannot_be_read_is_said_to_be),
        TEST(a_vcpu_that_does_not_run_here_shows_its_registers_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
