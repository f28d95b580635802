// SPDX-License-Identifier: Apache-2.0
// Switching the machine off. Domain 0 runs the ACPI methods and then asks for the last write, by
// XENPF_enter_acpi_sleep (xen/platform.h).
#pragma once

#include "platform/fadt.h"

// `val_a` and `val_b` are the values for the two PM1 control registers as domain 0 prepared them,
// sleep type and enable bit included, 16 bits each; with `extended` the value for the sleep control
// register, 8 bits, or just the sleep type. Only S5 is offered. On success the machine goes off
// within moments: the caller waits, with interrupts off on all CPUs. Returns 0 once it is written,
// -EOPNOTSUPP for another state, -EINVAL for values with no sleep type to enter, or -ENODEV where
// the FADT names no register.
int must_check platform_enter_sleep(const struct fadt *fadt, unsigned sleep_state, uint16_t val_a,
                                    uint16_t val_b, bool extended);
