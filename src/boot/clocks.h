// SPDX-License-Identifier: Apache-2.0
// Which counter time is measured by.
#pragma once

#include "lib/compiler.h"
#include "platform/reference.h"

/* HPET and ACPI timer are found and started, as far as the options `hpet` and `clocksource` allow.
 */
void clocks_find(void);

/*
 * The best one there is to measure the time-stamp counter's rate by, after clocks_find(): by how
 * much reading them spoils a measurement. NULL where there is none at all.
 */
const struct clock_reference *clocks_reference(void);

/*
 * Once all CPUs have started and it is known whether their time-stamp counters agree, and whether
 * they stop while CPUs idle: settle by the options what system time is computed from, and tell the
 * log.
 */
void clocks_settle(bool counters_agree, bool counters_stop);

/* The option hpet=broadcast: CPUs are to be woken by the HPET whatever their own timers can do. */
bool clocks_broadcast_asked(void);
