// SPDX-License-Identifier: Apache-2.0
// A domain as tools see it: struct xen_domctl_getdomaininfo.
#include "control/machine.h"
#include "control/sysctl.h"
#include "domain/pause.h"
#include "lib/string.h"
#include "sched/sched.h"

/* Running where one of its vCPUs is, blocked where all that are up wait. */
static uint32_t vcpu_flags(const struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    uint32_t flags = XEN_DOMINF_blocked;

    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        const struct vcpu *v = __atomic_load_n(&d->vcpus[i], __ATOMIC_ACQUIRE);
        uint32_t pause;

        if (!v) {
            continue;
        }
        info->max_vcpu_id = i;
        pause = READ_ONCE(v->pause);
        if ((pause & VCPU_DOWN) != 0) {
            continue;
        }
        info->nr_online_vcpus++;
        if ((pause & (VCPU_BLOCKED | VCPU_POLLING)) == 0) {
            flags &= ~XEN_DOMINF_blocked;
        }
        if (sched_is_running(v)) {
            flags |= XEN_DOMINF_running;
        }
    }
    return info->nr_online_vcpus == 0 ? 0 : flags;
}

/* The code of a domain that has not shut down is all ones, as tools have always seen it. */
static uint32_t life_flags(const struct domain *d)
{
    uint32_t code = READ_ONCE(d->shutdown_code);
    uint32_t flags = 0;

    if (READ_ONCE(d->life) != DOMAIN_ALIVE) {
        flags |= XEN_DOMINF_dying;
    }
    if (code != NOT_SHUT_DOWN) {
        flags |= XEN_DOMINF_shutdown;
    }
    if (domain_is_paused_by_controller(d)) {
        flags |= XEN_DOMINF_paused;
    }
    if (READ_ONCE(d->debugged)) {
        flags |= XEN_DOMINF_debugged;
    }
    if (d->xenstore) {
        flags |= XEN_DOMINF_xs_domain;
    }
    return flags | code << XEN_DOMINF_shutdownshift;
}

void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->flags = vcpu_flags(d, info) | life_flags(d);
    info->tot_pages = READ_ONCE(d->total_pages);
    info->max_pages = READ_ONCE(d->max_pages);
    info->outstanding_pages = READ_ONCE(d->claimed_pages);
    info->shared_info_frame = d->shared_mfn;
    info->cpu_time = sched_domain_cpu_time_ns(d);
    info->ssidref = d->ssid_reference;
    info->gpaddr_bits = (uint8_t)machine_address_bits();
    info->arch_config = d->arch_config;
    spin_lock(&d->lock); /* not half of one handle and half of the next */
    memcpy(info->handle, d->handle, sizeof(info->handle));
    spin_unlock(&d->lock);
}
