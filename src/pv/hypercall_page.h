// SPDX-License-Identifier: Apache-2.0
// The page of 128 small functions, 32 bytes each, by which a guest kernel makes its hypercalls.
#pragma once

#include "lib/compiler.h"

/* Writes all of the page at `page`. Every byte that is not a function traps. */
void hypercall_page_write(void *page, bool is_32bit);
