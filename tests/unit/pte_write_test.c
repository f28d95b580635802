// SPDX-License-Identifier: Apache-2.0
// Writes to page tables that the guest maps read-only: carried out by hand, entry by entry.
#include "pv_fixture.h"

#include "mmu/base.h"
#include "pv/operand.h"
#include "pv/pte_quick.h"
#include "pv/pte_write.h"

/* ---- scenery: an L1 table that maps itself, read-only, and a page -------------------------------
 */

#define TABLE_VA   0x0000123456600000UL /* slots 0x24, 0xd1, 0xb3, 0 */
#define TABLE_SLOT 0                    /* of the L1: where it maps itself */
#define KERNEL     (PTE_P | PTE_US | PTE_A | PTE_D | PTE_GUEST_KERNEL)

static mfn_t table, page;

static void build_tables(void)
{
    mfn_t l4 = new_frame(), l3 = new_frame(), l2 = new_frame();
    const uint64_t upper = PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D;

    table = new_frame();
    page = new_frame();
    entries(l4)[table_index(TABLE_VA, 4)] = entry_to(l3, upper);
    entries(l3)[table_index(TABLE_VA, 3)] = entry_to(l2, upper);
    entries(l2)[table_index(TABLE_VA, 2)] = entry_to(table, upper);
    entries(table)[TABLE_SLOT] = entry_to(table, KERNEL);
    assert_int_equal(base_take(v, l4, mfn(0)), 0);
}

static uint64_t slot_va(unsigned int slot)
{
    return TABLE_VA + slot * 8;
}

/* The instruction in `code` writes to the entry of `slot`, whose address is in RBX. */
static bool write_slot(unsigned int slot)
{
    v->regs.rbx = slot_va(slot);
    return pv_write_page_table(v, slot_va(slot));
}

static uint64_t of_page(void)
{
    return entry_to(page, KERNEL | PTE_RW);
}

/* ---- what is done
 * -------------------------------------------------------------------------------- */

static void a_move_stores_what_is_allowed(void **state)
{
    build_tables();
    v->regs.rax = of_page();
    CODE(0x48, 0x89, 0x03); /* mov %rax, (%rbx) */
    assert_true(write_slot(9));
    assert_int_equal(executed(), 3);
    assert_true(entries(table)[9] == of_page());
}

static void an_exchange_returns_the_old_entry(void **state)
{
    build_tables();
    v->regs.rax = of_page();
    CODE(0x48, 0x89, 0x03);
    assert_true(write_slot(9));
    v->regs.rax = 0;
    CODE(0x48, 0x87, 0x03); /* xchg %rax, (%rbx) */
    assert_true(write_slot(9));
    assert_true(v->regs.rax == of_page());
    assert_int_equal(entries(table)[9], 0);
}

static void a_compare_and_exchange_sets_the_flags(void **state)
{
    build_tables();
    v->regs.rax = 1; /* not what is there */
    v->regs.rcx = of_page();
    CODE(0xf0, 0x48, 0x0f, 0xb1, 0x0b); /* lock cmpxchg %rcx, (%rbx) */
    assert_true(write_slot(9));
    assert_int_equal(v->regs.rflags & 0x40, 0);
    assert_int_equal(v->regs.rax, 0);
    assert_int_equal(entries(table)[9], 0);
    v->regs.rip = (uint64_t)code;
    assert_true(write_slot(9));
    assert_int_equal(v->regs.rflags & 0x40, 0x40);
    assert_true(entries(table)[9] == of_page());
}

static void a_narrow_write_leaves_the_rest_of_the_entry(void **state)
{
    build_tables();
    v->regs.rax = of_page();
    CODE(0x48, 0x89, 0x03);
    assert_true(write_slot(9));
    CODE(0x80, 0x23, 0xbf); /* andb $~PTE_D, (%rbx) */
    assert_true(write_slot(9));
    assert_true(entries(table)[9] == (of_page() & ~PTE_D));
    CODE(0xc7, 0x43, 0x04, 0, 0, 0, 0); /* movl $0, 4(%rbx) */
    v->regs.rbx = slot_va(9);
    assert_true(pv_write_page_table(v, slot_va(9) + 4));
    assert_true(entries(table)[9] == ((uint32_t)(of_page() & ~PTE_D) | PTE_G)); /* user's now */
}

