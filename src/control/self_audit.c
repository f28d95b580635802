// SPDX-License-Identifier: Apache-2.0
// Audits on a running machine.
#include "control/self_audit.h"

#include "base/cpu.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/param.h"
#include "console/keys.h"
#include "domain/domain.h"
#include "domain/pause.h"
#include "memory/allocator.h"
#include "mmu/audit.h"
#include "mmu/types.h"
#include "time/time.h"
#include "time/timer.h"

static uint64_t period_ms;
PARAM_INTEGER("audit", period_ms);

static struct timer timer;
static bool auditing; /* [a] two that wait for each other's vCPUs would wait for ever */
static uint64_t audits;

/* ---- everybody stands still --------------------------------------------------------------------
 */

/* A result of `act` that is not 0 is passed on; the rest of the domains are left alone then. */
static long for_each_domain(long (*act)(struct domain *d))
{
    struct domain *d;
    long result = 0;

    for (int id = -1; result == 0 && (d = domain_get_next(id)) != NULL; domain_put(d)) {
        id = d->id;
        result = act(d);
    }
    return result;
}

static long pause(struct domain *d)
{
    domain_pause_nosync(d);
    return 0;
}

static long unpause(struct domain *d)
{
    domain_unpause(d);
    return 0;
}

/* Everybody but this CPU's own vCPU. False where another CPU waits for that one to leave. */
static bool stop_guests(void)
{
    (void)!for_each_domain(pause);
    if (for_each_domain(domain_wait_until_off) == 0) {
        return true;
    }
    (void)!for_each_domain(unpause);
    return false;
}

/* ---- what there is -----------------------------------------------------------------------------
 */

struct census {
    uint64_t used[FRAME_DESCRIPTORS + 1]; /* frames of guests by the type that they are used as */
    uint64_t pinned;
};

static void count_frame(struct census *c, const struct frame *f)
{
    uint64_t state = frame_state(f);

    if (f->owner < DOMID_FIRST_RESERVED) {
        c->used[state_type_count(state) != 0 ? state_type(state) : FRAME_NONE]++;
        c->pinned += (state & FRAME_PINNED) != 0;
    }
}

static void log_census(void)
{
    struct census c = {0};

    for (uint64_t n = 0; n < frame_count; n++) {
        count_frame(&c, frame_of(mfn(n)));
    }
    log_always("audit %lu: 0 faults; %lu frames free; guests' %lu unmapped or read-only, %lu "
               "writable, L1 %lu L2 %lu L3 %lu L4 %lu, %lu pinned, %lu with descriptors",
               audits, frames_free_count(), c.used[FRAME_NONE], c.used[FRAME_WRITABLE],
               c.used[FRAME_L1], c.used[FRAME_L2], c.used[FRAME_L3], c.used[FRAME_L4], c.pinned,
               c.used[FRAME_DESCRIPTORS]);
}

/* ---- the audit ---------------------------------------------------------------------------------
 */

/* Everything is audited, or found wrong, which is the end. */
static void audit_at_rest(void)
{
    long faults = audit_frames(NULL);

    audits++;
    if (faults < 0) {
        log_warning("no memory for an audit");
    } else if (faults > 0) {
        panic("the audit of memory found %ld faults", faults);
    }
}

/* False where it has to wait for another time, as other CPUs are busy with each other. */
static bool audit(void)
{
    bool done = false;

    if (__atomic_exchange_n(&auditing, true, __ATOMIC_ACQUIRE)) {
        return false;
    }
    if (stop_guests()) {
        audit_at_rest();
        (void)!for_each_domain(unpause);
        done = true;
    }
    __atomic_store_n(&auditing, false, __ATOMIC_RELEASE);
    return done;
}

static void audit_on_key(void)
{
    if (audit()) {
        log_census();
    } else {
        log_always("not now");
    }
}

static void audit_on_timer(void *unused)
{
    (void)!audit();
    timer_set(&timer, time_now_ns() + period_ms * NS_PER_MS);
}

void self_audit_init(void)
{
    static const struct console_key key = {'a', "audit all memory", audit_on_key};

    console_add_key(&key);
    if (period_ms != 0) {
        timer_init(&timer, audit_on_timer, NULL, 0);
        timer_set(&timer, time_now_ns() + period_ms * NS_PER_MS);
    }
}
