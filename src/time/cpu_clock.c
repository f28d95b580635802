// SPDX-License-Identifier: Apache-2.0
// Each CPU's clock: lines that meet the machine's counter again and again.
//
// A line is never bent back: one that was found ahead of the source goes on a little slower, so
// that it meets the source by the time of the next look. Looks come a hundredth of a second apart
// at first; how fast the counter runs is learned from the last eight, and the longer that was
// right, the rarer they become, up to one a second.
#include "time/cpu_clock.h"

#include "arch/clock.h"
#include "base/cpu.h"
#include "domain/domain.h"
#include "time/clock_source.h"
#include "time/time.h"
#include "time/timer.h"

#define SHORTEST_PERIOD_NS (10 * NS_PER_MS)
#define LONGEST_PERIOD_NS  NS_PER_SECOND

/* A prediction that missed by more, and by more than looks can err, tells that the rate changed. */
#define SURPRISE_NS 500

/* A look that leaves twice as much in doubt as the best one, and more than this, is a poor one. */
#define GOOD_DOUBT_NS 100

/* A clock that is ahead by more than this was never believed by anybody: it may go back. */
#define ABSURD_NS NS_PER_SECOND

#define LOOKS 8

/* How wrong the common rate may be for a CPU at first, and after a surprise. */
#define FIRST_PPB   1000000
#define UNKNOWN_PPB (UINT64_MAX / 2)

/* All of it is its own CPU's; `behind_ns` and what follows may be read by any. */
struct cpu_clock {
    struct time_line line;      /* what this CPU tells */
    struct time_line course;    /* the source's time as the last look and the rate foretell it */
    struct time_scale to_ticks; /* the line's other direction */
    uint64_t looked_tsc, period_ticks;
    uint64_t ticks, ns; /* the rate: so many ticks in so many nanoseconds, */
    uint64_t rate_ppb;  /* wrong by so many parts in a billion at most */
    struct {
        uint64_t tsc, ns, doubt_ns;
    } look[LOOKS]; /* the newest first */
    unsigned int looks;
    bool changed;       /* cpu_clock_follow() has not been told */
    struct timer timer; /* for the next look */
    int64_t behind_ns;
    uint64_t doubt_ns, period_ns;
} aligned_to(64);

static struct cpu_clock clocks[MAX_CPUS];

/* Set by cpu_clocks_start(). */
static uint64_t nominal_hz;
static struct time_line believed_line;

static uint64_t latest;   /* [a] the latest time that any CPU was told */
static uint64_t line_ids; /* [a] the last one given */

static struct cpu_clock *this_clock(void)
{
    return &clocks[this_cpu()->id];
}

