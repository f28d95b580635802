// SPDX-License-Identifier: Apache-2.0
// The choice of a clock. Options are the reference's: clocksource= names a counter (pit, hpet,
// acpi, tsc), hpet= lets the HPET be, tsc=unstable and tsc=skewed say that time-stamp counters are
// not to be relied on.
#include "boot/clocks.h"

#include "abi/errno.h"
#include "base/log.h"
#include "base/param.h"
#include "boot/machine.h"
#include "lib/string.h"
#include "platform/hpet.h"
#include "platform/pit.h"
#include "platform/pmtimer.h"
#include "time/time.h"
#include "time/tsc_watch.h"

static enum choice { BEST, TSC, HPET, ACPI_TIMER, PIT, CHOICES } wanted = BEST;
static bool use_hpet = true;
static bool broadcast_asked;
static bool distrust_tsc;

static int set_clocksource(const struct param *param, const char *value)
{
    static const char *const names[CHOICES] = {
        [BEST] = "", [TSC] = "tsc", [HPET] = "hpet", [ACPI_TIMER] = "acpi", [PIT] = "pit"};

    for (unsigned int i = 0; value && i < ARRAY_SIZE(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            wanted = (enum choice)i;
            return 0;
        }
    }
    return -EINVAL;
}
PARAM_CUSTOM("clocksource", set_clocksource);

static int set_hpet(const struct param *param, const char *value)
{
    int truth = value ? parse_bool(value) : 1;

    if (value && strcmp(value, "broadcast") == 0) {
        broadcast_asked = true;
        return 0;
    }
    if (truth < 0) {
        return -EINVAL;
    }
    use_hpet = truth != 0;
    return 0;
}
PARAM_CUSTOM("hpet", set_hpet);

/* "stable:socket" is how they are taken to be anyhow, until they turn out otherwise. */
static int set_tsc(const struct param *param, const char *value)
{
    if (!value || (strcmp(value, "unstable") != 0 && strcmp(value, "skewed") != 0 &&
                   strcmp(value, "stable:socket") != 0)) {
        return -EINVAL;
    }
    distrust_tsc = strcmp(value, "stable:socket") != 0;
    return 0;
}
PARAM_CUSTOM("tsc", set_tsc);

/* ---- what there is --------------------------------------------------------------------------- */

bool clocks_broadcast_asked(void)
{
    return broadcast_asked;
}

void clocks_find(void)
{
    uint64_t hpet = acpi_hpet_paddr(0);

    if (use_hpet && hpet != 0 && hpet_init(hpet) != 0) {
        log_warning("the HPET does not work");
    }
    if (machine.has_fadt && pmtimer_init(&machine.fadt) != 0) {
        log_debug("there is no ACPI timer");
    }
}

const struct clock_reference *clocks_reference(void)
{
    const struct clock_reference *reference = hpet_reference();

    if (!reference) {
        reference = pmtimer_reference();
    }
    return reference ? reference : pit_reference();
}

static const struct clock_source *source_from(const struct clock_reference *reference)
{
    static struct clock_source source;

    if (!reference) {
        return NULL;
    }
    source = (struct clock_source){
        .name = reference->name,
        .read = reference->read,
        .hz = reference->hz,
        .wrap_mask = reference->wrap_mask,
    };
    return &source;
}

static const struct clock_source *source_named(enum choice choice)
{
    switch (choice) {
    case HPET:
        return source_from(hpet_reference());
    case ACPI_TIMER:
        return source_from(pmtimer_reference());
    case PIT:
        return pit_clock();
    default:
        return NULL;
    }
}

/* The PIT comes round so often that it is only good where there is nothing else. */
static const struct clock_source *best_source(void)
{
    const struct clock_source *source = source_named(HPET);

    return source ? source : source_named(ACPI_TIMER);
}

/* ---- the choice ------------------------------------------------------------------------------ */

static void correct_by(const struct clock_source *source, const char *why)
{
    log_info("clock source: %s, %lu kHz, %s", source->name, (unsigned long)(source->hz / 1000),
             why);
    time_correct_by(source);
}

/* Who names it is believed; else it is watched, by what can be read rarely. */
static void rely_on_tsc(void)
{
    const struct clock_source *source = wanted == TSC ? NULL : best_source();

    time_set_stable(true);
    if (!source) {
        log_info("clock source: time-stamp counter");
        return;
    }
    log_info("clock source: time-stamp counter, watched by the %s", source->name);
    tsc_watch_start(source);
}

void clocks_settle(bool counters_agree, bool counters_stop)
{
    const struct clock_source *source = source_named(wanted);

    if (source) {
        correct_by(source, "as asked for");
        return;
    }
    if (wanted != BEST && wanted != TSC) {
        log_warning("the clock source that was asked for is not there");
    }
    if (counters_agree && !counters_stop && !distrust_tsc) {
        rely_on_tsc();
        return;
    }
    source = best_source();
    correct_by(source ? source : pit_clock(), counters_agree
                                                  ? "as time-stamp counters are not to be relied on"
                                                  : "as time-stamp counters differ");
}
