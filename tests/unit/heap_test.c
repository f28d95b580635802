// SPDX-License-Identifier: Apache-2.0
// The heap: objects of every size, zeroed, aligned, and back to the last frame.
#include <stdlib.h>

#include "mmu_fixture.h"

static bool is_zero(const unsigned char *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_objects_of_every_size_are_zeroed_and_aligned(void **state)
{
    for (size_t bytes = 1; bytes <= 3 * PAGE_SIZE; bytes += bytes < 256 ? 1 : 61) {
        unsigned char *p = heap_alloc(bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        if (bytes >= 64) {
            assert_int_equal((uintptr_t)p % 64, 0);
        }
        assert_true(is_zero(p, bytes));
        memset(p, 0xff, bytes);
        heap_free(p);
    }
}

static void test_objects_do_not_overlap(void **state)
{
    enum { OBJECTS = 600 };
    static unsigned char *object[OBJECTS];
    static size_t size[OBJECTS];

    srand(2);
    for (unsigned int turn = 0; turn < 5000; turn++) {
        unsigned int i = (unsigned int)rand() % OBJECTS;
        if (object[i]) {
            for (size_t at = 0; at < size[i]; at++) {
                assert_int_equal(object[i][at], (unsigned char)i);
            }
            heap_free(object[i]);
        }
        size[i] = 1 + (size_t)rand() % (turn % 10 == 0 ? 9000 : 700);
        object[i] = heap_alloc(size[i]);
        assert_true(is_zero(object[i], size[i]));
        memset(object[i], (int)i, size[i]);
    }
    for (unsigned int i = 0; i < OBJECTS; i++) {
        heap_free(object[i]);
        object[i] = NULL;
    }
}

static void test_nothing_is_freed_without_harm(void **state)
{
    heap_free(NULL);
    page_free(NULL);
}

static void test_arrays_that_are_too_large_are_none(void **state)
{
    assert_null(heap_alloc_array(SIZE_MAX / 2, 3));
    assert_null(heap_alloc((size_t)1 << 40));
}

static void test_without_memory_there_is_none_and_no_harm(void **state)
{
    void *block[MACHINE_FRAMES];
    unsigned int count = 0;

    while ((block[count] = page_alloc()) != NULL) {
        count++;
    }
    assert_null(heap_alloc(16));
    assert_null(heap_alloc(5000));
    while (count-- > 0) {
        page_free(block[count]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        machine_test(test_objects_of_every_size_are_zeroed_and_aligned),
        machine_test(test_objects_do_not_overlap),
        machine_test(test_nothing_is_freed_without_harm),
        machine_test(test_arrays_that_are_too_large_are_none),
        machine_test(test_without_memory_there_is_none_and_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
