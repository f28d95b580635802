// SPDX-License-Identifier: Apache-2.0
// Memory type range registers (processor manual 3A, 11.11). They are the firmware's to set, the
// same on all processors; where one differs, memory has two types and caches lose what was written.
// Some firmware sets the first processor's only, and some machines forget the others' at INIT.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MTRR_VARIABLE_MOST 16
#define MTRR_FIXED_COUNT   11

/* All zero on a processor without any. */
struct mtrrs {
    uint64_t capabilities, default_type;
    uint64_t fixed[MTRR_FIXED_COUNT];
    uint64_t base[MTRR_VARIABLE_MOST], mask[MTRR_VARIABLE_MOST];
};

/* This CPU's. No lock, in any context. */
void mtrrs_read(struct mtrrs *to);

/* This CPU's become what another's are, with its caches off meanwhile. No lock; takes long. */
void mtrrs_write(const struct mtrrs *from);

/* Whether two CPUs' mean the same: where a range is off, what else it says does not count. */
bool mtrrs_agree(const struct mtrrs *a, const struct mtrrs *b);