static void a_string_store_does_a_turn_for_each_fault(void **state)
{
    build_tables();
    v->regs.rax = of_page();
    v->regs.rcx = 2;
    v->regs.rdi = slot_va(9);
    CODE(0xf3, 0x48, 0xab); /* rep stosq */
    assert_true(pv_write_page_table(v, slot_va(9)));
    assert_int_equal(executed(), 0);
    assert_int_equal(v->regs.rcx, 1);
    assert_true(v->regs.rdi == slot_va(10));
    assert_true(pv_write_page_table(v, slot_va(10)));
    assert_int_equal(executed(), 3);
    assert_int_equal(v->regs.rcx, 0);
    assert_true(entries(table)[9] == of_page() && entries(table)[10] == of_page());
}

static void a_string_move_reads_its_source(void **state)
{
    build_tables();
    *(uint64_t *)data = of_page();
    v->regs.rsi = (uint64_t)data;
    v->regs.rdi = slot_va(9);
    CODE(0x48, 0xa5); /* movsq */
    assert_true(pv_write_page_table(v, slot_va(9)));
    assert_int_equal(executed(), 2);
    assert_true(entries(table)[9] == of_page());
    assert_true(v->regs.rsi == (uint64_t)data + 8 && v->regs.rdi == slot_va(10));
}

static void a_write_that_changes_nothing_is_done(void **state)
{
    build_tables();
    v->regs.rax = 0;
    CODE(0x48, 0x09, 0x03); /* or %rax, (%rbx) */
    assert_true(write_slot(9));
    assert_int_equal(executed(), 3);
}

static void a_single_step_comes_after_the_write(void **state)
{
    build_tables();
    set_gate(1, 0, false);
    v->regs.rflags |= RFLAGS_TF;
    v->regs.rax = 0;
    CODE(0x48, 0x89, 0x03);
    assert_true(write_slot(9));
    assert_handler(1);
    assert_true(pushed(2) == (uint64_t)code + 3);
}

/* ---- what is not
 * ---------------------------------------------------------------------------------- */

static void refuse(bool done)
{
    assert_false(done);
    assert_int_equal(executed(), 0);
    assert_int_equal(entries(table)[9], 0);
}

static void an_entry_that_is_not_allowed_is_the_guests_fault(void **state)
{
    build_tables();
    v->regs.rax = entry_to(mfn(0), KERNEL | PTE_RW);
    CODE(0x48, 0x89, 0x03);
    refuse(write_slot(9));
    v->regs.rax = entry_to(table, KERNEL | PTE_RW);
    refuse(write_slot(9));
}

static void an_operand_elsewhere_is_not_this_fault(void **state)
{
    build_tables();
    v->regs.rax = of_page();
    CODE(0x48, 0x09, 0x03); /* or %rax, (%rbx) */
    v->regs.rbx = slot_va(10);
    refuse(pv_write_page_table(v, slot_va(9)));
    CODE(0x64, 0x48, 0x89, 0x03); /* through FS */
    refuse(write_slot(9));
    CODE(0x48, 0x89, 0xc3); /* to a register */
    refuse(write_slot(9));
}

static void a_write_across_two_entries_is_refused(void **state)
{
    build_tables();
    v->regs.rax = of_page();
    CODE(0x48, 0x89, 0x03);
    v->regs.rbx = slot_va(9) + 4;
    refuse(pv_write_page_table(v, slot_va(9) + 4));
}

static void a_pair_of_entries_is_refused(void **state)
{
    build_tables();
    CODE(0xf0, 0x48, 0x0f, 0xc7, 0x0b); /* lock cmpxchg16b (%rbx) */
    refuse(write_slot(8));
}

static void strings_that_are_not_what_faulted_are_refused(void **state)
{
    build_tables();
    v->regs.rax = of_page();
    v->regs.rdi = slot_va(9);
    v->regs.rcx = 0;
    CODE(0xf3, 0x48, 0xab);
    refuse(pv_write_page_table(v, slot_va(9)));
    v->regs.rsi = 0x40; /* not readable */
    CODE(0x48, 0xa5);
    refuse(pv_write_page_table(v, slot_va(9)));
    v->regs.rsi = NON_CANONICAL;
    refuse(pv_write_page_table(v, slot_va(9)));
    v->regs.rsi = (uint64_t)data;
    CODE(0x65, 0x48, 0xa5); /* from GS */
    refuse(pv_write_page_table(v, slot_va(9)));
}

static void what_the_decoder_does_not_know_is_refused(void **state)
{
    build_tables();
    CODE(0x0f, 0x2b, 0x03); /* movntps %xmm0, (%rbx) */
    refuse(write_slot(9));
    v->regs.rip = 0x40;
    assert_false(pv_write_page_table(v, slot_va(9)));
}

