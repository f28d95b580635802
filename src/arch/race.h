// SPDX-License-Identifier: Apache-2.0
// The seam to other CPUs' doings: where one may come in between.
#pragma once

#include "impl/race.h"

/*
 * Stands between a look at what CPUs share and the change that follows from it. Nothing on the
 * machine, where another CPU needs no invitation; in a process, a test lets one act here
 * (tests/unit/interleave.h).
 */
static inline void race_window(void);
