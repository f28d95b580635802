// SPDX-License-Identifier: Apache-2.0
// The formatter against the C library's: same text, same length, for what both know.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/format.h"

/* One line, compared with snprintf()'s in full and in each shorter buffer. */
#define SAME(...)                                                                \
    do {                                                                         \
        char ours[256], theirs[256];                                             \
        size_t length = format_text(ours, sizeof(ours), __VA_ARGS__);            \
        assert_int_equal(length, snprintf(theirs, sizeof(theirs), __VA_ARGS__)); \
        assert_string_equal(ours, theirs);                                       \
        for (size_t capacity = 1; capacity <= length; capacity++) {              \
            char *cut = malloc(capacity);                                        \
            assert_int_equal(format_text(cut, capacity, __VA_ARGS__), length);   \
            assert_int_equal(strlen(cut), capacity - 1);                         \
            assert_memory_equal(cut, theirs, capacity - 1);                      \
            free(cut);                                                           \
        }                                                                        \
    } while (0)

static void plain_text_and_percent(void **state)
{
    SAME("nothing to convert");
    SAME("100%% sure");
}

static void signed_numbers(void **state)
{
    SAME("%d %d %d %i", 0, 1, -1, 42);
    SAME("%d %d", INT32_MAX, INT32_MIN);
    SAME("%ld %lld", INT64_MAX, (long long)INT64_MIN);
    SAME("%hd %hhd", (short)-2, (signed char)-3);
    SAME("%zd %jd %td", (ssize_t)-4, (intmax_t)-5, (ptrdiff_t)-6);
}

static void unsigned_numbers(void **state)
{
    SAME("%u %x %X", 0U, 0U, 0U);
    SAME("%u %x %X", UINT32_MAX, 0xdeadbeefU, 0xdeadbeefU);
    SAME("%lu %llx %zx", UINT64_MAX, 0x123456789abcdefULL, (size_t)77);
    SAME("%hu %hhu", (unsigned short)65535, (unsigned char)255);
}

static void flags_and_widths(void **state)
{
    SAME("[%5d] [%-5d] [%05d] [%+d] [% d]", 42, 42, 42, 42, 42);
    SAME("[%5d] [%-5d] [%05d] [%+d] [% d]", -42, -42, -42, -42, -42);
    SAME("[%#x] [%#X] [%#10x] [%#010x] [%#x]", 255U, 255U, 255U, 255U, 0U);
    SAME("[%*d] [%*d] [%-*d]", 6, 1, -6, 2, 3, 4);
    SAME("[%.3d] [%8.3d] [%.0d]", 5, 5, 5);
    SAME("%016lx|%018lx", 0xffff810000200000UL, 1UL);
}

static void strings_and_characters(void **state)
{
    SAME("%s|%10s|%-10s|%.2s|%.*s", "abc", "abc", "abc", "abc", 1, "abc");
    SAME("%c%3c%-3c|", 'x', 'y', 'z');
    SAME("%s", "");
}

static void precision_bounds_what_is_read(void **state)
{
    char *unterminated = malloc(3);
    char text[8];

    memcpy(unterminated, "abc", 3);
    assert_int_equal(format_text(text, sizeof(text), "%.3s", unterminated), 3);
    assert_string_equal(text, "abc");
    free(unterminated);
}

static void pointers_have_a_prefix(void **state)
{
    char text[32];

    format_text(text, sizeof(text), "%p", (void *)0x1234);
    assert_string_equal(text, "0x1234");
    format_text(text, sizeof(text), "%p", NULL);
    assert_string_equal(text, "0x0");
}

static void null_string_is_named(void **state)
{
    const char *volatile nothing = NULL;
    char text[16];

    format_text(text, sizeof(text), "%s", nothing);
    assert_string_equal(text, "(null)");
}

/* Not through the checked prototype: the compiler would object, as it should. */
static size_t format_unchecked(char *to, size_t capacity, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_text_v(to, capacity, format, arguments);
    va_end(arguments);
    return length;
}

static void unknown_conversions_are_copied(void **state)
{
    char text[32];

    format_unchecked(text, sizeof(text), "%k %5q|");
    assert_string_equal(text, "%k %5q|");
    format_unchecked(text, sizeof(text), "end %");
    assert_string_equal(text, "end %");
    format_unchecked(text, sizeof(text), "end %08l");
    assert_string_equal(text, "end %08l");
}

static void capacity_zero_writes_nothing(void **state)
{
    assert_int_equal(format_text(NULL, 0, "%d bytes", 12), 8);
}

static void absurd_widths_are_bounded(void **state)
{
    volatile int smallest = INT32_MIN;
    char text[16];

    assert_true(format_text(text, sizeof(text), "%2000000000d", 1) <= 1001);
    assert_true(format_text(text, sizeof(text), "%*d", smallest, 1) <= 1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_and_percent),
        cmocka_unit_test(signed_numbers),
        cmocka_unit_test(unsigned_numbers),
        cmocka_unit_test(flags_and_widths),
        cmocka_unit_test(strings_and_characters),
        cmocka_unit_test(precision_bounds_what_is_read),
        cmocka_unit_test(pointers_have_a_prefix),
        cmocka_unit_test(null_string_is_named),
        cmocka_unit_test(unknown_conversions_are_copied),
        cmocka_unit_test(capacity_zero_writes_nothing),
        cmocka_unit_test(absurd_widths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
