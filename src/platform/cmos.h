// SPDX-License-Identifier: Apache-2.0
// The battery-backed clock and memory (Motorola MC146818A and its heirs). Every call locks
// (RANK_DEVICE): index and data port belong together, also when a guest's accesses are done for it
// here.
#pragma once

#include <stdint.h>

#include "lib/compiler.h"

// One byte of CMOS memory, index 0 to 127. NMI stays enabled.
uint8_t cmos_read(uint8_t index);
void cmos_write(uint8_t index, uint8_t value);

// The clock, which is taken to run in UTC, in seconds since 1970. `century_index` is where the FADT
// says the century is, 0 for nowhere: then years below 70 are 20xx. Waits for a consistent reading,
// a few ms at most. Returns 0, -ENODEV where there is no clock, or -EINVAL where it shows no date.
int must_check cmos_read_clock(uint8_t century_index, uint64_t *seconds);
