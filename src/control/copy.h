// SPDX-License-Identifier: Apache-2.0
// Bitmaps of CPUs and nodes on their way from and to control software.
#pragma once

#include "abi/xen.h"
#include "lib/compiler.h"

/*
 * Write the low bits of `map` to the guest's bitmap, as many as it has room for; bits beyond 64 are
 * written as zero. Returns 0 or -EFAULT.
 */
must_check int bitmap_to_guest(const struct xenctl_bitmap *to, uint64_t map);

/* Read a guest's bitmap; bits beyond 64 are dropped. Returns 0 or -EFAULT. */
must_check int bitmap_from_guest(const struct xenctl_bitmap *from, uint64_t *map);
