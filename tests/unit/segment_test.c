// SPDX-License-Identifier: Apache-2.0
// Segments of instructions that are looked at: where they begin and end, and what they allow.
#include "pv_fixture.h"

#include "mmu/ldt.h"
#include "pv/segment.h"

#define PRESENT     (1UL << 47)
#define SEGMENT     (1UL << 44 | 3UL << 45)
#define TYPE(t)     ((uint64_t)(t) << 40)
#define LONG        (1UL << 53)
#define BIG         (1UL << 54)
#define PAGES       (1UL << 55)
#define BASE        (0x345678UL << 16 | 0x12UL << 56)
#define LIMIT       (0xbcdeUL | 0xaUL << 48)
#define DATA        (PRESENT | SEGMENT | TYPE(2) | BASE | LIMIT | BIG)
#define EXECUTE     (PRESENT | SEGMENT | TYPE(8) | BASE | LIMIT)
#define READABLE    TYPE(2)
#define WRITABLE    TYPE(2)
#define EXPAND_DOWN TYPE(4)

enum { INDEX = 5, IN_GDT = INDEX * 8 + 3, IN_LDT = IN_GDT + 4 };

static struct insn_window window;

/* An entry of the page that is both the GDT and the LDT; the latter's page has been used. */
static void describe(uint64_t descriptor)
{
    const uint64_t frame = new_frame().n;

    entries(mfn(frame))[INDEX] = descriptor;
    assert_int_equal(gdt_set(v, &frame, INDEX + 1), 0);
    v->ldt_frames[0] = mfn(frame);
}

static void show_ldt(bool shown)
{
    v->ldt_entries = INDEX + 1;
    v->ldt_mapped = shown;
}

static void forget_ldt(void)
{
    v->ldt_entries = v->ldt_mapped = 0;
}

static bool data_segment(uint16_t selector, enum segment_access access)
{
    host_processor.selector[SELECTOR_DS] = selector;
    return segment_data(v, INSN_MODE_32, INSN_DS, access, &window);
}

static void base_and_limit_are_the_descriptors(void **state)
{
    describe(DATA);
    assert_true(data_segment(IN_GDT, SEGMENT_WRITE));
    assert_int_equal(window.base, 0x12345678);
    assert_int_equal(window.first, 0);
    assert_int_equal(window.last, 0xabcde);
    describe(DATA | PAGES);
    assert_true(data_segment(IN_GDT, SEGMENT_WRITE));
    assert_int_equal(window.last, 0xabcdefff);
}

static void a_segment_that_grows_down_ends_at_the_top(void **state)
{
    describe(DATA | EXPAND_DOWN);
    assert_true(data_segment(IN_GDT, SEGMENT_READ));
    assert_int_equal(window.first, 0xabcdf);
    assert_int_equal(window.last, UINT32_MAX);
    describe((DATA & ~BIG & ~LIMIT) | EXPAND_DOWN | 0x1234);
    assert_true(data_segment(IN_GDT, SEGMENT_READ));
    assert_int_equal(window.first, 0x1235);
    assert_int_equal(window.last, UINT16_MAX);
    describe((DATA & ~BIG) | EXPAND_DOWN); /* begins beyond 64 KiB, and ends there */
    assert_false(data_segment(IN_GDT, SEGMENT_READ));
}

static void the_ldt_is_read_where_it_was_used(void **state)
{
    describe(DATA);
    assert_false(data_segment(IN_LDT, SEGMENT_READ));
    show_ldt(false);
    assert_false(data_segment(IN_LDT, SEGMENT_READ));
    show_ldt(true);
    assert_true(data_segment(IN_LDT, SEGMENT_READ));
    assert_int_equal(window.base, 0x12345678);
    assert_false(data_segment(IN_LDT + 8, SEGMENT_READ));
    forget_ldt();
}

