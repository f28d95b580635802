// SPDX-License-Identifier: Apache-2.0
// Addresses, and the effect of data operations. That every flag is as a processor has it is the
// business of tests/fuzz/decode_run_fuzz.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "pv/operand.h"

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, DF = 1024, OF = 2048 };

static struct insn decoded(enum insn_mode mode, const char *bytes, size_t length)
{
    struct insn insn;

    assert_int_equal(insn_decode(&insn, (const uint8_t *)bytes, length, mode), INSN_OK);
    assert_int_equal(insn.length, length);
    return insn;
}

#define INSN_64(bytes) decoded(INSN_MODE_64, bytes, sizeof(bytes) - 1)
#define INSN_32(bytes) decoded(INSN_MODE_32, bytes, sizeof(bytes) - 1)
#define INSN_16(bytes) decoded(INSN_MODE_16, bytes, sizeof(bytes) - 1)

static struct insn_effect computed(const struct insn *insn, const struct cpu_user_regs *regs,
                                   uint64_t memory)
{
    const uint64_t words[2] = {memory, 0};
    struct insn_effect effect;

    assert_int_equal(insn_compute(insn, regs, words, &effect), 0);
    return effect;
}

static void registers_are_read_and_written_by_width(void **state)
{
    struct cpu_user_regs regs = {.rax = 0x8877665544332211, .r15 = 5};

    assert_int_equal(insn_read_reg(&regs, 0, 1), 0x11);
    assert_int_equal(insn_read_reg(&regs, INSN_REG_AH, 1), 0x22);
    assert_int_equal(insn_read_reg(&regs, 0, 4), 0x44332211);
    assert_int_equal(insn_read_reg(&regs, 15, 8), 5);
    insn_write_reg(&regs, INSN_REG_AH, 1, 0xaa);
    assert_int_equal(regs.rax, 0x887766554433aa11);
    insn_write_reg(&regs, 0, 2, 0xbbcc);
    assert_int_equal(regs.rax, 0x887766554433bbcc);
    insn_write_reg(&regs, 0, 4, 1);
    assert_int_equal(regs.rax, 1);
}

static void addresses_sum_up_and_wrap(void **state)
{
    struct cpu_user_regs regs = {.rbx = 0xfffffffffffffff0, .rcx = 4, .rip = 0x1000};
    struct insn insn = INSN_64("\x48\x89\x44\xcb\x10");

    assert_int_equal(insn_offset(&insn, &regs), 0x20);
    insn = INSN_64("\x67\x48\x89\x44\xcb\xf0");
    regs.rcx = 0;
    assert_int_equal(insn_offset(&insn, &regs), 0xffffffe0);
    insn = INSN_64("\x48\xc7\x05\x00\x01\x00\x00\x00\x00\x00\x00");
    assert_int_equal(insn_offset(&insn, &regs), 0x1000 + 11 + 0x100);
    insn = INSN_16("\x89\x40\x70");
    assert_int_equal(insn_offset(&insn, &regs), 0x60); /* BX + SI + 0x70, mod 64 KiB */
}

static void a_bit_in_a_register_moves_the_address(void **state)
{
    struct cpu_user_regs regs = {.rdi = 0x1000, .rax = 130};
    struct insn insn = INSN_64("\x48\x0f\xab\x07");

    assert_int_equal(insn_offset(&insn, &regs), 0x1010);
    regs.rax = (uint64_t)-1;
    assert_int_equal(insn_offset(&insn, &regs), 0xff8);
    insn = INSN_64("\x0f\xab\x07");
    regs.rax = 0xffffffff; /* -1 as 32 bits */
    assert_int_equal(insn_offset(&insn, &regs), 0xffc);
    insn = INSN_64("\x0f\xba\x2f\xff"); /* an immediate does not */
    assert_int_equal(insn_offset(&insn, &regs), 0x1000);
}

