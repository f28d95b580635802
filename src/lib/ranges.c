// SPDX-License-Identifier: Apache-2.0
// Sets of ranges: few, long-lived, looked up far more often than changed.
#include "lib/ranges.h"

#include "abi/errno.h"
#include "lib/string.h"

/* Index of the first range whose last number is not below `n`. */
static uint32_t first_reaching(const struct ranges *set, uint64_t n)
{
    uint32_t low = 0, high = set->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (set->range[middle].last < n) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void replace(struct ranges *set, uint32_t at, uint32_t gone, const struct range *with,
                    uint32_t number)
{
    memmove(&set->range[at + number], &set->range[at + gone],
            (set->count - at - gone) * sizeof(set->range[0]));
    memcpy(&set->range[at], with, number * sizeof(set->range[0]));
    set->count += number - gone;
}

int ranges_add(struct ranges *set, uint64_t first, uint64_t last)
{
    /* Touching neighbours merge too, so look one number further on both sides. */
    uint32_t at = first_reaching(set, first == 0 ? 0 : first - 1);
    uint32_t end = at;
    struct range merged = {first, last};

    if (first > last) {
        return -EINVAL;
    }
    while (end < set->count && (last == UINT64_MAX || set->range[end].first <= last + 1)) {
        merged.first = MIN(merged.first, set->range[end].first);
        merged.last = MAX(merged.last, set->range[end].last);
        end++;
    }
    if (set->count + 1 - (end - at) > RANGES_MAX) {
        return -ENOSPC;
    }
    replace(set, at, end - at, &merged, 1);
    return 0;
}

int ranges_remove(struct ranges *set, uint64_t first, uint64_t last)
{
    uint32_t at = first_reaching(set, first);
    uint32_t end = at;
    struct range kept[2];
    uint32_t number = 0;

    if (first > last) {
        return -EINVAL;
    }
    while (end < set->count && set->range[end].first <= last) {
        end++;
    }
    if (at == end) {
        return 0;
    }
    if (set->range[at].first < first) {
        kept[number++] = (struct range){set->range[at].first, first - 1};
    }
    if (set->range[end - 1].last > last) {
        kept[number++] = (struct range){last + 1, set->range[end - 1].last};
    }
    if (set->count + number - (end - at) > RANGES_MAX) {
        return -ENOSPC;
    }
    replace(set, at, end - at, kept, number);
    return 0;
}

bool ranges_contain(const struct ranges *set, uint64_t first, uint64_t last)
{
    uint32_t at = first_reaching(set, first);

    return at < set->count && set->range[at].first <= first && set->range[at].last >= last;
}

bool ranges_overlap(const struct ranges *set, uint64_t first, uint64_t last)
{
    uint32_t at = first_reaching(set, first);

    return at < set->count && set->range[at].first <= last;
}
