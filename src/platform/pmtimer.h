// SPDX-License-Identifier: Apache-2.0
// The ACPI power-management timer (ACPI 6.4, 4.8.2.1): a counter at a fixed 3.579545 MHz, of 24 or
// 32 bits.
#pragma once

#include "platform/fadt.h"
#include "platform/reference.h"

#define PMTIMER_HZ 3579545

// Returns 0, -ENODEV where the table names none or what it names does not count, or -ENOMEM where
// it cannot be mapped.
int must_check pmtimer_init(const struct fadt *fadt);

// NULL before pmtimer_init() succeeded.
const struct clock_reference *pmtimer_reference(void);
