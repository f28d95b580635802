// SPDX-License-Identifier: Apache-2.0
// The memory map, and memory that is taken from it before there is an allocator.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/early_memory.h"
#include "boot/memory_map.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

static struct memory_map map;

static int start(void **state)
{
    memset(&map, 0, sizeof(map));
    return 0;
}

static void expect_region(uint32_t at, uint64_t base, uint64_t end, enum memory_type type)
{
    assert_true(at < map.count);
    assert_int_equal(map.regions[at].base, base);
    assert_int_equal(map.regions[at].base + map.regions[at].bytes, end);
    assert_int_equal(map.regions[at].type, type);
}

/* ---- the map -----------------------------------------------------------------------------------
 */

static void regions_are_sorted_and_joined(void **state)
{
    memory_map_add(&map, 3 * MIB, MIB, MEMORY_USABLE);
    memory_map_add(&map, 0, MIB, MEMORY_RESERVED);
    memory_map_add(&map, 2 * MIB, MIB, MEMORY_USABLE);
    memory_map_normalize(&map);
    assert_int_equal(map.count, 2);
    expect_region(0, 0, MIB, MEMORY_RESERVED);
    expect_region(1, 2 * MIB, 4 * MIB, MEMORY_USABLE);
    assert_int_equal(memory_map_usable_bytes(&map), 2 * MIB);
    assert_int_equal(memory_map_usable_end(&map), 4 * MIB);
}

static void of_two_claims_the_stricter_wins(void **state)
{
    memory_map_add(&map, 0, 8 * MIB, MEMORY_USABLE);
    memory_map_add(&map, 2 * MIB, MIB, MEMORY_RESERVED);
    memory_map_add(&map, 5 * MIB, 4 * MIB, MEMORY_ACPI);
    memory_map_add(&map, 6 * MIB, MIB, MEMORY_BAD);
    memory_map_normalize(&map);
    assert_int_equal(map.count, 6);
    expect_region(0, 0, 2 * MIB, MEMORY_USABLE);
    expect_region(1, 2 * MIB, 3 * MIB, MEMORY_RESERVED);
    expect_region(2, 3 * MIB, 5 * MIB, MEMORY_USABLE);
    expect_region(3, 5 * MIB, 6 * MIB, MEMORY_ACPI);
    expect_region(4, 6 * MIB, 7 * MIB, MEMORY_BAD);
    expect_region(5, 7 * MIB, 9 * MIB, MEMORY_ACPI);
}

static void unknown_types_are_reserved(void **state)
{
    memory_map_add(&map, 0, MIB, 0);
    memory_map_add(&map, MIB, MIB, 7);
    memory_map_add(&map, 2 * MIB, MIB, UINT32_MAX);
    memory_map_normalize(&map);
    assert_int_equal(map.count, 1);
    expect_region(0, 0, 3 * MIB, MEMORY_RESERVED);
}

static void nothing_lies_beyond_52_bits(void **state)
{
    memory_map_add(&map, UINT64_MAX - 0x7ff, 0x700, MEMORY_USABLE);
    memory_map_add(&map, PHYSICAL_ADDRESS_END, MIB, MEMORY_USABLE);
    memory_map_add(&map, PHYSICAL_ADDRESS_END - MIB, UINT64_MAX, MEMORY_RESERVED);
    memory_map_add(&map, MIB, 0, MEMORY_USABLE);
    memory_map_normalize(&map);
    assert_int_equal(map.count, 1);
    expect_region(0, PHYSICAL_ADDRESS_END - MIB, PHYSICAL_ADDRESS_END, MEMORY_RESERVED);
    assert_int_equal(memory_map_usable_end(&map), 0);
}

static void regions_without_room_are_counted(void **state)
{
    for (uint64_t i = 0; i < MEMORY_REGIONS_MAX + 3; i++) {
        memory_map_add(&map, i * 2 * MIB, MIB, MEMORY_USABLE);
    }
    memory_map_normalize(&map);
    assert_int_equal(map.count, MEMORY_REGIONS_MAX);
    assert_int_equal(map.dropped, 3);
}

/* Random claims, then each page asked what it should be. */
static void normalized_map_agrees_with_the_claims(void **state)
{
    static const int strictness[] = {-1, 0, 3, 1, 2, 4};
    enum { PAGES = 64, CLAIMS = 24 };

    srand(1);
    for (int round = 0; round < 500; round++) {
        int expected[PAGES] = {0};
        memset(&map, 0, sizeof(map));
        for (int i = 0; i < CLAIMS; i++) {
            int first = rand() % PAGES, count = rand() % (PAGES - first), type = 1 + rand() % 5;
            memory_map_add(&map, (uint64_t)first << 12, (uint64_t)count << 12, (uint32_t)type);
            for (int p = first; p < first + count; p++) {
                if (strictness[type] > strictness[expected[p]]) {
                    expected[p] = type;
                }
            }
        }
        memory_map_normalize(&map);
        int found[PAGES] = {0};
        for (uint32_t i = 0; i < map.count; i++) {
            const struct memory_region *r = &map.regions[i];
            assert_true(i == 0 || r[-1].base + r[-1].bytes <= r->base);
            for (uint64_t p = r->base >> 12; p < (r->base + r->bytes) >> 12; p++) {
                found[p] = (int)r->type;
            }
        }
        assert_memory_equal(found, expected, sizeof(found));
    }
}

