// SPDX-License-Identifier: Apache-2.0
// What the decoder promises, one promise a test. Agreement with another decoder over all encodings
// is the business of tests/fuzz/decode_fuzz.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "pv/decode.h"

#define DECODE(insn, mode, ...) \
    insn_decode(insn, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), mode)
#define DECODE_64(insn, ...) DECODE(insn, INSN_MODE_64, __VA_ARGS__)
#define DECODE_32(insn, ...) DECODE(insn, INSN_MODE_32, __VA_ARGS__)
#define DECODE_16(insn, ...) DECODE(insn, INSN_MODE_16, __VA_ARGS__)

static void assert_memory(const struct insn *insn, unsigned segment, unsigned base, unsigned index,
                          unsigned shift, int64_t disp)
{
    assert_true(insn->has_mem);
    assert_int_equal(insn->mem.segment, segment);
    assert_int_equal(insn->mem.base, base);
    assert_int_equal(insn->mem.index, index);
    assert_int_equal(insn->mem.shift, shift);
    assert_int_equal(insn->mem.disp, disp);
}

static void page_table_writes_of_kernels_are_decoded(void **state)
{
    struct insn insn;

    /* mov %rsi,(%rdi) */
    assert_int_equal(DECODE_64(&insn, 0x48, 0x89, 0x37), INSN_OK);
    assert_int_equal(insn.op, INSN_MOV);
    assert_int_equal(insn.form, INSN_FORM_RM_REG);
    assert_int_equal(insn.length, 3);
    assert_int_equal(insn.width, 8);
    assert_int_equal(insn.reg, 6);
    assert_memory(&insn, INSN_DS, 7, INSN_NO_REG, 0, 0);
    /* xchg %rax,0x10(%rbx,%rcx,8) */
    assert_int_equal(DECODE_64(&insn, 0x48, 0x87, 0x44, 0xcb, 0x10), INSN_OK);
    assert_int_equal(insn.op, INSN_XCHG);
    assert_memory(&insn, INSN_DS, 3, 1, 3, 0x10);
    /* lock cmpxchg %r9,(%r12) */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x4d, 0x0f, 0xb1, 0x0c, 0x24), INSN_OK);
    assert_int_equal(insn.op, INSN_CMPXCHG);
    assert_int_equal(insn.reg, 9);
    assert_true(insn.lock);
    assert_memory(&insn, INSN_DS, 12, INSN_NO_REG, 0, 0);
    /* lock andb $0xfd,(%rax) */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x80, 0x20, 0xfd), INSN_OK);
    assert_int_equal(insn.op, INSN_AND);
    assert_int_equal(insn.width, 1);
    assert_int_equal(insn.imm, -3);
    /* lock btrq $1,(%rdx) */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x48, 0x0f, 0xba, 0x32, 0x01), INSN_OK);
    assert_int_equal(insn.op, INSN_BTR);
    assert_int_equal(insn.imm, 1);
    /* lock cmpxchg8b (%esi), in 32-bit code */
    assert_int_equal(DECODE_32(&insn, 0xf0, 0x0f, 0xc7, 0x0e), INSN_OK);
    assert_int_equal(insn.op, INSN_CMPXCHG_PAIR);
    assert_int_equal(insn.width, 8);
    /* lock cmpxchg16b (%rsi) */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x48, 0x0f, 0xc7, 0x0e), INSN_OK);
    assert_int_equal(insn.width, 16);
    /* movq $0,0(%rip) */
    assert_int_equal(DECODE_64(&insn, 0x48, 0xc7, 0x05, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f),
                     INSN_OK);
    assert_true(insn.mem.rip_relative);
    assert_memory(&insn, INSN_DS, INSN_NO_REG, INSN_NO_REG, 0, 1);
    assert_int_equal(insn.imm, 0x7fffffff);
    /* movabs %rax,0x8877665544332211 */
    assert_int_equal(DECODE_64(&insn, 0x48, 0xa3, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88),
                     INSN_OK);
    assert_int_equal(insn.form, INSN_FORM_RM_ACC);
    assert_int_equal((uint64_t)insn.mem.disp, 0x8877665544332211);
}