static void linear_addresses_are_canonical_in_64bit_code(void **state)
{
    const struct insn insn = INSN_64("\x48\x89\x07");
    struct insn_window segment = {.base = 0};
    uint64_t linear;

    assert_int_equal(insn_linear(&insn, 0x7ffffffffff8, 8, &segment, &linear), 0);
    assert_int_equal(linear, 0x7ffffffffff8);
    assert_int_equal(insn_linear(&insn, 0x7ffffffffff9, 8, &segment, &linear), -EFAULT);
    assert_int_equal(insn_linear(&insn, 0xffff7fffffffffff, 1, &segment, &linear), -EFAULT);
    assert_int_equal(insn_linear(&insn, 0xffff800000000000, 8, &segment, &linear), 0);
    segment.base = 0xffff888000000000;
    assert_int_equal(insn_linear(&insn, 0x10, 8, &segment, &linear), 0);
    assert_int_equal(linear, 0xffff888000000010);
}

static void limits_hold_in_32bit_code(void **state)
{
    const struct insn insn = INSN_32("\x89\x07");
    const struct insn_window segment = {.base = 0xfffff000, .first = 0x10, .last = 0x1fff};
    uint64_t linear;

    assert_int_equal(insn_linear(&insn, 0x1ffc, 4, &segment, &linear), 0);
    assert_int_equal(linear, 0xffc); /* wraps at 4 GiB */
    assert_int_equal(insn_linear(&insn, 0x1ffd, 4, &segment, &linear), -EFAULT);
    assert_int_equal(insn_linear(&insn, 0xf, 1, &segment, &linear), -EFAULT);
    assert_int_equal(insn_linear(&insn, 0xffffffff, 4, &segment, &linear), -EFAULT);
}

static void exchange_gives_the_old_value_to_the_register(void **state)
{
    const struct insn insn = INSN_64("\x48\x87\x07");
    struct cpu_user_regs regs = {.rax = 0x111, .rflags = 0x246};
    struct insn_effect effect = computed(&insn, &regs, 0x222);

    assert_true(effect.stores);
    assert_int_equal(effect.value[0], 0x111);
    assert_int_equal(regs.rax, 0x111); /* nothing before the commit */
    insn_commit(&effect, &regs);
    assert_int_equal(regs.rax, 0x222);
    assert_int_equal(regs.rflags, 0x246);
}

static void compare_exchange_stores_only_when_equal(void **state)
{
    const struct insn insn = INSN_64("\xf0\x48\x0f\xb1\x0f");
    struct cpu_user_regs regs = {.rax = 5, .rcx = 9, .rflags = 2};
    struct insn_effect effect = computed(&insn, &regs, 5);

    assert_true(effect.stores);
    assert_int_equal(effect.value[0], 9);
    assert_int_equal(effect.rflags, 2 | ZF | PF);
    effect = computed(&insn, &regs, 6);
    assert_false(effect.stores);
    insn_commit(&effect, &regs);
    assert_int_equal(regs.rax, 6);
    assert_int_equal(regs.rflags & (ZF | CF), CF);
}

static void compare_exchange_of_a_pair_uses_four_registers(void **state)
{
    struct insn insn = INSN_64("\xf0\x48\x0f\xc7\x0f");
    struct cpu_user_regs regs = {.rax = 1, .rdx = 2, .rbx = 3, .rcx = 4};
    const uint64_t same[2] = {1, 2}, other[2] = {1, 7};
    struct insn_effect effect;

    assert_int_equal(insn_compute(&insn, &regs, same, &effect), 0);
    assert_true(effect.stores);
    assert_int_equal(effect.value[0], 3);
    assert_int_equal(effect.value[1], 4);
    assert_int_equal(effect.rflags, ZF);
    assert_int_equal(insn_compute(&insn, &regs, other, &effect), 0);
    assert_false(effect.stores);
    insn_commit(&effect, &regs);
    assert_int_equal(regs.rdx, 7);

    insn = INSN_32("\x0f\xc7\x0f");
    regs = (struct cpu_user_regs){.rax = 1, .rdx = 2, .rbx = 3, .rcx = 4};
    effect = computed(&insn, &regs, 0x200000001);
    assert_int_equal(effect.value[0], 0x400000003);
    assert_true(effect.stores);
}

