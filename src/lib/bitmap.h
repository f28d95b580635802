// SPDX-License-Identifier: Apache-2.0
// Bits in arrays of 64-bit words: plain for private maps, atomic for those that others touch.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool bit_test(const uint64_t *map, size_t bit)
{
    return (__atomic_load_n(&map[bit / 64], __ATOMIC_RELAXED) >> (bit % 64)) & 1;
}

static inline void bit_set(uint64_t *map, size_t bit)
{
    map[bit / 64] |= 1ULL << (bit % 64);
}

static inline void bit_clear(uint64_t *map, size_t bit)
{
    map[bit / 64] &= ~(1ULL << (bit % 64));
}

/* Atomic, full barrier; the value before is returned. */
static inline bool bit_test_and_set(uint64_t *map, size_t bit)
{
    uint64_t mask = 1ULL << (bit % 64);
    return (__atomic_fetch_or(&map[bit / 64], mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline bool bit_test_and_clear(uint64_t *map, size_t bit)
{
    uint64_t mask = 1ULL << (bit % 64);
    return (__atomic_fetch_and(&map[bit / 64], ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

/* First bit at or after `from` with the wanted value, or `bits` where there is none. */
static inline size_t bit_find(const uint64_t *map, size_t bits, size_t from, bool wanted)
{
    for (size_t bit = from; bit < bits;) {
        uint64_t word = map[bit / 64];
        word = (wanted ? word : ~word) >> (bit % 64);
        if (word != 0) {
            size_t found = bit + (size_t)__builtin_ctzll(word);
            return found < bits ? found : bits;
        }
        bit = (bit / 64 + 1) * 64;
    }
    return bits;
}
