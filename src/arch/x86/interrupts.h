// SPDX-License-Identifier: Apache-2.0
// Where interrupts go.
#pragma once

/* Device vectors (platform/vectors.h): set at start of day. Called on the CPU that took it. */
extern void (*device_interrupt)(unsigned int vector);

/* For a panic: the other CPUs halt. */
void interrupts_stop_others(void);
