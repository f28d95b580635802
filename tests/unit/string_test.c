// SPDX-License-Identifier: Apache-2.0
// The image's own memory and string functions against the C library's, over every small size,
// alignment and overlap.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "lib/string.h"

enum { ROOM = 160, MOST = 72 };

static void fill(uint8_t *p, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(i * 37 + seed);
    }
}

static void memcpy_copies_every_size_and_alignment(void **state)
{
    uint8_t from[ROOM], ours[ROOM], theirs[ROOM];

    fill(from, ROOM, 1);
    for (size_t bytes = 0; bytes <= MOST; bytes++) {
        for (size_t shift = 0; shift < 16; shift++) {
            fill(ours, ROOM, 9);
            fill(theirs, ROOM, 9);
            assert_ptr_equal(freestanding_memcpy(ours + shift, from + 3, bytes), ours + shift);
            memcpy(theirs + shift, from + 3, bytes);
            assert_memory_equal(ours, theirs, ROOM);
        }
    }
}

static void memmove_handles_every_overlap(void **state)
{
    uint8_t ours[ROOM], theirs[ROOM];

    for (size_t bytes = 0; bytes <= MOST; bytes++) {
        for (size_t to = 0; to < 80; to++) {
            fill(ours, ROOM, 5);
            fill(theirs, ROOM, 5);
            freestanding_memmove(ours + to, ours + 40, bytes);
            memmove(theirs + to, theirs + 40, bytes);
            assert_memory_equal(ours, theirs, ROOM);
        }
    }
}

static void memset_writes_exactly_its_bytes(void **state)
{
    uint8_t ours[ROOM], theirs[ROOM];

    for (size_t bytes = 0; bytes <= MOST; bytes++) {
        fill(ours, ROOM, 5);
        fill(theirs, ROOM, 5);
        freestanding_memset(ours + 7, 0x1a5, bytes);
        memset(theirs + 7, 0xa5, bytes);
        assert_memory_equal(ours, theirs, ROOM);
    }
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void memcmp_orders_by_the_first_unsigned_difference(void **state)
{
    uint8_t a[MOST], b[MOST];

    for (size_t at = 0; at < MOST; at++) {
        fill(a, MOST, 0);
        fill(b, MOST, 0);
        assert_int_equal(freestanding_memcmp(a, b, MOST), 0);
        b[at] ^= 0x80;
        assert_int_equal(freestanding_memcmp(a, b, at), 0);
        assert_int_equal(sign(freestanding_memcmp(a, b, MOST)), sign(memcmp(a, b, MOST)));
        assert_int_equal(sign(freestanding_memcmp(b, a, MOST)), sign(memcmp(b, a, MOST)));
    }
}

static void strings_are_measured_and_compared(void **state)
{
    static const char *const words[] = {"",    "a",          "b",    "ab",    "abc",
                                        "abd", "abcdefghij", "\xff", "ab\x80"};
    size_t n = sizeof(words) / sizeof(words[0]);

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(freestanding_strlen(words[i]), strlen(words[i]));
        for (size_t max = 0; max < 12; max++) {
            assert_int_equal(freestanding_strnlen(words[i], max), strnlen(words[i], max));
        }
        for (size_t j = 0; j < n; j++) {
            assert_int_equal(sign(freestanding_strcmp(words[i], words[j])),
                             sign(strcmp(words[i], words[j])));
            for (size_t max = 0; max < 12; max++) {
                assert_int_equal(sign(freestanding_strncmp(words[i], words[j], max)),
                                 sign(strncmp(words[i], words[j], max)));
            }
        }
    }
}

static void strings_are_searched(void **state)
{
    const char *s = "dom0_mem=512M,max:512M";

    for (int c = 0; c < 256; c++) {
        assert_ptr_equal(freestanding_strchr(s, c), strchr(s, c));
        assert_ptr_equal(freestanding_strrchr(s, c), strrchr(s, c));
        assert_ptr_equal(freestanding_memchr(s, c, 9), memchr(s, c, 9));
    }
    assert_ptr_equal(freestanding_strstr(s, "512M"), strstr(s, "512M"));
    assert_ptr_equal(freestanding_strstr(s, ""), s);
    assert_null(freestanding_strstr(s, "512Mb"));
    assert_null(freestanding_strstr("", "a"));
}

static void string_copy_terminates_and_tells_when_it_cut(void **state)
{
    char to[5];

    assert_int_equal(string_copy(to, "four", sizeof(to)), 4);
    assert_string_equal(to, "four");
    assert_int_equal(string_copy(to, "fifteen", sizeof(to)), 7);
    assert_string_equal(to, "fift");
    to[0] = 'x';
    assert_int_equal(string_copy(to, "abc", 0), 3);
    assert_int_equal(to[0], 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcpy_copies_every_size_and_alignment),
        cmocka_unit_test(memmove_handles_every_overlap),
        cmocka_unit_test(memset_writes_exactly_its_bytes),
        cmocka_unit_test(memcmp_orders_by_the_first_unsigned_difference),
        cmocka_unit_test(strings_are_measured_and_compared),
        cmocka_unit_test(strings_are_searched),
        cmocka_unit_test(string_copy_terminates_and_tells_when_it_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