static void only_what_the_type_allows(void **state)
{
    describe(DATA & ~WRITABLE);
    assert_true(data_segment(IN_GDT, SEGMENT_READ));
    assert_false(data_segment(IN_GDT, SEGMENT_WRITE));
    describe(EXECUTE);
    assert_false(data_segment(IN_GDT, SEGMENT_READ));
    describe(EXECUTE | READABLE);
    assert_true(data_segment(IN_GDT, SEGMENT_READ));
    assert_false(data_segment(IN_GDT, SEGMENT_WRITE));
}

static void what_is_not_there_is_refused(void **state)
{
    describe(DATA & ~PRESENT);
    assert_false(data_segment(IN_GDT, SEGMENT_READ));
    assert_false(data_segment(IN_GDT + 8, SEGMENT_READ));
    assert_false(data_segment(3, SEGMENT_READ));
    assert_false(data_segment(UINT16_MAX & ~4, SEGMENT_READ));
}

static void the_interfaces_own_are_flat(void **state)
{
    assert_true(data_segment(GUEST_SS, SEGMENT_WRITE));
    assert_int_equal(window.base, 0);
    assert_int_equal(window.last, UINT32_MAX);
}

static void in_64_bit_code_only_fs_and_gs_have_a_base(void **state)
{
    host_processor.base[BASE_FS] = 0x1000;
    host_processor.base[BASE_GS] = 0x2000;
    assert_true(segment_data(v, INSN_MODE_64, INSN_DS, SEGMENT_WRITE, &window));
    assert_int_equal(window.base, 0);
    assert_true(segment_data(v, INSN_MODE_64, INSN_FS, SEGMENT_WRITE, &window));
    assert_int_equal(window.base, 0x1000);
    assert_true(segment_data(v, INSN_MODE_64, INSN_GS, SEGMENT_WRITE, &window));
    assert_int_equal(window.base, 0x2000);
}

static void each_register_has_its_own(void **state)
{
    static const struct {
        enum insn_segment segment;
        enum loaded_selector selector;
    } loaded[] = {{INSN_ES, SELECTOR_ES},
                  {INSN_DS, SELECTOR_DS},
                  {INSN_FS, SELECTOR_FS},
                  {INSN_GS, SELECTOR_GS}};

    describe(DATA);
    for (unsigned int i = 0; i < ARRAY_SIZE(loaded); i++) {
        assert_false(segment_data(v, INSN_MODE_32, loaded[i].segment, SEGMENT_READ, &window));
        host_processor.selector[loaded[i].selector] = IN_GDT;
        assert_true(segment_data(v, INSN_MODE_32, loaded[i].segment, SEGMENT_READ, &window));
        assert_int_equal(window.last, 0xabcde);
    }
    v->regs.ss = IN_GDT;
    assert_true(segment_data(v, INSN_MODE_32, INSN_SS, SEGMENT_WRITE, &window));
    v->regs.cs = IN_GDT;
    assert_true(segment_data(v, INSN_MODE_32, INSN_CS, SEGMENT_READ, &window));
}

static void code_has_the_size_that_its_descriptor_says(void **state)
{
    static const struct {
        uint64_t bits;
        enum insn_mode mode;
    } sizes[] = {{0, INSN_MODE_16}, {BIG, INSN_MODE_32}, {LONG, INSN_MODE_64}};
    enum insn_mode mode;

    v->regs.cs = IN_GDT;
    for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
        describe(EXECUTE | sizes[i].bits);
        assert_true(segment_code(v, &mode, &window));
        assert_int_equal(mode, sizes[i].mode);
    }
    describe(DATA);
    assert_false(segment_code(v, &mode, &window));
    v->regs.cs = GUEST_CS32;
    assert_true(segment_code(v, &mode, &window));
    assert_int_equal(mode, INSN_MODE_32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(base_and_limit_are_the_descriptors),
        TEST(a_segment_that_grows_down_ends_at_the_top),
        TEST(the_ldt_is_read_where_it_was_used),
        TEST(only_what_the_type_allows),
        TEST(what_is_not_there_is_refused),
        TEST(the_interfaces_own_are_flat),
        TEST(in_64_bit_code_only_fs_and_gs_have_a_base),
        TEST(each_register_has_its_own),
        TEST(code_has_the_size_that_its_descriptor_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
