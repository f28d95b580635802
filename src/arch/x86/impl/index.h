// SPDX-License-Identifier: Apache-2.0
// A bound by arithmetic, which the compiler can't turn into a branch.
#pragma once

static inline uint64_t index_below(uint64_t index, uint64_t bound)
{
    uint64_t mask;

    __asm__("cmp %2, %1\n\tsbb %0, %0" : "=r"(mask) : "r"(index), "rm"(bound) : "cc");
    return index & mask;
}