static void privileged_instructions_are_decoded(void **state)
{
    static const struct {
        uint8_t bytes[5], length, op;
    } list[] = {
        {{0x0f, 0x06}, 2, INSN_CLTS},
        {{0x0f, 0x01, 0x10}, 3, INSN_LGDT},
        {{0x0f, 0x01, 0x18}, 3, INSN_LIDT},
        {{0x0f, 0x01, 0x38}, 3, INSN_INVLPG},
        {{0x0f, 0x01, 0xe0}, 3, INSN_SMSW},
        {{0x0f, 0x01, 0xf0}, 3, INSN_LMSW},
        {{0x0f, 0x01, 0xd0}, 3, INSN_XGETBV},
        {{0x0f, 0x01, 0xd1}, 3, INSN_XSETBV},
        {{0x0f, 0x01, 0xf8}, 3, INSN_SWAPGS},
        {{0x0f, 0x01, 0xf9}, 3, INSN_RDTSCP},
        {{0x0f, 0x00, 0xd0}, 3, INSN_LLDT},
        {{0x0f, 0x00, 0xd8}, 3, INSN_LTR},
        {{0x66, 0x0f, 0x38, 0x82, 0x00}, 5, INSN_INVPCID},
        {{0x0f, 0x08}, 2, INSN_INVD},
        {{0x0f, 0x09}, 2, INSN_WBINVD},
        {{0x0f, 0x30}, 2, INSN_WRMSR},
        {{0x0f, 0x32}, 2, INSN_RDMSR},
        {{0x0f, 0x31}, 2, INSN_RDTSC},
        {{0x0f, 0x33}, 2, INSN_RDPMC},
        {{0x0f, 0xa2}, 2, INSN_CPUID},
        {{0xf3, 0x0f, 0xae, 0xd8}, 4, INSN_WRITE_GSBASE},
        {{0xf3, 0x48, 0x0f, 0xae, 0xc0}, 5, INSN_READ_FSBASE},
        {{0xf4}, 1, INSN_HLT},
        {{0xfa}, 1, INSN_CLI},
        {{0xfb}, 1, INSN_STI},
        {{0xcf}, 1, INSN_IRET},
        {{0x0f, 0x07}, 2, INSN_SYSRET},
        {{0xcc}, 1, INSN_INT3},
        {{0xcd, 0x80}, 2, INSN_INT},
        {{0xf1}, 1, INSN_INT1},
        {{0xee}, 1, INSN_OUT},
        {{0xf3, 0x6d}, 2, INSN_INS},
        {{0x8e, 0xd8}, 2, INSN_WRITE_SREG},
    };

    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        struct insn insn;
        assert_int_equal(insn_decode(&insn, list[i].bytes, sizeof(list[i].bytes), INSN_MODE_64),
                         INSN_OK);
        assert_int_equal(insn.op, list[i].op);
        assert_int_equal(insn.length, list[i].length);
    }
}

static void control_and_debug_registers_are_named(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0x0f, 0x22, 0xe7), INSN_OK); /* mov %rdi,%cr4 */
    assert_int_equal(insn.op, INSN_WRITE_CR);
    assert_int_equal(insn.reg, 4);
    assert_int_equal(insn.rm, 7);
    assert_int_equal(insn.width, 8);
    assert_int_equal(DECODE_64(&insn, 0x45, 0x0f, 0x20, 0xc1), INSN_OK); /* mov %cr8,%r9 */
    assert_int_equal(insn.op, INSN_READ_CR);
    assert_int_equal(insn.reg, 8);
    assert_int_equal(insn.rm, 9);
    assert_int_equal(DECODE_32(&insn, 0x0f, 0x23, 0xf8), INSN_OK); /* mov %eax,%db7 */
    assert_int_equal(insn.op, INSN_WRITE_DR);
    assert_int_equal(insn.reg, 7);
    assert_int_equal(insn.width, 4);
    assert_int_equal(DECODE_64(&insn, 0x0f, 0x20, 0x40), INSN_OK); /* mod counts as 3 */
    assert_false(insn.has_mem);
    assert_int_equal(insn.length, 3);
}

