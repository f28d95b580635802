// SPDX-License-Identifier: Apache-2.0
// The machine's counter, without an end, and looks at it.
#include "time/clock_source.h"

#include "arch/clock.h"
#include "base/lock.h"
#include "time/time.h"

#define READINGS 16

/* Every field is guarded by `lock`, which also keeps two CPUs' accesses to the counter apart. */
static struct {
    spinlock_t lock;
    const struct clock_source *source;
    struct time_scale to_ns;
    uint64_t tick_ns; /* rounded up */
    uint64_t start_ns;
    uint64_t turn_ticks; /* where a turn is so short that some may get lost, else 0 */
    uint64_t ticks;      /* since the start... */
    uint64_t count;      /* ...when it stood at this */
} clock = {.lock = SPINLOCK(RANK_CLOCK)};

static uint64_t read_raw(void)
{
    return clock.source->read() & clock.source->wrap_mask;
}

void clock_source_start(const struct clock_source *source, uint64_t ns)
{
    spin_lock(&clock.lock);
    clock.source = source;
    clock.to_ns = time_scale_make(source->hz, NS_PER_SECOND);
    clock.turn_ticks = source->wrap_mask < source->hz ? source->wrap_mask + 1 : 0;
    clock.tick_ns = time_scale_apply(&clock.to_ns, 1) + 1;
    clock.start_ns = ns;
    clock.ticks = 0;
    if (source->latch) {
        source->latch();
    }
    clock.count = read_raw();
    spin_unlock(&clock.lock);
}

const struct clock_source *clock_source_in_use(void)
{
    return READ_ONCE(clock.source);
}

/* A quarter of a turn: whoever is late by twice as much loses nothing. */
uint64_t clock_source_patience_ns(void)
{
    return time_scale_apply(&clock.to_ns, clock.source->wrap_mask / 4);
}

/*
 * The count goes on from what was read before. Old chips now and then give one that is too low: it
 * would be nearly a whole turn, which nobody is late by where turns are long, and is left alone.
 */
static void go_on_to(uint64_t count)
{
    uint64_t mask = clock.source->wrap_mask, more = (count - clock.count) & mask;

    if (more <= mask - mask / 8 || clock.turn_ticks != 0) {
        clock.ticks += more;
        clock.count = count;
    }
}

static uint64_t ns_now(void)
{
    return clock.start_ns + time_scale_apply(&clock.to_ns, clock.ticks);
}

/*
 * A counter as fast round as the PIT's may have turned more than once since somebody looked, on a
 * machine that is not always run. How often, the line knows, which is right to half a turn by far.
 */
static void make_up_for_turns(uint64_t expected_ns)
{
    uint64_t turn_ns = time_scale_apply(&clock.to_ns, clock.turn_ticks);
    int64_t late = (int64_t)(expected_ns - ns_now());

    if (clock.turn_ticks != 0 && late > (int64_t)turn_ns / 2) {
        clock.ticks += ((uint64_t)late + turn_ns / 2) / turn_ns * clock.turn_ticks;
    }
}

/* What is known of how far the line is behind the source, in nanoseconds. */
struct bounds {
    int64_t low, high;
};

static const struct bounds nothing_known = {INT64_MIN / 4, INT64_MAX / 4};

/* The CPU was taken away for so long in between that turns may have been missed: the next reading
 * tells. */
static bool is_useless(const struct time_line *line, uint64_t before, uint64_t after)
{
    uint64_t ns = time_line_at(line, after) - time_line_at(line, before);

    return clock.turn_ticks != 0 && ns > time_scale_apply(&clock.to_ns, clock.turn_ticks) / 4;
}

/*
 * The count was read at some moment between two looks at the time-stamp counter, and had stood
 * there for up to a tick.
 */
static struct bounds read_once(const struct time_line *line)
{
    uint64_t before, after, count, ns;

    if (clock.source->latch) {
        before = arch_read_tsc_ordered();
        clock.source->latch();
        after = arch_read_tsc_ordered();
        count = read_raw();
    } else {
        before = arch_read_tsc_ordered();
        count = read_raw();
        after = arch_read_tsc_ordered();
    }
    go_on_to(count);
    make_up_for_turns(time_line_at(line, before));
    if (is_useless(line, before, after)) {
        return nothing_known;
    }
    ns = ns_now();
    return (struct bounds){
        .low = (int64_t)(ns - time_line_at(line, after)) - 1,
        .high = (int64_t)(ns + clock.tick_ns - time_line_at(line, before)) + 1,
    };
}

static struct bounds read_often(const struct time_line *line)
{
    struct bounds all = read_once(line);

    for (unsigned int i = 1; i < READINGS; i++) {
        struct bounds one = read_once(line);
        struct bounds both = {MAX(all.low, one.low), MIN(all.high, one.high)};

        /* They exclude each other where a counter jumped in between: the newer one is right. */
        all = both.low <= both.high ? both : one;
    }
    return all;
}

bool clock_source_look(const struct time_line *line, struct clock_look *look)
{
    struct bounds bounds;

    if (!clock_source_in_use() || !spin_trylock(&clock.lock)) {
        return false;
    }
    bounds = read_often(line);
    spin_unlock(&clock.lock);
    if (bounds.low == nothing_known.low) {
        return false;
    }
    look->tsc = arch_read_tsc_ordered();
    look->ns = time_line_at(line, look->tsc);
    look->behind_ns = bounds.low + (bounds.high - bounds.low) / 2;
    look->doubt_ns = (uint64_t)(bounds.high - bounds.low + 1) / 2;
    return true;
}
