// SPDX-License-Identifier: Apache-2.0
// A counter of the machine that all CPUs share, as the measure of time: HPET, ACPI timer, PIT. One
// of them is in use at a time; it stands in where time-stamp counters are not to be trusted, and is
// what they are compared with where they are.
//
// A look says how far a CPU's own idea of time is from the counter's. Reading the counter takes
// long, and a tick of it too, so a look is several readings: each puts bounds on the difference,
// and what all of them allow is far narrower than any.
#pragma once

#include "time/line.h"

struct clock_source {
    const char *name;
    uint64_t (*read)(void); /* counts up */
    void (*latch)(void);    /* where not NULL: what read() then gives is the count at this moment */
    uint64_t hz;
    uint64_t wrap_mask; /* a difference of counts is known modulo this and 1 */
};

/* From now on `source` is in use, and its present count is system time `ns`. Takes RANK_CLOCK. */
void clock_source_start(const struct clock_source *source, uint64_t ns);

/* NULL before clock_source_start(). */
const struct clock_source *clock_source_in_use(void);

/* Somebody has to look at least this often, or a turn of the counter is lost. */
uint64_t clock_source_patience_ns(void);

struct clock_look {
    uint64_t tsc;      /* when it ended, */
    uint64_t ns;       /* and what the line said then */
    int64_t behind_ns; /* the line is behind the source by this... */
    uint64_t doubt_ns; /* ...to as many more or less */
};

/*
 * Compare this CPU's counter, read by `line`, with the source. Takes as long as sixteen readings.
 * Any context, any lock held: where another CPU is looking at this moment it returns false at once.
 */
must_check bool clock_source_look(const struct time_line *line, struct clock_look *look);