/* `ns`, or what another CPU was told already. */
static uint64_t tell(uint64_t ns)
{
    uint64_t told = __atomic_load_n(&latest, __ATOMIC_SEQ_CST);

    while (told < ns) {
        if (__atomic_compare_exchange_n(&latest, &told, ns, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            return ns;
        }
    }
    return told;
}

static uint64_t source_ns(const struct clock_look *look)
{
    return look->ns + (uint64_t)look->behind_ns;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* From here on the clock advances `ns` in `ticks`. */
static void draw(struct cpu_clock *c, uint64_t tsc, uint64_t at_ns, uint64_t ticks, uint64_t ns)
{
    c->line = (struct time_line){
        .tsc = tsc,
        .ns = at_ns,
        .to_ns = time_scale_make(ticks, ns),
        .id = __atomic_add_fetch(&line_ids, 1, __ATOMIC_SEQ_CST),
    };
    c->to_ticks = time_scale_make(ns, ticks);
    c->changed = true;
    cpu_raise_self(WORK_TIMER);
}

/* What may have been read off this CPU's clock, or was told elsewhere. */
static uint64_t floor_at(const struct cpu_clock *c, uint64_t tsc)
{
    const struct vcpu *v = current_vcpu();
    uint64_t told = __atomic_load_n(&latest, __ATOMIC_SEQ_CST);
    uint64_t own = time_line_at(&c->line, tsc);
    bool guest_reads = v && v->time; /* idle vCPUs have no words */

    return guest_reads && own > told && own - told < ABSURD_NS ? own : told;
}

/* Through the source's time, or as near as can be, and on to where the source will be. */
static void draw_anew(struct cpu_clock *c, const struct clock_look *look)
{
    uint64_t true_ns = source_ns(look);
    uint64_t ns = MAX(true_ns, floor_at(c, look->tsc));
    uint64_t ahead = MIN(ns - true_ns, c->period_ns / 2);

    c->period_ticks = (uint64_t)((unsigned __int128)c->period_ns * c->ticks / c->ns);
    c->looked_tsc = look->tsc;
    c->course = (struct time_line){look->tsc, true_ns, time_scale_make(c->ticks, c->ns), 0};
    draw(c, look->tsc, ns, c->period_ticks, c->period_ns - ahead);
}

/* A CPU's first line: where the others are, at the rate that all were taken to have. */
static void begin(struct cpu_clock *c)
{
    uint64_t tsc = arch_read_tsc(), ns = __atomic_load_n(&latest, __ATOMIC_SEQ_CST);

    if (believed_line.to_ns.multiplier != 0) {
        uint64_t believed = time_line_at(&believed_line, tsc);
        ns = believed > ns && believed - ns < ABSURD_NS ? tell(believed) : ns;
    }
    c->ticks = nominal_hz;
    c->ns = NS_PER_SECOND;
    c->rate_ppb = FIRST_PPB;
    c->period_ns = SHORTEST_PERIOD_NS;
    c->period_ticks = 0;
    c->looked_tsc = tsc;
    draw(c, tsc, ns, c->ticks, c->ns);
    c->course = c->line;
}

/* ---- looks ----------------------------------------------------------------------------------- */

/* By how much the source is not where it was foretold. */
static uint64_t missed_by(const struct clock_look *look)
{
    return (uint64_t)(look->behind_ns < 0 ? -look->behind_ns : look->behind_ns);
}

/* Whether the counter did not run on as it did before. */
static bool is_surprise(const struct cpu_clock *c, const struct clock_look *look)
{
    if ((int64_t)(look->tsc - c->look[0].tsc) <= 0) {
        return true;
    }
    return c->looks > 1 && missed_by(look) > SURPRISE_NS + 4 * look->doubt_ns;
}

/* The rate since the oldest look, unless it is no rate that a counter has, or was known better. */
static void learn_rate(struct cpu_clock *c)
{
    uint64_t ticks = c->look[0].tsc - c->look[c->looks - 1].tsc;
    uint64_t ns = c->look[0].ns - c->look[c->looks - 1].ns;
    uint64_t nominal = (uint64_t)((unsigned __int128)ns * nominal_hz / NS_PER_SECOND), ppb;

    if (ticks < nominal / 4 || ticks / 4 > nominal || ns < SHORTEST_PERIOD_NS / 4) {
        c->looks = 1;
        c->rate_ppb = UNKNOWN_PPB;
        return;
    }
    ppb = (c->look[0].doubt_ns + c->look[c->looks - 1].doubt_ns) * NS_PER_SECOND / ns;
    if (ppb <= 2 * c->rate_ppb) {
        c->ticks = ticks;
        c->ns = ns;
        c->rate_ppb = ppb;
    }
}

static uint64_t longest_period(void)
{
    return MIN(LONGEST_PERIOD_NS, clock_source_patience_ns());
}

static void remember(struct cpu_clock *c, const struct clock_look *look)
{
    if (c->looks > 0 && is_surprise(c, look)) {
        c->looks = 0;
        c->rate_ppb = UNKNOWN_PPB;
    }
    for (unsigned int i = LOOKS - 1; i > 0; i--) {
        c->look[i] = c->look[i - 1];
    }
    c->look[0].tsc = look->tsc;
    c->look[0].ns = source_ns(look);
    c->look[0].doubt_ns = look->doubt_ns;
    c->looks = MIN(c->looks + 1, 0U + LOOKS);
    if (c->looks > 1) {
        learn_rate(c);
    }
}

/*
 * Something took the CPU away in the middle of every reading: no news, if what little is known does
 * not tell against the course.
 */
static bool is_poor(const struct cpu_clock *c, const struct clock_look *look)
{
    uint64_t best = UINT64_MAX;

    for (unsigned int i = 0; i < c->looks; i++) {
        best = MIN(best, c->look[i].doubt_ns);
    }
    return c->looks > 1 && missed_by(look) <= look->doubt_ns &&
           look->doubt_ns > 2 * best + GOOD_DOUBT_NS;
}

static void look(struct cpu_clock *c)
{
    struct clock_look look;

    if (!clock_source_look(&c->course, &look)) {
        return; /* at the next occasion */
    }
    c->behind_ns = look.behind_ns;
    c->doubt_ns = look.doubt_ns;
    if (is_poor(c, &look)) {
        look.behind_ns = 0; /* as foretold, and looked at again soon */
        c->period_ns = SHORTEST_PERIOD_NS;
    } else {
        remember(c, &look);
        c->period_ns = MAX((c->look[0].ns - c->look[c->looks - 1].ns) / 4, SHORTEST_PERIOD_NS);
        c->period_ns = MIN(c->period_ns, longest_period());
    }
    draw_anew(c, &look);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The CPU's clock, looked at not long ago: a counter that was set back counts as long ago. */
static struct cpu_clock *fresh_clock(void)
{
    struct cpu_clock *c = this_clock();

    if (unlikely(c->line.id == 0)) {
        begin(c);
    }
    if (unlikely(arch_read_tsc() - c->looked_tsc >= c->period_ticks)) {
        look(c);
    }
    return c;
}

uint64_t cpu_clock_now_ns(void)
{
    const struct cpu_clock *c = fresh_clock();

    return tell(time_line_at(&c->line, arch_read_tsc()));
}

struct time_line cpu_clock_line(void)
{
    struct cpu_clock *c = fresh_clock();
    struct time_line now = c->line;
    uint64_t told;

    now.tsc = arch_read_tsc();
    now.ns = time_line_at(&c->line, now.tsc);
    told = tell(now.ns);
    if (told > now.ns) {
        /* A vCPU that came here may have seen it elsewhere: the line moves up. */
        now.ns = told;
        now.id = __atomic_add_fetch(&line_ids, 1, __ATOMIC_SEQ_CST);
        c->line = now;
    }
    return now;
}

uint64_t cpu_clock_id(void)
{
    return fresh_clock()->line.id;
}

uint64_t cpu_clock_to_tsc(uint64_t ns)
{
    const struct cpu_clock *c = fresh_clock();
    uint64_t ticks;

    if (ns <= c->line.ns) {
        return c->line.tsc;
    }
    ticks = time_scale_apply(&c->to_ticks, ns - c->line.ns);
    return ticks >= UINT64_MAX - c->line.tsc - 2 ? UINT64_MAX : c->line.tsc + ticks + 2;
}

/* ---- the timer ------------------------------------------------------------------------------- */

/* Moved to another CPU where its own went offline: then that one's clock gets a look too many. */
static void time_to_look(void *data)
{
    look(this_clock());
}

bool cpu_clock_follow(void)
{
    struct cpu_clock *c = this_clock();

    if (!c->changed) {
        return false;
    }
    c->changed = false;
    if (!c->timer.fn) {
        timer_init(&c->timer, time_to_look, NULL, this_cpu()->id);
    }
    timer_migrate(&c->timer, this_cpu()->id);
    timer_set(&c->timer, c->line.ns + c->period_ns);
    return true;
}

/* ---- start ----------------------------------------------------------------------------------- */

void cpu_clocks_start(const struct clock_source *source, uint64_t now_ns, uint64_t tsc_hz,
                      const struct time_line *believed)
{
    nominal_hz = tsc_hz;
    believed_line = believed ? *believed : (struct time_line){0};
    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++) {
        clocks[cpu] = (struct cpu_clock){0};
    }
    __atomic_store_n(&latest, now_ns, __ATOMIC_SEQ_CST);
    clock_source_start(source, now_ns);
}

struct cpu_clock_state cpu_clock_state(unsigned int cpu)
{
    const struct cpu_clock *c = &clocks[cpu];

    return (struct cpu_clock_state){
        .behind_ns = c->behind_ns,
        .doubt_ns = c->doubt_ns,
        .period_ns = c->period_ns,
        .hz = c->ns == 0 ? 0 : (uint64_t)((unsigned __int128)c->ticks * NS_PER_SECOND / c->ns),
    };
}
