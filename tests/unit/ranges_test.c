// SPDX-License-Identifier: Apache-2.0
// Sets of ranges, against a bitmap that is obviously right.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ranges.h"

#define NUMBERS 256

static struct ranges set;
static unsigned char in[NUMBERS];

static void check(void)
{
    for (unsigned int i = 0; i < NUMBERS; i++) {
        assert_int_equal(ranges_contain(&set, i, i), in[i]);
        assert_int_equal(ranges_overlap(&set, i, i), in[i]);
    }
    for (uint32_t i = 0; i < set.count; i++) {
        assert_true(set.range[i].first <= set.range[i].last);
        if (i > 0) {
            /* Neighbours are one range. */
            assert_true(set.range[i].first > set.range[i - 1].last + 1);
        }
    }
}

static void check_pair(unsigned int first, unsigned int last)
{
    bool all = true, any = false;

    for (unsigned int i = first; i <= last; i++) {
        all = all && in[i];
        any = any || in[i];
    }
    assert_int_equal(ranges_contain(&set, first, last), all);
    assert_int_equal(ranges_overlap(&set, first, last), any);
}

static void test_any_sequence_of_changes_is_what_a_bitmap_says(void **state)
{
    srand(3);
    memset(&set, 0, sizeof(set));
    memset(in, 0, sizeof(in));
    for (unsigned int turn = 0; turn < 3000; turn++) {
        unsigned int a = (unsigned int)rand() % NUMBERS, b = (unsigned int)rand() % NUMBERS;
        unsigned int first = a < b ? a : b, last = a < b ? b : a;
        bool add = rand() % 2;

        last = turn % 3 ? (first + last % 8 < NUMBERS ? first + last % 8 : first) : last;
        assert_int_equal(add ? ranges_add(&set, first, last) : ranges_remove(&set, first, last), 0);
        memset(in + first, add, last - first + 1);
        check();
        check_pair(a < b ? a : b, a < b ? b : a);
    }
}

static void test_the_ends_of_the_number_line(void **state)
{
    memset(&set, 0, sizeof(set));
    assert_int_equal(ranges_add(&set, 0, UINT64_MAX), 0);
    assert_true(ranges_contain(&set, 0, UINT64_MAX));
    assert_int_equal(ranges_remove(&set, 0, 0), 0);
    assert_int_equal(ranges_remove(&set, UINT64_MAX, UINT64_MAX), 0);
    assert_false(ranges_contain(&set, 0, 0));
    assert_false(ranges_overlap(&set, UINT64_MAX, UINT64_MAX));
    assert_true(ranges_contain(&set, 1, UINT64_MAX - 1));
}

static void test_a_full_table_changes_nothing(void **state)
{
    struct ranges before;

    memset(&set, 0, sizeof(set));
    for (uint64_t i = 0; i < RANGES_MAX; i++) {
        assert_int_equal(ranges_add(&set, i * 4, i * 4 + 1), 0);
    }
    before = set;
    assert_int_equal(ranges_add(&set, 4 * RANGES_MAX, 4 * RANGES_MAX), -28);
    assert_memory_equal(&set, &before, sizeof(set));
    /* Without a gap it needs no room; in the middle of one it does. */
    assert_int_equal(ranges_add(&set, 2, 2), 0);
    assert_int_equal(ranges_remove(&set, 1, 1), -28);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_sequence_of_changes_is_what_a_bitmap_says),
        cmocka_unit_test(test_the_ends_of_the_number_line),
        cmocka_unit_test(test_a_full_table_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
