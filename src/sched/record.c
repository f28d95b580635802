// SPDX-License-Identifier: Apache-2.0
// The last events that the scheduler saw, in a ring.
#include "sched/record.h"

#include "base/log.h"
#include "base/param.h"
#include "memory/allocator.h"
#include "time/time.h"

#if defined(PAVISE_DEBUG) || defined(PAVISE_HOST)

#define MOST_EVENTS 150000 /* what one allocation holds */

/* One line of the log: time, domain and vCPU, what happened. */
struct event {
    uint64_t at_ns, value;
    uint16_t domain, vcpu;
    char what;
};

static uint64_t wanted;
PARAM_INTEGER("sched_record", wanted);

static struct event *ring; /* [a] NULL: nothing is recorded */
static uint64_t capacity;
static uint64_t next_event; /* [a] */

void sched_record_init(void)
{
    capacity = MIN(wanted, (uint64_t)MOST_EVENTS);
    next_event = 0;
    ring = capacity != 0 ? heap_new_array(struct event, capacity) : NULL;
    if (capacity != 0 && !ring) {
        log_warning("no memory for a record of the scheduler's");
    }
}

static void record(const struct vcpu_sched *s, char what, uint64_t now, uint64_t value)
{
    struct event *events = __atomic_load_n(&ring, __ATOMIC_ACQUIRE);

    if (events && !vcpu_is_idle(s->vcpu)) {
        uint64_t n = __atomic_fetch_add(&next_event, 1, __ATOMIC_RELAXED);
        events[n % capacity] =
            (struct event){now, value, (uint16_t)s->vcpu->domain->id, (uint16_t)s->vcpu->id, what};
    }
}

void sched_record_state(const struct vcpu_sched *s, int state, uint64_t now)
{
    static const char letters[] = {[RUNSTATE_running] = 'R',
                                   [RUNSTATE_runnable] = 'W',
                                   [RUNSTATE_blocked] = 'B',
                                   [RUNSTATE_offline] = 'O'};

    if (s->runstate.info.state != state) {
        record(s, letters[state], now, 0);
    }
}

void sched_record_yield(const struct vcpu_sched *s)
{
    record(s, 'Y', time_now_ns(), 0);
}

void sched_record_affinity(const struct vcpu_sched *s, uint64_t hard)
{
    record(s, 'A', time_now_ns(), hard);
}

void sched_record_print(void)
{
    struct event *events = __atomic_exchange_n(&ring, NULL, __ATOMIC_ACQ_REL);
    uint64_t end = __atomic_load_n(&next_event, __ATOMIC_RELAXED);

    if (!events) {
        return;
    }
    for (uint64_t n = end > capacity ? end - capacity : 0; n < end; n++) {
        const struct event *e = &events[n % capacity];
        log_always("sched %lu d%uv%u %c %lx", e->at_ns, e->domain, e->vcpu, e->what, e->value);
    }
}

#endif
