// SPDX-License-Identifier: Apache-2.0
// domctl: domains and their vCPUs are made. All of a configuration is checked before anything is.
#include "abi/errno.h"
#include "base/hypercall.h"
#include "base/panic.h"
#include "control/domctl.h"
#include "domain/pause.h"
#include "domain/quota.h"
#include "event/event.h"
#include "grant/grant.h"
#include "lib/string.h"

#define KNOWN_FLAGS      (2 * XEN_DOMCTL_CDF_MAX - 1)
#define KNOWN_IOMMU_OPTS (2 * XEN_DOMCTL_IOMMU_MAX - 1)
#define KNOWN_MISC_FLAGS (2 * XEN_X86_MISC_FLAGS_MAX - 1)

/* What only a domain with hardware assistance can have, or what takes hardware that is not driven.
 */
#define FLAGS_OF_OTHERS                                                        \
    (XEN_DOMCTL_CDF_hap | XEN_DOMCTL_CDF_s3_integrity | XEN_DOMCTL_CDF_iommu | \
     XEN_DOMCTL_CDF_nested_virt | XEN_DOMCTL_CDF_vpmu)

static long check_flags(const struct xen_domctl_createdomain *c)
{
    if ((c->flags & ~KNOWN_FLAGS) != 0 || (c->iommu_opts & ~KNOWN_IOMMU_OPTS) != 0) {
        return -EINVAL;
    }
    if ((c->flags & XEN_DOMCTL_CDF_hvm) != 0) {
        return -EOPNOTSUPP;
    }
    return (c->flags & FLAGS_OF_OTHERS) != 0 || c->iommu_opts != 0 || c->vmtrace_size != 0 ? -EINVAL
                                                                                           : 0;
}

/* The one device that a domain without firmware can have is a timer, and it is no use to it. */
static long check_arch(const struct xen_arch_domainconfig *c)
{
    if ((c->emulation_flags & ~XEN_X86_EMU_ALL) != 0 || (c->misc_flags & ~KNOWN_MISC_FLAGS) != 0) {
        return -EINVAL;
    }
    return (c->emulation_flags & ~XEN_X86_EMU_PIT) != 0 ? -EOPNOTSUPP : 0;
}

/* Limits of a grant table; a negative number stands for the default, which is also the most. */
struct grant_limits {
    uint32_t frames, maptrack_frames, version;
};

static uint32_t limit_or_default(int32_t wanted, uint32_t most)
{
    return wanted < 0 ? most : (uint32_t)wanted;
}

static long read_grant_limits(const struct xen_domctl_createdomain *c, struct grant_limits *limits)
{
    limits->frames = limit_or_default(c->max_grant_frames, GRANT_DEFAULT_FRAMES);
    limits->maptrack_frames =
        limit_or_default(c->max_maptrack_frames, GRANT_DEFAULT_MAPTRACK_FRAMES);
    limits->version = XEN_DOMCTL_GRANT_version(c->grant_opts);
    if ((c->grant_opts & ~(uint32_t)XEN_DOMCTL_GRANT_version_mask) != 0 || limits->version < 1 ||
        limits->version > 2 || limits->frames < 1 || limits->frames > GRANT_DEFAULT_FRAMES ||
        limits->maptrack_frames > GRANT_DEFAULT_MAPTRACK_FRAMES) {
        return -EINVAL;
    }
    return 0;
}

static long check(const struct xen_domctl_createdomain *c, struct grant_limits *limits)
{
    long error = check_flags(c);

    if (error == 0) {
        error = check_arch(&c->arch);
    }
    if (error == 0 && (c->max_vcpus < 1 || c->max_vcpus > MAX_VCPUS)) {
        error = -EINVAL;
    }
    if (error == 0) {
        error = read_grant_limits(c, limits);
    }
    /* Every domain is in pool 0. */
    return error == 0 && c->cpupool_id != 0 ? -ESRCH : error;
}

/* Nothing can fail from here on. The domain has no memory yet, and may have none. */
static void configure(struct domain *d, const struct xen_domctl_createdomain *c,
                      const struct grant_limits *limits)
{
    int error = grant_set_limits(d, limits->frames, limits->maptrack_frames, limits->version);
    long paused;

    BUG_ON(error != 0);
    event_set_max_port(d, MIN(c->max_evtchn_port, (uint32_t)INT32_MAX));
    d->ssid_reference = c->ssidref;
    memcpy(d->handle, c->handle, sizeof(d->handle));
    d->xenstore = (c->flags & XEN_DOMCTL_CDF_xs_domain) != 0;
    d->arch_config = c->arch;
    d->max_pages = 0;
    quota_settle(d);
    /* It waits for whoever builds it. */
    paused = domain_pause_by_controller(d);
    BUG_ON(paused != 0);
}

/* A number that a domain can't have asks for any. */
static domid_t wanted_id(domid_t id)
{
    return id == 0 || id >= DOMID_FIRST_RESERVED ? DOMID_INVALID : id;
}

/* -EEXIST: the number is taken; -ENFILE: all are; -ENOMEM. */
long domctl_create(struct domain *none, struct xen_domctl *op)
{
    const struct xen_domctl_createdomain *c = &op->u.createdomain;
    struct grant_limits limits;
    struct domain *d;
    long result = check(c, &limits);
    int error;

    if (result != 0) {
        return result;
    }
    d = domain_create_hidden(wanted_id(op->domain), c->max_vcpus, false, &error);
    if (!d) {
        return error;
    }
    configure(d, c, &limits);
    domain_reveal(d);
    op->domain = d->id;
    domain_put(d);
    return 0;
}

/* -ENODEV: it has begun to die. */
static long make_vcpu(struct domain *d, unsigned int id)
{
    long result = -ENODEV;

    spin_lock(&d->lock);
    if (d->life == DOMAIN_ALIVE) {
        result = vcpu_create(d, id) ? 0 : -ENOMEM;
    }
    spin_unlock(&d->lock);
    return result;
}

/* As many as its creator said, no more, no less. Those that are there already stay. */
long domctl_max_vcpus(struct domain *d, struct xen_domctl *op)
{
    if (op->u.max_vcpus.max != d->max_vcpus) {
        return -EINVAL;
    }
    for (unsigned int id = 0; id < d->max_vcpus; id++) {
        long result;
        if (d->vcpus[id]) {
            continue;
        }
        result = make_vcpu(d, id);
        if (result != 0) {
            return result;
        }
        if (should_stop()) {
            return HYPERCALL_RESTART;
        }
    }
    return 0;
}
