// SPDX-License-Identifier: Apache-2.0
// Privileged instructions of 32-bit code: fetched by way of its segment, and no further than that
// goes; its operands by way of theirs.
#include "pv_fixture.h"

#include "mmu/ldt.h"
#include "pv/emulate.h"

/* Present, of ring 3, in units of bytes; 32 bits by default. */
#define CODE32      0x0040fb0000000000UL
#define DATA32      0x0040f30000000000UL
#define SELECTOR(i) ((i)*8U | 3)
#define BASE(b)     (((b)&0xffffffUL) << 16 | ((b) >> 24 & 0xff) << 56)
#define LIMIT(l)    (((l)&0xffffUL) | ((l) >> 16 & 0xf) << 48)

enum { CODE_INDEX = 1, DATA_INDEX, NO_CODE_INDEX, ENTRIES };

/* A segment over the page `code`, as long as `last` says, and one over the page `data`. */
static void segments(uint64_t last)
{
    const uint64_t frame = new_frame().n, at = (uint64_t)code, data_at = (uint64_t)data;
    uint64_t *table = entries(mfn(frame));

    table[CODE_INDEX] = CODE32 | BASE(at) | LIMIT(last);
    table[DATA_INDEX] = DATA32 | BASE(data_at) | LIMIT(PAGE_SIZE - 1UL);
    table[NO_CODE_INDEX] = table[DATA_INDEX];
    assert_int_equal(gdt_set(v, &frame, ENTRIES), 0);
    v->regs.cs = SELECTOR(CODE_INDEX);
    host_processor.selector[SELECTOR_DS] = SELECTOR(DATA_INDEX);
}

/* At the page's start. */
#define CODE_HERE(...)     \
    do {                   \
        CODE(__VA_ARGS__); \
        v->regs.rip = 0;   \
    } while (0)

static int compat_teardown(void **state)
{
    gdt_drop(v);
    return fixture_teardown(state);
}
#define COMPAT_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, compat_teardown)

static void an_instruction_is_fetched_from_its_segment(void **state)
{
    segments(PAGE_SIZE - 1);
    v->mode |= MODE_FPU_TRAP;
    CODE_HERE(0x0f, 0x06); /* clts */
    assert_true(pv_emulate_privileged(v));
    assert_int_equal(v->regs.rip, 2);
    assert_int_equal(v->mode & MODE_FPU_TRAP, 0);
}

static void an_instruction_ends_with_its_segment(void **state)
{
    for (uint64_t last = 0; last < 3; last++) {
        segments(last);
        CODE_HERE(0x0f, 0x06);
        assert_int_equal(pv_emulate_privileged(v), last >= 1);
    }
    segments(1);
    CODE_HERE(0x0f, 0x06);
    v->regs.rip = 2;
    assert_false(pv_emulate_privileged(v));
    assert_int_equal(v->regs.rip, 2);
}

static void what_is_no_code_is_not_fetched(void **state)
{
    segments(PAGE_SIZE - 1);
    CODE_HERE(0x0f, 0x06);
    v->regs.cs = SELECTOR(NO_CODE_INDEX);
    assert_false(pv_emulate_privileged(v));
    v->regs.cs = SELECTOR(ENTRIES);
    assert_false(pv_emulate_privileged(v));
}

/* Without UMIP, user mode stores tables' places: a limit, and a base of 32 bits here. */
static void a_store_goes_by_its_own_segment(void **state)
{
    segments(PAGE_SIZE - 1);
    enter_user_mode();
    memset(data, 0x5a, 16);
    CODE_HERE(0x0f, 0x01, 0x05, 0x04, 0, 0, 0); /* sgdt 4 */
    assert_true(pv_emulate_privileged(v));
    assert_int_equal(v->regs.rip, 7);
    assert_int_equal(data[3], 0x5a);
    assert_int_equal(data[4] | data[5], 0);
    assert_int_equal(data[9], 0xff);
    assert_int_equal(data[10], 0x5a);
    /* Beyond the segment's end, and by a selector of nothing. */
    CODE_HERE(0x0f, 0x01, 0x05, 0xfc, 0x0f, 0, 0);
    assert_false(pv_emulate_privileged(v));
    host_processor.selector[SELECTOR_DS] = 0;
    CODE_HERE(0x0f, 0x01, 0x05, 0x04, 0, 0, 0);
    assert_false(pv_emulate_privileged(v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMPAT_TEST(an_instruction_is_fetched_from_its_segment),
        COMPAT_TEST(an_instruction_ends_with_its_segment),
        COMPAT_TEST(what_is_no_code_is_not_fetched),
        COMPAT_TEST(a_store_goes_by_its_own_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
