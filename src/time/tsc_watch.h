// SPDX-License-Identifier: Apache-2.0
// Whether time-stamp counters go on as they are believed to: compared with the machine's counter
// (clock_source.h) for as long as time is computed from them alone.
#pragma once

#include "time/clock_source.h"

/*
 * Start of day, once every CPU has started: from now on a CPU after the other compares its counter
 * with `source`, once a second and each time right after the first CPU's. Where they part, `source`
 * corrects all of them (time_correct_by()), and the log says so.
 */
void tsc_watch_start(const struct clock_source *source);