static void arithmetic_is_as_wide_as_the_operand(void **state)
{
    const struct insn add = INSN_64("\x66\x01\x07"), dec = INSN_64("\xfe\x0f");
    struct cpu_user_regs regs = {.rax = 0x18000, .rflags = 2};
    struct insn_effect effect = computed(&add, &regs, 0xffff8000);

    assert_int_equal(effect.value[0], 0);
    assert_int_equal(effect.rflags, 2 | CF | ZF | OF | PF);
    regs.rflags = 2 | CF;
    effect = computed(&dec, &regs, 0x100);
    assert_int_equal(effect.value[0], 0xff);
    assert_int_equal(effect.rflags, 2 | CF | AF | SF | PF); /* CF stays */
}

static void bit_operations_tell_the_old_bit(void **state)
{
    const struct insn btr = INSN_64("\x48\x0f\xba\x37\x41"), bts = INSN_64("\x48\x0f\xba\x2f\x06");
    struct cpu_user_regs regs = {.rflags = 2 | ZF};
    struct insn_effect effect = computed(&btr, &regs, 0x67);

    assert_int_equal(effect.value[0], 0x65); /* bit 0x41 of 64 is bit 1 */
    assert_int_equal(effect.rflags, 2 | ZF | CF);
    effect = computed(&bts, &regs, 0x25);
    assert_int_equal(effect.value[0], 0x65);
    assert_int_equal(effect.rflags, 2 | ZF);
}

static void a_load_changes_only_its_register(void **state)
{
    const struct insn insn = INSN_64("\x8b\x07");
    struct cpu_user_regs regs = {.rax = UINT64_MAX};
    const struct insn_effect effect = computed(&insn, &regs, 0xaabbccdd11223344);

    assert_false(effect.stores);
    insn_commit(&effect, &regs);
    assert_int_equal(regs.rax, 0x11223344);
}

static void string_operations_step_by_width_and_direction(void **state)
{
    const struct insn insn = INSN_64("\xf3\x48\xa5");
    struct cpu_user_regs regs = {.rsi = 0x1000, .rdi = 0x2000, .rcx = 5, .rflags = DF};
    const struct insn_effect effect = computed(&insn, &regs, 0x77);

    assert_int_equal(effect.value[0], 0x77);
    assert_int_equal(insn_string_turns(&insn, &regs), 5);
    insn_string_step(&insn, &regs, 2);
    assert_int_equal(regs.rsi, 0xff0);
    assert_int_equal(regs.rdi, 0x1ff0);
    assert_int_equal(regs.rcx, 3);
}

static void string_operations_wrap_at_their_address_width(void **state)
{
    const struct insn insn = INSN_16("\xf3\x6c"); /* rep insb */
    struct cpu_user_regs regs = {.rdi = 0x5ffff, .rcx = 0x70001};

    assert_int_equal(insn_string_turns(&insn, &regs), 1);
    insn_string_step(&insn, &regs, 1);
    assert_int_equal(regs.rdi, 0x50000);
    assert_int_equal(regs.rcx, 0x70000);
}

static void system_operations_are_not_computed(void **state)
{
    const struct insn insn = INSN_64("\x0f\x22\xc0");
    const uint64_t memory[2] = {0};
    const struct cpu_user_regs regs = {0};
    struct insn_effect effect;

    assert_int_equal(insn_compute(&insn, &regs, memory, &effect), -EOPNOTSUPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_are_read_and_written_by_width),
        cmocka_unit_test(addresses_sum_up_and_wrap),
        cmocka_unit_test(a_bit_in_a_register_moves_the_address),
        cmocka_unit_test(linear_addresses_are_canonical_in_64bit_code),
        cmocka_unit_test(limits_hold_in_32bit_code),
        cmocka_unit_test(exchange_gives_the_old_value_to_the_register),
        cmocka_unit_test(compare_exchange_stores_only_when_equal),
        cmocka_unit_test(compare_exchange_of_a_pair_uses_four_registers),
        cmocka_unit_test(arithmetic_is_as_wide_as_the_operand),
        cmocka_unit_test(bit_operations_tell_the_old_bit),
        cmocka_unit_test(a_load_changes_only_its_register),
        cmocka_unit_test(string_operations_step_by_width_and_direction),
        cmocka_unit_test(string_operations_wrap_at_their_address_width),
        cmocka_unit_test(system_operations_are_not_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
