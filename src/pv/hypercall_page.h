// SPDX-License-Identifier: Apache-2.0
// The page of 128 small functions, 32 bytes each, by which a guest kernel makes its hypercalls.
#pragma once

#include "domain/domain.h"

/* Writes all of the page at `page`. Every byte that is not a function traps. */
void hypercall_page_write(void *page, bool is_32bit);

/*
 * The same in a frame of `d`'s memory, for its kernel. -EINVAL: not its frame, or in use as
 * something that can't be written.
 */
must_check int hypercall_page_fill(struct domain *d, mfn_t frame);
