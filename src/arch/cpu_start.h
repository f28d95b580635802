// SPDX-License-Identifier: Apache-2.0
// The seam to a CPU's last steps before guests run on it.
#pragma once

#include "lib/compiler.h"

/*
 * Make the first CPU's own region (stacks, descriptor tables), load it, and go on in `function` on
 * its stack. Needs the allocator.
 */
noreturn_fn void arch_run_on_cpu_stack(void (*function)(void));

/* Sizes of register areas, processor features that entry code depends on. Once, before vCPUs. */
void arch_prepare_guests(void);

/* Leave start of day for whatever is to run. */
noreturn_fn void arch_enter_guests(void);
