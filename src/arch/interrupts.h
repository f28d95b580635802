// SPDX-License-Identifier: Apache-2.0
// The seam to interrupts at start of day.
#pragma once

/* The calling CPU's local interrupt controller, with Pavise's own vectors. */
void arch_start_local_interrupts(void);

/* Who serves device vectors. Called on the CPU that took one, interrupts off. */
void arch_set_device_interrupt(void (*serve)(unsigned int vector));

/* Processors' machine checks and reports of corrected errors, on this CPU: let the latter come...
 */
void arch_enable_corrected_error_interrupt(void);

/* ...or make one of either come, for a test. In a call of cpu_call(). */
void arch_raise_machine_check(void);
void arch_raise_corrected_error(void);
