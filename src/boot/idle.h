// SPDX-License-Identifier: Apache-2.0
// How CPUs wait for work.
#pragma once

#include "lib/compiler.h"

/*
 * Settle by the options and by what processors say of themselves how CPUs idle, and by which timer
 * they wake; tell the log. After irqs_start() and before other CPUs start. Returns whether
 * time-stamp counters may stand still meanwhile.
 */
must_check bool idle_settle(void);
