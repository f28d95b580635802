// SPDX-License-Identifier: Apache-2.0
// A clock for each CPU, where time-stamp counters differ or are not constant: each CPU looks at the
// machine's counter (clock_source.h) every now and then, and corrects how it reads its own.
//
// What is promised: no CPU is told an earlier time than any CPU was told before; a guest's clock
// does not go back while it stays on a CPU or moves to another; and two CPUs' clocks differ by no
// more than what their looks leave in doubt, which is well under a microsecond where the counter
// can be read in half of one. A counter that jumps breaks the last until the CPU's next look, at
// most a second later.
#pragma once

#include "time/line.h"

struct clock_source;

/*
 * Every CPU begins a clock by itself when it next looks for the time; system time goes on at
 * `now_ns`. `tsc_hz` is what counters are taken to run at. `believed` (or NULL): what guests and
 * Pavise computed time by until now, which must not seem to go back.
 */
void cpu_clocks_start(const struct clock_source *source, uint64_t now_ns, uint64_t tsc_hz,
                      const struct time_line *believed);

/* Now. Any lock held. May look at the machine's counter. */
uint64_t cpu_clock_now_ns(void);

/* This CPU's line, and where it is now; not below anything that a CPU was told. */
struct time_line cpu_clock_line(void);

/* Which line that is: another number when it has changed. */
uint64_t cpu_clock_id(void);

/* The counter's value at which this CPU's clock will have reached `ns`, by its present line. */
uint64_t cpu_clock_to_tsc(uint64_t ns);

/*
 * Called as part of WORK_TIMER, no lock held: whether the line has changed since the last time, so
 * that what was computed by it has to be computed again. Sets the timer for the next look.
 */
must_check bool cpu_clock_follow(void);

/* How far the last looks found this CPU's clock from the source, for the log. */
struct cpu_clock_state {
    int64_t behind_ns;
    uint64_t doubt_ns, period_ns, hz;
};
struct cpu_clock_state cpu_clock_state(unsigned int cpu);
