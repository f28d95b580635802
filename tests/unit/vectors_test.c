// SPDX-License-Identifier: Apache-2.0
// Which vectors are given out, to whom, and what is never given out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "platform/vectors.h"

static struct vector_space space;

static int fresh(void **state)
{
    vectors_init(&space);
    return 0;
}

static void every_normal_vector_is_given_once(void **state)
{
    bool seen[VECTOR_COUNT] = {false};
    unsigned given = 0;

    for (int vector; (vector = vectors_alloc(&space, VECTOR_NORMAL, given)) >= 0; given++) {
        assert_in_range(vector, 0x30, 0xdf);
        assert_int_not_equal(vector, 0x80);
        assert_int_not_equal(vector, 0x82);
        assert_false(seen[vector]);
        seen[vector] = true;
        assert_int_equal(vectors_owner(&space, (uint8_t)vector), given);
    }
    assert_int_equal(given, 0xe0 - 0x30 - 2);
    assert_int_equal(vectors_alloc(&space, VECTOR_NORMAL, 1), -ENOSPC);
}

static void neighbours_in_time_are_in_different_classes(void **state)
{
    int before = vectors_alloc(&space, VECTOR_NORMAL, 1);

    for (unsigned i = 0; i < 20; i++) {
        int next = vectors_alloc(&space, VECTOR_NORMAL, 1);
        assert_int_not_equal(before / 16, next / 16);
        before = next;
    }
}

static void high_vectors_are_a_class_of_their_own(void **state)
{
    for (unsigned i = 0; i < 16; i++) {
        assert_in_range(vectors_alloc(&space, VECTOR_HIGH, i), 0xe0, 0xef);
    }
    assert_int_equal(vectors_alloc(&space, VECTOR_HIGH, 1), -ENOSPC);
    assert_true(vectors_alloc(&space, VECTOR_NORMAL, 1) > 0);
}

static void freed_vectors_come_again(void **state)
{
    int vector = vectors_alloc(&space, VECTOR_HIGH, 5);

    vectors_free(&space, (uint8_t)vector);
    assert_int_equal(vectors_owner(&space, (uint8_t)vector), VECTOR_NO_OWNER);
    assert_int_equal(vectors_alloc(&space, VECTOR_HIGH, 6), vector);
    vectors_free(&space, (uint8_t)vector);
    vectors_free(&space, (uint8_t)vector);
}

static void reserved_vectors_stay_reserved(void **state)
{
    static const uint8_t reserved[] = {0, 14, 0x20, 0x2f, 0x80, 0x82, 0xf0, 0xff};

    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
        assert_int_equal(vectors_claim(&space, reserved[i], 1), -EINVAL);
        vectors_free(&space, reserved[i]);
        assert_true(bit_test(space.used, reserved[i]));
        assert_int_equal(vectors_owner(&space, reserved[i]), VECTOR_NO_OWNER);
    }
}

static void a_vector_can_be_claimed_by_number(void **state)
{
    assert_int_equal(vectors_claim(&space, 0x31, 9), 0);
    assert_int_equal(vectors_owner(&space, 0x31), 9);
    assert_int_equal(vectors_claim(&space, 0x31, 9), -EBUSY);
}

static void blocks_are_aligned_and_whole(void **state)
{
    assert_int_equal(vectors_claim(&space, 0x30, 1), 0);
    for (unsigned count = 1; count <= 32; count *= 2) {
        int first = vectors_alloc_block(&space, count, 100);
        assert_true(first > 0);
        assert_int_equal(first % (int)count, 0);
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(vectors_owner(&space, (uint8_t)(first + (int)i)), 100 + i);
        }
    }
}

static void blocks_never_cover_reserved_vectors(void **state)
{
    int first;
    unsigned blocks = 0;

    while ((first = vectors_alloc_block(&space, 32, 1)) >= 0) {
        assert_in_range(first, 0x40, 0xc0);
        assert_int_not_equal(first, 0x80);
        blocks++;
    }
    assert_int_equal(first, -ENOSPC);
    assert_int_equal(blocks, 4);
    assert_int_equal(vectors_alloc_block(&space, 3, 1), -EINVAL);
    assert_int_equal(vectors_alloc_block(&space, 0, 1), -EINVAL);
    assert_int_equal(vectors_alloc_block(&space, 64, 1), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_normal_vector_is_given_once, fresh),
        cmocka_unit_test_setup(neighbours_in_time_are_in_different_classes, fresh),
        cmocka_unit_test_setup(high_vectors_are_a_class_of_their_own, fresh),
        cmocka_unit_test_setup(freed_vectors_come_again, fresh),
        cmocka_unit_test_setup(reserved_vectors_stay_reserved, fresh),
        cmocka_unit_test_setup(a_vector_can_be_claimed_by_number, fresh),
        cmocka_unit_test_setup(blocks_are_aligned_and_whole, fresh),
        cmocka_unit_test_setup(blocks_never_cover_reserved_vectors, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