static void addresses_that_map_no_table_are_refused(void **state)
{
    build_tables();
    v->regs.rax = 0;
    CODE(0x48, 0x89, 0x03);
    v->regs.rbx = TABLE_VA + PAGE_SIZE;
    refuse(pv_write_page_table(v, TABLE_VA + PAGE_SIZE));
    v->regs.rbx = TABLE_VA << 1;
    refuse(pv_write_page_table(v, TABLE_VA << 1));
}

/* ---- the forms that are told apart without the decoder
 * --------------------------------------------
 */

static uint64_t random_word(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

/* Eight bytes that often are one of the forms. */
static uint64_t likely_code(void)
{
    static const uint64_t opcodes[] = {0x89, 0x87, 0xb10f, 0x8b, 0xc7};
    uint64_t code = random_word();
    uint64_t opcode = opcodes[code % ARRAY_SIZE(opcodes)];
    unsigned int opcode_bits = opcode > 0xff ? 16 : 8;

    code = code >> 8 << opcode_bits | opcode;
    code = code << 8 | 0x48 | (random_word() & 0xf);
    return random_word() % 4 == 0 ? code << 8 | 0xf0 : code;
}

static void the_short_way_agrees_with_the_decoder(void **state)
{
    static const enum insn_op ops[] = {[PTE_QUICK_MOV] = INSN_MOV,
                                       [PTE_QUICK_XCHG] = INSN_XCHG,
                                       [PTE_QUICK_CMPXCHG] = INSN_CMPXCHG};
    unsigned int recognised = 0;

    for (unsigned int i = 0; i < 200000; i++) {
        uint64_t code = likely_code();
        struct pte_quick quick;
        struct insn insn;

        if (!pte_quick_recognise(code, &quick)) {
            continue;
        }
        recognised++;
        assert_int_equal(insn_decode(&insn, (const uint8_t *)&code, 8, INSN_MODE_64), INSN_OK);
        assert_int_equal(insn.op, ops[quick.op]);
        assert_int_equal(insn.length, quick.length);
        assert_int_equal(insn.reg, quick.reg);
        assert_int_equal(insn.width, 8);
        assert_int_equal(insn.form, INSN_FORM_RM_REG);
        assert_true(insn.has_mem && insn.mem.segment != INSN_FS && insn.mem.segment != INSN_GS);
    }
    assert_true(recognised > 10000);
}

static void comparisons_leave_the_flags_that_the_decoder_computes(void **state)
{
    static const uint64_t values[] = {0, 1, 0x10, 0x8000000000000000, ~0UL, 0x7fffffffffffffff};

    build_tables();
    CODE(0xf0, 0x48, 0x0f, 0xb1, 0x0b);
    for (unsigned int i = 0; i < ARRAY_SIZE(values); i++) {
        uint64_t memory[2] = {entries(table)[9], 0};
        struct insn_effect effect;
        struct insn insn;

        v->regs.rip = (uint64_t)code;
        v->regs.rax = values[i];
        v->regs.rcx = 0x1000; /* not present: allowed anywhere */
        assert_int_equal(insn_decode(&insn, code, 8, INSN_MODE_64), INSN_OK);
        assert_int_equal(insn_compute(&insn, &v->regs, memory, &effect), 0);
        assert_true(write_slot(9));
        assert_int_equal(v->regs.rflags & ~RFLAGS_RF, effect.rflags & ~RFLAGS_RF);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_move_stores_what_is_allowed),
        TEST(an_exchange_returns_the_old_entry),
        TEST(a_compare_and_exchange_sets_the_flags),
        TEST(a_narrow_write_leaves_the_rest_of_the_entry),
        TEST(a_string_store_does_a_turn_for_each_fault),
        TEST(a_string_move_reads_its_source),
        TEST(a_write_that_changes_nothing_is_done),
        TEST(a_single_step_comes_after_the_write),
        TEST(an_entry_that_is_not_allowed_is_the_guests_fault),
        TEST(an_operand_elsewhere_is_not_this_fault),
        TEST(a_write_across_two_entries_is_refused),
        TEST(a_pair_of_entries_is_refused),
        TEST(strings_that_are_not_what_faulted_are_refused),
        TEST(what_the_decoder_does_not_know_is_refused),
        TEST(addresses_that_map_no_table_are_refused),
        TEST(the_short_way_agrees_with_the_decoder),
        TEST(comparisons_leave_the_flags_that_the_decoder_computes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
