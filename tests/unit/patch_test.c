// SPDX-License-Identifier: Apache-2.0
// Boot-time patching, on bytes of the test's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/patch.h"

/* Records are relative, so everything lies in one object. */
static struct {
    struct patch_site record[3];
    uint8_t site[16];
    uint8_t replacement[2][16];
} image;

static void record(unsigned int i, enum patch_when when, size_t site_bytes, const void *replacement,
                   size_t bytes)
{
    uint8_t *copy = image.replacement[i];
    struct patch_site *r = &image.record[i];

    memcpy(copy, replacement, bytes);
    r->site = (int32_t)((uint8_t *)image.site - (uint8_t *)&r->site);
    r->replacement = (int32_t)(copy - (uint8_t *)&r->replacement);
    r->when = (uint8_t)when;
    r->site_bytes = (uint8_t)site_bytes;
    r->replacement_bytes = (uint8_t)bytes;
}

static int reset(void **state)
{
    memset(&image, 0, sizeof(image));
    memset(image.site, 0xcc, sizeof(image.site));
    return 0;
}

static void a_site_is_replaced_where_its_condition_holds(void **state)
{
    const uint8_t wanted[] = {1, 2, 3, 0xcc};

    record(0, PATCH_NO_VERW, 3, "\1\2\3", 3);
    patch_apply(image.record, image.record + 1, 1 << PATCH_NO_VERW);
    assert_memory_equal(image.site, wanted, sizeof(wanted));
}

static void a_site_is_left_alone_where_its_condition_does_not_hold(void **state)
{
    record(0, PATCH_NO_VERW, 3, "\1\2\3", 3);
    patch_apply(image.record, image.record + 1, ~(1ULL << PATCH_NO_VERW));
    assert_int_equal(image.site[0], 0xcc);
}

static void what_is_left_of_a_site_becomes_no_ops_of_greatest_length(void **state)
{
    const uint8_t wanted[] = {1,    0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00,
                              0x00, 0x00, 0x0f, 0x1f, 0x00, 0xcc};

    record(0, PATCH_NO_SMAP, 12, "\1", 1);
    patch_apply(image.record, image.record + 1, 1 << PATCH_NO_SMAP);
    assert_memory_equal(image.site, wanted, sizeof(wanted));
}

static void a_branch_keeps_its_target_when_it_moves(void **state)
{
    const uint8_t jump[] = {0xe9, 0x10, 0x00, 0x00, 0x00};
    int32_t displacement;

    record(0, PATCH_GUARDED, 6, jump, sizeof(jump));
    patch_apply(image.record, image.record + 1, 1 << PATCH_GUARDED);
    memcpy(&displacement, image.site + 1, sizeof(displacement));
    assert_int_equal(image.site[0], 0xe9);
    assert_ptr_equal(image.site + 5 + displacement, image.replacement[0] + 5 + 0x10);
}

static void the_last_record_that_applies_counts(void **state)
{
    record(0, PATCH_GUARDED, 2, "\1\1", 2);
    record(1, PATCH_NO_VERW, 2, "\2\2", 2);
    patch_apply(image.record, image.record + 2, 1 << PATCH_GUARDED | 1 << PATCH_NO_VERW);
    assert_int_equal(image.site[0], 2);
}

static void a_call_of_a_thunk_becomes_a_call_by_register(void **state)
{
    const uint8_t low[] = {0x2e, 0x2e, 0x2e, 0xff, 0xd3}, high[] = {0x2e, 0x2e, 0x41, 0xff, 0xd3};

    image.site[0] = 0xe8;
    assert_true(patch_branch_to_register(image.site, 3));
    assert_memory_equal(image.site, low, sizeof(low));
    image.site[0] = 0xe8;
    assert_true(patch_branch_to_register(image.site, 11));
    assert_memory_equal(image.site, high, sizeof(high));
}

static void a_jump_to_a_thunk_becomes_a_jump_by_register(void **state)
{
    const uint8_t wanted[] = {0x2e, 0x2e, 0x2e, 0xff, 0xe0, 0xcc};

    image.site[0] = 0xe9;
    assert_true(patch_branch_to_register(image.site, 0));
    assert_memory_equal(image.site, wanted, sizeof(wanted));
}

static void anything_but_a_direct_branch_is_refused(void **state)
{
    assert_false(patch_branch_to_register(image.site, 0));
    assert_int_equal(image.site[0], 0xcc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_site_is_replaced_where_its_condition_holds, reset),
        cmocka_unit_test_setup(a_site_is_left_alone_where_its_condition_does_not_hold, reset),
        cmocka_unit_test_setup(what_is_left_of_a_site_becomes_no_ops_of_greatest_length, reset),
        cmocka_unit_test_setup(a_branch_keeps_its_target_when_it_moves, reset),
        cmocka_unit_test_setup(the_last_record_that_applies_counts, reset),
        cmocka_unit_test_setup(a_call_of_a_thunk_becomes_a_call_by_register, reset),
        cmocka_unit_test_setup(a_jump_to_a_thunk_becomes_a_jump_by_register, reset),
        cmocka_unit_test_setup(anything_but_a_direct_branch_is_refused, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
