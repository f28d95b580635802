// SPDX-License-Identifier: Apache-2.0
// Sets of numbers kept as sorted, disjoint, inclusive ranges, in a table of fixed size.
#pragma once

#include "lib/compiler.h"

/* So many that two sets fill a page: each domain has two. */
#define RANGES_MAX 127

struct ranges {
    uint32_t count;
    struct range {
        uint64_t first, last;
    } range[RANGES_MAX];
};

_Static_assert(sizeof(struct ranges) <= 2048, "two in a page");

/* Add or take away [first, last]. -ENOSPC (28) where the table has no room; then nothing changed.
 */
must_check int ranges_add(struct ranges *set, uint64_t first, uint64_t last);
must_check int ranges_remove(struct ranges *set, uint64_t first, uint64_t last);

/* Whether all, or any, of [first, last] is in the set. */
bool ranges_contain(const struct ranges *set, uint64_t first, uint64_t last);
bool ranges_overlap(const struct ranges *set, uint64_t first, uint64_t last);
