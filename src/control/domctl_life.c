// SPDX-License-Identifier: Apache-2.0
// domctl: a domain runs, stops, goes on, and ends.
#include "control/domctl.h"
#include "domain/pause.h"

/*
 * A piece at a time: the tools' call is issued again until the domain has given everything back.
 * Who is dead already stays so. References from elsewhere may keep its number in use for longer.
 */
long domctl_destroy(struct domain *d, struct xen_domctl *op)
{
    return domain_kill(d);
}

/* -EOVERFLOW: paused too often. */
long domctl_pause(struct domain *d, struct xen_domctl *op)
{
    return domain_pause_by_controller(d);
}

/* -EINVAL: it was not paused. */
long domctl_unpause(struct domain *d, struct xen_domctl *op)
{
    WRITE_ONCE(d->started, true);
    return domain_unpause_by_controller(d);
}

/* Its port to send on when it suspends, instead of telling everyone; 0: none. */
long domctl_subscribe(struct domain *d, struct xen_domctl *op)
{
    WRITE_ONCE(d->suspend_port, op->u.subscribe.port);
    return 0;
}

long domctl_resume(struct domain *d, struct xen_domctl *op)
{
    domain_resume(d);
    return 0;
}
