// SPDX-License-Identifier: Apache-2.0
// What a fuzzer takes its numbers from. 0 when the input has ended.
#pragma once

#include <stddef.h>
#include <stdint.h>

static struct {
    const uint8_t *data;
    size_t size;
} input;

static inline void input_begin(const uint8_t *data, size_t size)
{
    input.data = data;
    input.size = size;
}

/* So many bytes as one number, the first the highest. */
static inline uint64_t take_bytes(unsigned int count)
{
    uint64_t value = 0;

    for (; count > 0 && input.size > 0; count--, input.size--) {
        value = value << 8 | *input.data++;
    }
    return value;
}

/* A number below `bound`. */
static inline uint32_t take(uint32_t bound)
{
    return (uint32_t)take_bytes(1) % bound;
}
