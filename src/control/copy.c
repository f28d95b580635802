// SPDX-License-Identifier: Apache-2.0
// Bitmaps in guest memory: bytes, lowest bits first.
#include "control/copy.h"

#include "abi/errno.h"
#include "arch/guest.h"

static uint64_t low_bits(uint64_t map, uint32_t bits)
{
    return bits >= 64 ? map : map & ((1ULL << bits) - 1);
}

int bitmap_to_guest(const struct xenctl_bitmap *to, uint64_t map)
{
    gva_t bytes = gva((uint64_t)to->bitmap.p);
    uint32_t room = (uint32_t)(((uint64_t)to->nr_bits + 7) / 8);
    uint32_t used = MIN(room, 8U);

    map = low_bits(map, to->nr_bits);
    if (copy_to_guest(bytes, &map, used) != 0) {
        return -EFAULT;
    }
    return clear_guest(gva_add(bytes, used), room - used) != 0 ? -EFAULT : 0;
}

int bitmap_from_guest(const struct xenctl_bitmap *from, uint64_t *map)
{
    uint32_t bytes = MIN((uint32_t)(((uint64_t)from->nr_bits + 7) / 8), 8U);

    *map = 0;
    if (copy_from_guest(map, gva((uint64_t)from->bitmap.p), bytes) != 0) {
        return -EFAULT;
    }
    *map = low_bits(*map, from->nr_bits);
    return 0;
}
