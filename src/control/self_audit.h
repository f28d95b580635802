// SPDX-License-Identifier: Apache-2.0
// The audit of all memory (mmu/audit.h) on a running machine: at the press of a key, or again and
// again. It is slow, and a means to find Pavise's own mistakes: one is a panic.
#pragma once

/*
 * Start of day, on CPU 0, after timers_init_cpu(): the debug key 'a', and with the option
 * `audit=MS` an audit every so many milliseconds.
 */
void self_audit_init(void);
