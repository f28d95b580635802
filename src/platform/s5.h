// SPDX-License-Identifier: Apache-2.0
// The sleep types that switch the machine off, for the one case in which nobody tells Pavise: a
// domain 0 that asks for power-off without having run ACPI's methods itself.
#pragma once

#include <stdint.h>

#include "lib/compiler.h"
#include "platform/fadt.h"

struct sleep_types {
    uint8_t a, b; /* for PM1a_CNT and PM1b_CNT */
};

/*
 * Finds the package \_S5 in the bytes of a definition block (DSDT or SSDT): ACPI 6.4, 7.4.2 and
 * chapter 20 for the encoding. The first two elements are the types. Returns 0 or -ENOENT.
 */
must_check int s5_find(const uint8_t *aml, uint32_t length, struct sleep_types *types);

/* The same in this machine's DSDT. At start of day. */
must_check int s5_read(struct sleep_types *types);

/* Switches the machine off. Errors as platform_enter_sleep(); returns 0 moments before the end. */
must_check int platform_power_off(const struct fadt *fadt, const struct sleep_types *types);
