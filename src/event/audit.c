// SPDX-License-Identifier: Apache-2.0
// What the events of a domain hold on its frames, for the audit.
#include "arch/frames.h"
#include "event/fifo.h"

static void tell_vcpu(const struct vcpu *v, audit_tell_t tell, void *audit)
{
    if (v->registered_info) {
        tell(audit, v->info_frame, true, DOMID_INVALID);
    }
    if (v->events->control) {
        tell(audit, v->events->control_frame, true, DOMID_INVALID);
    }
}

void event_audit(struct domain *d, audit_tell_t tell, void *audit)
{
    const struct domain_fifo *fifo = d->events->fifo;

    for (uint32_t id = 0; id < d->max_vcpus; id++) {
        if (d->vcpus[id]) {
            tell_vcpu(d->vcpus[id], tell, audit);
        }
    }
    for (uint32_t i = 0; fifo && i < fifo->pages; i++) {
        tell(audit, virt_to_frame(fifo->page[i]), true, DOMID_INVALID);
    }
}
