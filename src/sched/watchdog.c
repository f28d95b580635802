// SPDX-License-Identifier: Apache-2.0
// Domains' watchdogs: one that is not set again in time shuts its domain down.
#include "abi/errno.h"
#include "sched/internal.h"
#include "time/time.h"

static void expired(void *data)
{
    struct watchdog *w = data;

    domain_shutdown(w->domain, SHUTDOWN_watchdog);
}

void watchdogs_init(struct domain_sched *ds)
{
    for (unsigned int i = 0; i < WATCHDOGS; i++) {
        ds->watchdog[i].domain = ds->domain;
        timer_init(&ds->watchdog[i].timer, expired, &ds->watchdog[i], this_cpu()->id);
    }
}

void watchdogs_kill(struct domain_sched *ds)
{
    for (unsigned int i = 0; i < WATCHDOGS; i++) {
        timer_kill(&ds->watchdog[i].timer);
    }
}

static void set(struct watchdog *w, uint32_t timeout_seconds)
{
    w->in_use = timeout_seconds != 0;
    if (w->in_use) {
        timer_set(&w->timer, time_now_ns() + timeout_seconds * NS_PER_SECOND);
    } else {
        timer_stop(&w->timer);
    }
}

/* The id of a watchdog that was not in use and is now. The domain's lock is held. */
static long start_one(struct domain_sched *ds, uint32_t timeout_seconds)
{
    for (unsigned int i = 0; i < WATCHDOGS; i++) {
        if (!ds->watchdog[i].in_use) {
            set(&ds->watchdog[i], timeout_seconds);
            return i + 1;
        }
    }
    return -ENOSPC;
}

long sched_watchdog(struct domain *d, uint32_t id, uint32_t timeout_seconds)
{
    struct domain_sched *ds = domain_sched(d);
    long result = -EINVAL;

    spin_lock(&d->lock);
    if (id == 0 && timeout_seconds != 0) {
        result = start_one(ds, timeout_seconds);
    } else if (id != 0 && id <= WATCHDOGS && ds->watchdog[id - 1].in_use) {
        set(&ds->watchdog[id - 1], timeout_seconds);
        result = 0;
    }
    spin_unlock(&d->lock);
    return result;
}
