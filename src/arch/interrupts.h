// SPDX-License-Identifier: Apache-2.0
// The seam to interrupts at start of day.
#pragma once

/* The calling CPU's local interrupt controller, with Pavise's own vectors. */
void arch_start_local_interrupts(void);

/* Who serves device vectors. Called on the CPU that took one, interrupts off. */
void arch_set_device_interrupt(void (*serve)(unsigned int vector));
