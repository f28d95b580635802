// SPDX-License-Identifier: Apache-2.0
// Where interrupts go.
#pragma once

/*
 * For a panic: the other CPUs halt. By NMI, as one may wait with interrupts off for a lock that
 * will never be let go.
 */
void interrupts_stop_others(void);

/* Each NMI asks first whether it was that. */
void interrupts_stop_here_if_asked(void);
