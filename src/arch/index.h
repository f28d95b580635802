// SPDX-License-Identifier: Apache-2.0
// Seam: numbers from guests as indices, against processors that guess past a bound (Spectre v1).
#pragma once

#include <stdint.h>

#include "lib/compiler.h"

/*
 * `index` where it is less than `bound`, else 0. No branch decides that, so nothing can be guessed:
 * for use behind the check that refuses a number, where the number becomes an index.
 */
static inline uint64_t index_below(uint64_t index, uint64_t bound);

#include "impl/index.h"
