// SPDX-License-Identifier: Apache-2.0
// The round of comparisons: CPU 0, right after it another one, CPU 0 again, and a second later the
// same with the next. The first comparison of a round tells of the rate, the others whether two
// CPUs agree. Two of a kind in a row that cannot be explained end the trust: one alone may be a
// virtual machine that was stopped for a while.
#include "time/tsc_watch.h"

#include "base/cpu.h"
#include "base/log.h"
#include "time/time.h"
#include "time/timer.h"

#define ROUND_NS  NS_PER_SECOND
#define STRIKES   2
#define FIRST_CPU 0

/* How far two comparisons may differ: the measured rate may be off, and the source's own too. */
#define ALLOWED_NS  (100 * NS_PER_US)
#define ALLOWED_PPM 1000

/* Only the CPU that the timer is on touches it. */
static struct {
    const struct clock_source *source;
    struct timer timer;
    struct clock_look before;
    bool has_before;
    enum { RATE, AGREEMENT, SUBJECTS } subject; /* of the next comparison */
    unsigned int strikes[SUBJECTS];
    unsigned int turn; /* the CPU that was compared with the first one last */
    bool back;         /* the first one comes next, after another */
} watch;

static uint64_t allowed_ns(const struct clock_look *a, const struct clock_look *b)
{
    uint64_t ns = b->ns > a->ns ? b->ns - a->ns : 0;

    return ALLOWED_NS + ns / (1000000 / ALLOWED_PPM) + a->doubt_ns + b->doubt_ns;
}

static bool differ(const struct clock_look *a, const struct clock_look *b)
{
    int64_t change = b->behind_ns - a->behind_ns;

    return (uint64_t)(change < 0 ? -change : change) > allowed_ns(a, b);
}

/* The next one that is online after the last; FIRST_CPU where there is no other. */
static unsigned int next_other(void)
{
    for (unsigned int i = 0; i < cpu_count; i++) {
        watch.turn = (watch.turn + 1) % cpu_count;
        if (watch.turn != FIRST_CPU && cpu_is_online(watch.turn)) {
            return watch.turn;
        }
    }
    return FIRST_CPU;
}

/* "At once" in any CPU's time: how late or early another one's clock is, is the very question. */
#define AT_ONCE 0

static void go_on(void)
{
    unsigned int here = this_cpu()->id, next = FIRST_CPU;

    if (here == FIRST_CPU) {
        watch.back = !watch.back;
        next = watch.back ? next_other() : FIRST_CPU;
    }
    watch.subject = next == here ? RATE : AGREEMENT;
    timer_migrate(&watch.timer, next);
    timer_set(&watch.timer, next == here ? time_now_ns() + ROUND_NS : AT_ONCE);
}

static void give_up(const struct clock_look *look)
{
    log_warning("CPU %u: its time-stamp counter has parted from the %s by %ld ns: corrected by it "
                "from now on",
                this_cpu()->id, watch.source->name,
                (long)(look->behind_ns - watch.before.behind_ns));
    time_correct_by(watch.source);
}

static void compare(void *data)
{
    unsigned int *strikes = &watch.strikes[watch.subject];
    struct clock_look look;

    if (!clock_source_look(time_common_line(), &look)) {
        go_on();
        return;
    }
    *strikes = watch.has_before && differ(&watch.before, &look) ? *strikes + 1 : 0;
    if (*strikes == STRIKES) {
        give_up(&look);
        return;
    }
    watch.before = look;
    watch.has_before = true;
    go_on();
}

void tsc_watch_start(const struct clock_source *source)
{
    watch = (typeof(watch)){.source = source};
    clock_source_start(source, time_now_ns());
    timer_init(&watch.timer, compare, NULL, FIRST_CPU);
    timer_set(&watch.timer, time_now_ns() + ROUND_NS);
}
