// SPDX-License-Identifier: Apache-2.0
// Restarting the machine by its chipset.
#pragma once

#include "platform/fadt.h"

// Remembers (and maps) the reset register that the FADT names, so that platform_reset() needs
// nothing else. Not called where there is no FADT.
void platform_reset_init(const struct fadt *fadt);

// Tries the FADT's register, the keyboard controller and the chipset's reset register, each with
// time to take effect. Returns if none worked: the caller then has a triple fault left. For any
// state of the machine, a panic included: takes no lock and relies on no clock.
void platform_reset(void);
