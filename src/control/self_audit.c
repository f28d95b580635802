// SPDX-License-Identifier: Apache-2.0
// Audits on a running machine.
#include "control/self_audit.h"

#include "base/cpu.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/param.h"
#include "console/keys.h"
#include "domain/domain.h"
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

static void for_each_other_vcpu(void (*act)(struct vcpu *v))
{
    struct domain *d;

    for (int id = -1; (d = domain_get_next(id)) != NULL; domain_put(d)) {
        id = d->id;
        for (unsigned int i = 0; i < d->max_vcpus; i++) {
            struct vcpu *v = READ_ONCE(d->vcpus[i]);
            if (v && v != current_vcpu()) {
                act(v);
            }
        }
    }
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

/* False where another CPU is at it. */
static bool audit(void)
{
    long faults;

    if (__atomic_exchange_n(&auditing, true, __ATOMIC_ACQUIRE)) {
        return false;
    }
    for_each_other_vcpu(vcpu_pause);
    faults = audit_frames(NULL);
    audits++;
    for_each_other_vcpu(vcpu_unpause);
    __atomic_store_n(&auditing, false, __ATOMIC_RELEASE);
    if (faults < 0) {
        log_warning("no memory for an audit");
    } else if (faults > 0) {
        panic("the audit of memory found %ld faults", faults);
    }
    return true;
}

static void audit_on_key(void)
{
    if (audit()) {
        log_census();
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