/* ---- early memory ------------------------------------------------------------------------------
 */

static uint64_t given_bytes, given_pieces, given_last;

static void count_given(uint64_t base, uint64_t bytes)
{
    assert_true(given_pieces == 0 || base >= given_last);
    assert_int_equal((base | bytes) % 4096, 0);
    given_bytes += bytes;
    given_pieces++;
    given_last = base + bytes;
}

static void hand_over(void)
{
    given_bytes = given_pieces = given_last = 0;
    early_memory_hand_over(count_given);
}

static void use_pc_map(void)
{
    memory_map_add(&map, 0, 0x9fc00, MEMORY_USABLE);
    memory_map_add(&map, MIB, 3 * GIB - MIB, MEMORY_USABLE);
    memory_map_add(&map, 4 * GIB, GIB, MEMORY_USABLE);
    memory_map_normalize(&map);
    early_memory_init(&map, MIB);
}

static void allocation_is_from_the_top(void **state)
{
    use_pc_map();
    assert_int_equal(early_memory_alloc(4096, 4096, UINT64_MAX), 5 * GIB - 4096);
    assert_int_equal(early_memory_alloc(4096, 4096, UINT64_MAX), 5 * GIB - 8192);
    assert_int_equal(early_memory_free_bytes(), 4 * GIB - MIB - 8192);
}

static void limit_and_alignment_are_kept(void **state)
{
    use_pc_map();
    assert_int_equal(early_memory_alloc(4096, 4096, 4 * GIB), 3 * GIB - 4096);
    assert_int_equal(early_memory_alloc(2 * MIB, 2 * MIB, 4 * GIB), 3 * GIB - 4 * MIB);
    assert_int_equal(early_memory_alloc(4096, 4096, 4 * GIB), 3 * GIB - 8192);
    assert_int_equal(early_memory_alloc(100, 4096, 2 * MIB), 2 * MIB - 4096);
}

static void low_memory_and_reservations_are_left_alone(void **state)
{
    use_pc_map();
    early_memory_reserve(MIB + 100, 2 * MIB);
    assert_int_equal(early_memory_alloc(4096, 4096, 3 * MIB), 0);
    assert_int_equal(early_memory_alloc(4096, 4096, 3 * MIB + 4096), 0);
    assert_int_equal(early_memory_alloc(4096, 4096, 3 * MIB + 8192), 3 * MIB + 4096);
    assert_int_equal(early_memory_alloc(4096, 4096, MIB), 0);
}

static void reservation_may_cover_several_ranges(void **state)
{
    use_pc_map();
    early_memory_reserve(2 * MIB, 4 * GIB);
    hand_over();
    assert_int_equal(given_pieces, 2);
    assert_int_equal(given_bytes, MIB + GIB - 2 * MIB);
}

static void too_much_is_refused(void **state)
{
    use_pc_map();
    assert_int_equal(early_memory_alloc(4 * GIB, 4096, UINT64_MAX), 0);
    assert_int_equal(early_memory_alloc(4096, 8 * GIB, UINT64_MAX), 0);
    assert_int_equal(early_memory_free_bytes(), 4 * GIB - MIB);
}

static void hand_over_gives_each_byte_once(void **state)
{
    use_pc_map();
    early_memory_reserve(16 * MIB, MIB);
    assert_int_not_equal(early_memory_alloc(64 * MIB, 2 * MIB, UINT64_MAX), 0);
    hand_over();
    assert_int_equal(given_bytes, 4 * GIB - MIB - MIB - 64 * MIB);
    assert_int_equal(early_memory_free_bytes(), 0);
    assert_int_equal(early_memory_alloc(4096, 4096, UINT64_MAX), 0);
}

static void partial_pages_are_not_used(void **state)
{
    memory_map_add(&map, MIB + 1, 8192, MEMORY_USABLE);
    memory_map_normalize(&map);
    early_memory_init(&map, MIB);
    assert_int_equal(early_memory_free_bytes(), 4096);
    assert_int_equal(early_memory_alloc(1, 4096, UINT64_MAX), MIB + 4096);
    assert_int_equal(early_memory_alloc(1, 4096, UINT64_MAX), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(regions_are_sorted_and_joined),
        TEST(of_two_claims_the_stricter_wins),
        TEST(unknown_types_are_reserved),
        TEST(nothing_lies_beyond_52_bits),
        TEST(regions_without_room_are_counted),
        TEST(normalized_map_agrees_with_the_claims),
        TEST(allocation_is_from_the_top),
        TEST(limit_and_alignment_are_kept),
        TEST(low_memory_and_reservations_are_left_alone),
        TEST(reservation_may_cover_several_ranges),
        TEST(too_much_is_refused),
        TEST(hand_over_gives_each_byte_once),
        TEST(partial_pages_are_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
