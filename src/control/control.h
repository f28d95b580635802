// SPDX-License-Identifier: Apache-2.0
// This room's start.
#pragma once

/*
 * Start of day, after event_init(): what lower rooms ask of higher ones (a vCPU's timer becomes
 * VIRQ_TIMER).
 */
void control_init(void);
