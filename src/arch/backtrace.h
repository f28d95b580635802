// SPDX-License-Identifier: Apache-2.0
// The seam to the hypervisor's own stacks: who called whom.
#pragma once

#include "lib/compiler.h"

/*
 * Follows the chain of frame pointers from `frame_pointer`, or from the caller's own where that is
 * 0, and stores up to `max` return addresses, innermost first. Reads nothing outside the stack that
 * it starts on, so a broken chain ends it and does no harm. Returns how many it stored.
 */
size_t arch_backtrace(uintptr_t frame_pointer, uintptr_t *return_addresses, size_t max);

/* Where the image's code lies, and the address that the symbol table's offsets count from. */
struct image_text {
    uintptr_t base;
    uintptr_t start, end;
};
struct image_text arch_image_text(void);
