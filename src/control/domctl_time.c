// SPDX-License-Identifier: Apache-2.0
// domctl: how a domain reads the time-stamp counter. It always reads the machine's own.
#include "abi/errno.h"
#include "arch/clock.h"
#include "base/cpu.h"
#include "control/domctl.h"
#include "lib/string.h"
#include "time/time.h"

enum { TSC_DEFAULT, TSC_ALWAYS_EMULATE, TSC_NEVER_EMULATE };

/* -EINVAL: of oneself. */
long domctl_get_tsc(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_tsc_info *t = &op->u.tsc_info;

    if (d == current_vcpu()->domain) {
        return -EINVAL;
    }
    memset(t, 0, sizeof(*t));
    t->tsc_mode = d->tsc_mode;
    t->gtsc_khz = d->tsc_mode == TSC_NEVER_EMULATE ? 0 : (uint32_t)(arch_tsc_hz() / 1000);
    t->elapsed_nsec = d->tsc_mode == TSC_NEVER_EMULATE ? 0 : time_now_ns();
    t->incarnation = d->tsc_incarnation;
    return 0;
}

/*
 * -EINVAL: of oneself, or no such mode; -EOPNOTSUPP: reads would have to trap, or to be scaled from
 * another machine's rate.
 */
long domctl_set_tsc(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_tsc_info *t = &op->u.tsc_info;
    uint32_t khz = (uint32_t)(arch_tsc_hz() / 1000);

    if (d == current_vcpu()->domain || t->tsc_mode > TSC_NEVER_EMULATE) {
        return -EINVAL;
    }
    if (t->tsc_mode == TSC_ALWAYS_EMULATE ||
        (t->tsc_mode == TSC_DEFAULT && t->gtsc_khz != 0 && t->gtsc_khz != khz)) {
        return -EOPNOTSUPP;
    }
    spin_lock(&d->lock);
    d->tsc_mode = t->tsc_mode;
    d->tsc_incarnation = t->incarnation + 1;
    spin_unlock(&d->lock);
    return 0;
}
