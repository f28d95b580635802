// SPDX-License-Identifier: Apache-2.0
// Memory type range registers, read and compared.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/msr.h"
#include "platform/mtrr.h"

#define ON    (1ULL << 11)
#define FIXED (1ULL << 10)
#define VALID (1ULL << 11)

static void without_any_all_is_zero(void **state)
{
    struct mtrrs m = {.default_type = 5}, none = {0};

    mtrrs_read(&m);
    assert_memory_equal(&m, &none, sizeof(m));
    assert_true(mtrrs_agree(&m, &none));
}

static void all_registers_are_read(void **state)
{
    static const uint32_t fixed[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                     0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
    struct mtrrs m;

    host_msr_set(0xfe, 0x500 | 2);
    host_msr_set(0x2ff, ON | FIXED | 6);
    for (unsigned int i = 0; i < ARRAY_SIZE(fixed); i++) {
        host_msr_set(fixed[i], 100 + i);
    }
    host_msr_set(0x200, 0x80000000);
    host_msr_set(0x201, 0xff80000000 | VALID);
    host_msr_set(0x202, 0xc0000000);
    host_msr_set(0x203, 0);
    mtrrs_read(&m);
    assert_int_equal(m.capabilities, 0x502);
    assert_int_equal(m.default_type, ON | FIXED | 6);
    for (unsigned int i = 0; i < ARRAY_SIZE(fixed); i++) {
        assert_int_equal(m.fixed[i], 100 + i);
    }
    assert_int_equal(m.base[0], 0x80000000);
    assert_int_equal(m.mask[0], 0xff80000000 | VALID);
    assert_int_equal(m.base[1], 0xc0000000);
}

static uint64_t default_type[8]; /* as it was written, one after the other */
static unsigned int writes;

static int note_write(void *context, uint32_t msr, uint64_t value)
{
    default_type[writes++] = value;
    host_msr_set(msr, value);
    return 0;
}

static int read_stored(void *context, uint32_t msr, uint64_t *value)
{
    *value = host_msr_get(msr);
    return 0;
}

static void they_are_written_while_they_are_off(void **state)
{
    static const struct host_msrs noted = {read_stored, note_write, NULL};
    struct mtrrs m, again;

    mtrrs_read(&m);
    m.base[0] = 0x40000000;
    m.fixed[4] = 77;
    host_claim_msrs(0x2ff, 1, &noted);
    mtrrs_write(&m);
    mtrrs_read(&again);
    assert_memory_equal(&m, &again, sizeof(m));
    assert_int_equal(writes, 2);
    assert_int_equal(default_type[0], FIXED | 6);
    assert_int_equal(default_type[1], ON | FIXED | 6);
}

static struct mtrrs usual(void)
{
    return (struct mtrrs){.capabilities = 0x508,
                          .default_type = ON | FIXED | 6,
                          .fixed = {6, 6, 0},
                          .base = {0x80000000, 0xc0000000},
                          .mask = {0xff80000000 | VALID, 0}};
}

#define DIFFERS(change)                    \
    do {                                   \
        struct mtrrs a = usual(), b = a;   \
        b.change;                          \
        assert_false(mtrrs_agree(&a, &b)); \
        assert_false(mtrrs_agree(&b, &a)); \
    } while (0)

#define SAME(change)                      \
    do {                                  \
        struct mtrrs a = usual(), b = a;  \
        b.change;                         \
        assert_true(mtrrs_agree(&a, &b)); \
        assert_true(mtrrs_agree(&b, &a)); \
    } while (0)

static void what_gives_memory_another_type_differs(void **state)
{
    DIFFERS(capabilities = 0x50a);
    DIFFERS(default_type = ON | FIXED);
    DIFFERS(default_type = ON | 6);
    DIFFERS(default_type = FIXED | 6);
    DIFFERS(fixed[10] = 1);
    DIFFERS(base[0] = 0x80000001);
    DIFFERS(mask[0] = 0xffc0000000 | VALID);
    DIFFERS(mask[0] = 0xff80000000);
    DIFFERS(mask[1] = 0xffc0000000 | VALID);
}

static void what_is_off_does_not_count(void **state)
{
    struct mtrrs a = usual(), b;

    SAME(capabilities = 0x508);
    SAME(base[1] = 5);
    SAME(mask[1] = 0xffc0000000);
    SAME(default_type |= 1ULL << 40);
    a.default_type = 6;
    b = a;
    b.fixed[3] = 4;
    b.base[0] = 7;
    assert_true(mtrrs_agree(&a, &b));
    a.default_type = b.default_type = ON | 6;
    b.base[0] = a.base[0];
    assert_true(mtrrs_agree(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_all_is_zero),
        cmocka_unit_test(all_registers_are_read),
        cmocka_unit_test(they_are_written_while_they_are_off),
        cmocka_unit_test(what_gives_memory_another_type_differs),
        cmocka_unit_test(what_is_off_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