static void registers_that_do_not_exist_are_invalid(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0x0f, 0x20, 0xc8), INSN_INVALID);       /* CR1 */
    assert_int_equal(DECODE_64(&insn, 0x0f, 0x22, 0xe8), INSN_INVALID);       /* CR5 */
    assert_int_equal(DECODE_64(&insn, 0x44, 0x0f, 0x21, 0xc0), INSN_INVALID); /* DR8 */
    assert_int_equal(DECODE_64(&insn, 0x8e, 0xc8), INSN_INVALID); /* CS as destination */
    assert_int_equal(DECODE_64(&insn, 0x8e, 0xf0), INSN_INVALID);
    assert_int_equal(DECODE_64(&insn, 0x8c, 0xf8), INSN_INVALID);
}

static void lock_is_valid_only_with_a_memory_destination_of_some(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0xf0, 0x01, 0x00), INSN_OK);
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x01, 0xc0), INSN_INVALID); /* register destination */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x03, 0x00), INSN_INVALID); /* memory source */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x89, 0x00), INSN_INVALID); /* mov */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x0f, 0xa3, 0x00), INSN_INVALID); /* bt */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0x0f, 0xab, 0x00), INSN_OK);      /* bts */
    assert_int_equal(DECODE_64(&insn, 0xf0, 0xf4), INSN_INVALID);
}

static void forms_that_are_undefined_are_invalid(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0x48, 0x0f, 0xc7, 0xc8), INSN_INVALID); /* cmpxchg16b reg */
    assert_int_equal(DECODE_64(&insn, 0x0f, 0xc3, 0xc0), INSN_INVALID);       /* movnti reg */
    assert_int_equal(DECODE_64(&insn, 0xff, 0xd8), INSN_INVALID);             /* far call reg */
    assert_int_equal(DECODE_64(&insn, 0x66, 0x0f, 0x38, 0x82, 0xc0), INSN_INVALID);
    assert_int_equal(DECODE_64(&insn, 0xea), INSN_INVALID); /* far jump, not in 64-bit code */
    assert_int_equal(DECODE_64(&insn, 0xce), INSN_INVALID);
    assert_int_equal(DECODE_64(&insn, 0x82, 0x00, 0x00), INSN_INVALID);
    assert_int_equal(DECODE_32(&insn, 0x0f, 0x01, 0xf8), INSN_INVALID); /* swapgs */
    assert_int_equal(DECODE_32(&insn, 0xf3, 0x0f, 0xae, 0xc0), INSN_INVALID);
}

static void other_instructions_are_unknown(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0xc3), INSN_UNKNOWN);                   /* ret */
    assert_int_equal(DECODE_64(&insn, 0x0f, 0x0b), INSN_UNKNOWN);             /* ud2 */
    assert_int_equal(DECODE_64(&insn, 0x0f, 0xae, 0xc0), INSN_UNKNOWN);       /* fxsave reg */
    assert_int_equal(DECODE_64(&insn, 0x0f, 0x38, 0x82, 0x00), INSN_UNKNOWN); /* no 66 */
    assert_int_equal(DECODE_64(&insn, 0x66, 0x0f, 0xc3, 0x00), INSN_UNKNOWN); /* 66 movnti */
    assert_int_equal(DECODE_64(&insn, 0xc5, 0xf8, 0x77), INSN_UNKNOWN);       /* vzeroupper */
    assert_int_equal(DECODE_64(&insn, 0xc6, 0xf8, 0x00), INSN_UNKNOWN);       /* xabort */
    assert_int_equal(DECODE_64(&insn, 0x0f, 0x01, 0xc1), INSN_UNKNOWN);       /* vmcall */
}

