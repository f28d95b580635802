// SPDX-License-Identifier: Apache-2.0
// The last steps before a guest runs: pending work, then what its kernel is owed.
#include "pv/exit.h"

#include "arch/cpu.h"
#include "base/cpu.h"
#include "domain/domain.h"
#include "pv/bounce.h"
#include "sched/sched.h"

static bool upcall_is_owed(const struct vcpu *v)
{
    return READ_ONCE(v->info->evtchn_upcall_pending) != 0 &&
           READ_ONCE(v->info->evtchn_upcall_mask) == 0 && v->event.address != 0;
}

/* Bounces may end the domain, so the caller looks again afterwards. */
static void deliver(struct vcpu *v)
{
    if (v->lost_segment) {
        v->lost_segment = false;
        if (v->failsafe.address != 0) {
            pv_bounce_failsafe(v);
        }
    }
    if (READ_ONCE(v->nmi_pending) && v->nmi_masked == 0 && pv_has_nmi_handler(v)) {
        WRITE_ONCE(v->nmi_pending, false);
        v->nmi_masked = 1;
        pv_refresh_careful(v);
        pv_bounce_nmi(v);
    }
    if (upcall_is_owed(v)) {
        pv_bounce_event(v);
    }
}

struct vcpu *exit_to_guest(void)
{
    struct cpu *cpu = this_cpu();

    for (;;) {
        struct vcpu *v;
        if (READ_ONCE(cpu->pending) != 0) {
            cpu_do_work();
        }
        v = cpu->current;
        if (vcpu_is_idle(v)) {
            arch_idle();
        } else if (READ_ONCE(v->pause) != 0) {
            cpu_raise_self(WORK_SCHEDULE);
        } else {
            deliver(v);
            if (READ_ONCE(cpu->pending) == 0 && READ_ONCE(v->pause) == 0) {
                return v;
            }
        }
    }
}
