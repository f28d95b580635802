// SPDX-License-Identifier: Apache-2.0
// Where interrupts go.
#pragma once

/* For a panic: the other CPUs halt. */
void interrupts_stop_others(void);