static void a_cut_instruction_asks_for_more(void **state)
{
    static const uint8_t bytes[] = {0x66, 0x41, 0xc7, 0x84, 0x24, 1, 2, 3, 4, 5, 6};
    struct insn insn;

    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(insn_decode(&insn, bytes, i, INSN_MODE_64), INSN_TRUNCATED);
    }
    assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_MODE_64), INSN_OK);
    assert_int_equal(insn.width, 2);
    assert_int_equal(insn.imm, 0x605);
}

static void fifteen_bytes_are_the_limit(void **state)
{
    uint8_t bytes[20];
    struct insn insn;

    memset(bytes, 0x66, sizeof(bytes));
    bytes[14] = 0xf4;
    assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_MODE_64), INSN_OK);
    assert_int_equal(insn.length, 15);
    bytes[14] = 0xcd; /* its vector would be byte 16 */
    assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_MODE_64), INSN_TOO_LONG);
    assert_int_equal(insn_decode(&insn, bytes, 15, INSN_MODE_64), INSN_TOO_LONG);
    bytes[14] = 0x66;
    assert_int_equal(insn_decode(&insn, bytes, sizeof(bytes), INSN_MODE_64), INSN_TOO_LONG);
    assert_int_equal(insn_decode(&insn, bytes, 14, INSN_MODE_64), INSN_TRUNCATED);
}

static void rex_counts_only_right_before_the_opcode(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0x48, 0x66, 0x89, 0x00), INSN_OK);
    assert_int_equal(insn.width, 2);
    assert_int_equal(DECODE_64(&insn, 0x66, 0x48, 0x89, 0x00), INSN_OK);
    assert_int_equal(insn.width, 8);
    assert_int_equal(DECODE_32(&insn, 0x48, 0x89, 0x00), INSN_UNKNOWN); /* dec %eax, not ours */
}

static void byte_registers_depend_on_rex(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0x88, 0x20), INSN_OK); /* mov %ah,(%rax) */
    assert_int_equal(insn.reg, INSN_REG_AH);
    assert_int_equal(DECODE_64(&insn, 0x40, 0x88, 0x20), INSN_OK); /* mov %spl,(%rax) */
    assert_int_equal(insn.reg, 4);
    assert_int_equal(DECODE_64(&insn, 0x88, 0xfb), INSN_OK); /* mov %bh,%bl */
    assert_int_equal(insn.reg, INSN_REG_AH + 3);
    assert_int_equal(insn.rm, 3);
}

static void only_fs_and_gs_override_in_64bit_code(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0x64, 0x89, 0x00), INSN_OK);
    assert_int_equal(insn.mem.segment, INSN_FS);
    assert_int_equal(DECODE_64(&insn, 0x64, 0x3e, 0x89, 0x00), INSN_OK);
    assert_int_equal(insn.mem.segment, INSN_FS);
    assert_int_equal(DECODE_64(&insn, 0x2e, 0x89, 0x00), INSN_OK);
    assert_int_equal(insn.mem.segment, INSN_DS);
    assert_int_equal(DECODE_64(&insn, 0x89, 0x45, 0x00), INSN_OK); /* on rBP */
    assert_int_equal(insn.mem.segment, INSN_SS);
    assert_int_equal(DECODE_32(&insn, 0x2e, 0x89, 0x45, 0x00), INSN_OK);
    assert_int_equal(insn.mem.segment, INSN_CS);
    assert_int_equal(DECODE_32(&insn, 0x26, 0x36, 0x89, 0x00), INSN_OK);
    assert_int_equal(insn.mem.segment, INSN_SS);
}

