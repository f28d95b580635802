// SPDX-License-Identifier: Apache-2.0
// The seam to the machine's end: stop, restart, switch off.
#pragma once

#include "lib/compiler.h"

/* Stop this CPU for good. */
noreturn_fn void arch_halt(void);

/* Restart the machine by whatever means it has. */
noreturn_fn void arch_reboot(void);
