// SPDX-License-Identifier: Apache-2.0
// The frame allocator: blocks, their alignment, address limits, merging, claims.
#include <stdlib.h>

#include "mmu_fixture.h"

#define BLOCKS 512

static void test_blocks_are_aligned_to_their_size_and_distinct(void **state)
{
    static unsigned char taken[MACHINE_FRAMES];
    mfn_t block[BLOCKS];
    unsigned int order[BLOCKS], count = 0;

    srand(1);
    memset(taken, 0, sizeof(taken));
    for (; count < BLOCKS; count++) {
        order[count] = (unsigned int)rand() % 6;
        block[count] = frames_alloc(order[count], 64);
        if (block[count].n == MFN_INVALID) {
            break;
        }
        assert_int_equal(block[count].n & ((1U << order[count]) - 1), 0);
        for (uint64_t i = 0; i < 1ULL << order[count]; i++) {
            assert_int_equal(taken[block[count].n + i]++, 0);
            assert_int_equal(frame_of(mfn_add(block[count], i))->owner, DOMID_XEN);
        }
    }
    while (count-- > 0) {
        frames_free(block[count], order[count]);
    }
}

static void test_everything_merges_again(void **state)
{
    uint64_t free_before = frames_free_count();
    mfn_t largest = frames_alloc(11, 64);
    mfn_t m[1024];

    assert_true(largest.n != MFN_INVALID);
    frames_free(largest, 11);
    for (unsigned int i = 0; i < 1024; i++) {
        m[i] = frames_alloc(0, 64);
    }
    for (unsigned int i = 0; i < 1024; i++) {
        frames_free(m[i * 389 % 1024], 0); /* in another order */
    }
    assert_int_equal(frames_free_count(), free_before);
    largest = frames_alloc(11, 64);
    assert_true(largest.n != MFN_INVALID);
    frames_free(largest, 11);
}

/* Another CPU that has just taken a frame may write its record before it is listed anywhere. */
static void test_a_taken_frame_is_no_free_block_whatever_its_record_says(void **state)
{
    mfn_t pair = frames_alloc(1, 64), second = mfn_add(pair, 1), m;
    unsigned int count = 0;
    static mfn_t taken[MACHINE_FRAMES];

    frame_of(second)->linear_uses = 0; /* the same word as a free block's order */
    frames_free(pair, 0);
    while ((m = frames_alloc(0, 64)).n != MFN_INVALID) {
        assert_int_not_equal(m.n, second.n);
        taken[count++] = m;
    }
    while (count-- > 0) {
        frames_free(taken[count], 0);
    }
    frames_free(second, 0);
}

static void test_high_memory_goes_first(void **state)
{
    mfn_t m = frames_alloc(0, 64);

    assert_true(m.n >= MACHINE_FRAMES / 2);
    frames_free(m, 0);
}

static void test_address_bits_are_a_limit(void **state)
{
    for (unsigned int bits = 14; bits <= 24; bits++) {
        mfn_t m = frames_alloc(1, bits);
        assert_true(m.n != MFN_INVALID);
        assert_true((m.n + 2) << PAGE_SHIFT <= 1ULL << bits);
        frames_free(m, 1);
    }
    assert_int_equal(frames_alloc(2, 14).n, MFN_INVALID); /* frames 1 to 3 alone */
    assert_int_equal(frames_alloc(0, 12).n, MFN_INVALID); /* frame 0 is not the allocator's */
    assert_int_equal(frames_alloc(0, 3).n, MFN_INVALID);
    assert_int_equal(frames_alloc(0, 0).n, MFN_INVALID);
}

static void test_low_memory_serves_when_the_rest_is_gone(void **state)
{
    mfn_t first = mfn(MFN_INVALID);
    uint64_t got = 0;

    for (;;) {
        mfn_t m = frames_alloc(0, 64);
        if (m.n == MFN_INVALID) {
            break;
        }
        frame_of(m)->next = (uint32_t)first.n;
        first = m;
        got++;
    }
    assert_int_equal(got, frames_at_start);
    assert_int_equal(frames_free_count(), 0);
    while (got-- > 0) {
        mfn_t next = mfn(frame_of(first)->next);
        frames_free(first, 0);
        first = next;
    }
}

static void test_a_block_too_large_is_none(void **state)
{
    assert_int_equal(frames_alloc(MAX_ORDER, 64).n, MFN_INVALID);
    assert_int_equal(frames_alloc(MAX_ORDER + 1, 64).n, MFN_INVALID);
    assert_int_equal(frames_alloc(64, 64).n, MFN_INVALID);
}

static void test_claims_are_kept_apart(void **state)
{
    uint64_t mine = 0, theirs = 0, free = frames_free_count();
    mfn_t m;

    assert_int_equal(frames_claim(&mine, free + 1), -ENOMEM);
    assert_int_equal(mine, 0);
    assert_int_equal(frames_claim(&mine, free - 8), 0);
    assert_int_equal(frames_claim(&theirs, 9), -ENOMEM);
    assert_int_equal(frames_claim(&theirs, 8), 0);
    assert_int_equal(frames_alloc_claimed(4, 64, &theirs).n, MFN_INVALID);
    m = frames_alloc_claimed(3, 64, &theirs);
    assert_true(m.n != MFN_INVALID);
    assert_int_equal(theirs, 0);
    assert_int_equal(frames_alloc_claimed(0, 64, &theirs).n, MFN_INVALID);
    /* Pavise itself is not bound by them. */
    page_free(page_alloc());
    assert_int_equal(frames_claim(&mine, 0), 0);
    frames_free(m, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        machine_test(test_blocks_are_aligned_to_their_size_and_distinct),
        machine_test(test_everything_merges_again),
        machine_test(test_a_taken_frame_is_no_free_block_whatever_its_record_says),
        machine_test(test_high_memory_goes_first),
        machine_test(test_address_bits_are_a_limit),
        machine_test(test_low_memory_serves_when_the_rest_is_gone),
        machine_test(test_a_block_too_large_is_none),
        machine_test(test_claims_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