static void sixteen_bit_addresses_are_decoded(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_16(&insn, 0x89, 0x42, 0xfe), INSN_OK); /* mov %ax,-2(%bp,%si) */
    assert_int_equal(insn.width, 2);
    assert_int_equal(insn.offset_width, 2);
    assert_memory(&insn, INSN_SS, 5, 6, 0, -2);
    assert_int_equal(DECODE_16(&insn, 0x89, 0x06, 0x34, 0x12), INSN_OK);
    assert_memory(&insn, INSN_DS, INSN_NO_REG, INSN_NO_REG, 0, 0x1234);
    assert_int_equal(DECODE_32(&insn, 0x67, 0x89, 0x87, 0x34, 0x12), INSN_OK);
    assert_int_equal(insn.width, 4);
    assert_memory(&insn, INSN_DS, 3, INSN_NO_REG, 0, 0x1234);
    assert_int_equal(DECODE_16(&insn, 0x67, 0x66, 0x89, 0x04, 0x24), INSN_OK);
    assert_int_equal(insn.width, 4);
    assert_memory(&insn, INSN_SS, 4, INSN_NO_REG, 0, 0);
}

static void far_pointers_have_offset_and_selector(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_32(&insn, 0xea, 0x78, 0x56, 0x34, 0x92, 0x61, 0xe0), INSN_OK);
    assert_int_equal(insn.op, INSN_JMP_FAR);
    assert_int_equal(insn.form, INSN_FORM_FAR);
    assert_int_equal(insn.imm, 0x92345678);
    assert_int_equal(insn.selector, 0xe061);
    assert_int_equal(DECODE_64(&insn, 0x48, 0xff, 0x28), INSN_OK); /* rex.w ljmp *(%rax) */
    assert_int_equal(insn.op, INSN_JMP_FAR);
    assert_int_equal(insn.width, 8);
    assert_true(insn.has_mem);
}

static void string_operations_name_their_memory(void **state)
{
    struct insn insn;

    assert_int_equal(DECODE_64(&insn, 0xf3, 0x48, 0xab), INSN_OK);
    assert_int_equal(insn.op, INSN_STOS);
    assert_int_equal(insn.width, 8);
    assert_true(insn.rep);
    assert_memory(&insn, INSN_ES, 7, INSN_NO_REG, 0, 0);
    assert_int_equal(DECODE_32(&insn, 0x65, 0xa5), INSN_OK);
    assert_int_equal(insn.segment, INSN_GS); /* of the source */
    assert_memory(&insn, INSN_ES, 7, INSN_NO_REG, 0, 0);
    assert_int_equal(DECODE_64(&insn, 0x48, 0x6f), INSN_OK); /* ports are at most 4 bytes wide */
    assert_int_equal(insn.width, 4);
    assert_memory(&insn, INSN_DS, 6, INSN_NO_REG, 0, 0);
}

static void forced_emulation_needs_its_whole_prefix(void **state)
{
    static const uint8_t bytes[] = {0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2};

    assert_true(insn_is_forced_emulation(bytes, sizeof(bytes)));
    assert_true(insn_is_forced_emulation(bytes, INSN_FORCED_PREFIX_BYTES));
    assert_false(insn_is_forced_emulation(bytes, INSN_FORCED_PREFIX_BYTES - 1));
    assert_false(insn_is_forced_emulation(bytes + 1, sizeof(bytes) - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_table_writes_of_kernels_are_decoded),
        cmocka_unit_test(privileged_instructions_are_decoded),
        cmocka_unit_test(control_and_debug_registers_are_named),
        cmocka_unit_test(registers_that_do_not_exist_are_invalid),
        cmocka_unit_test(lock_is_valid_only_with_a_memory_destination_of_some),
        cmocka_unit_test(forms_that_are_undefined_are_invalid),
        cmocka_unit_test(other_instructions_are_unknown),
        cmocka_unit_test(a_cut_instruction_asks_for_more),
        cmocka_unit_test(fifteen_bytes_are_the_limit),
        cmocka_unit_test(rex_counts_only_right_before_the_opcode),
        cmocka_unit_test(byte_registers_depend_on_rex),
        cmocka_unit_test(only_fs_and_gs_override_in_64bit_code),
        cmocka_unit_test(sixteen_bit_addresses_are_decoded),
        cmocka_unit_test(far_pointers_have_offset_and_selector),
        cmocka_unit_test(string_operations_name_their_memory),
        cmocka_unit_test(forced_emulation_needs_its_whole_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
