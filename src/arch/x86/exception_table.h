// SPDX-License-Identifier: Apache-2.0
// Instructions of Pavise's own that may fault, and where each goes on when it does.
#pragma once

#include <stdint.h>

/* Where to go on after a fault at `rip`; 0 for an instruction that must not fault. */
uint64_t exception_table_find(uint64_t rip);
