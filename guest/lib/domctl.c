// SPDX-License-Identifier: Apache-2.0
// domctl and sysctl as plain functions.

#include "domctl.h"

#define TWO_LEVEL_LAST_PORT (EVTCHN_2L_NR_CHANNELS - 1)
#define SHUTDOWN_NONE       (-1)

long domctl(uint32_t command, domid_t domid, struct xen_domctl *operation)
{
    operation->cmd = command;
    operation->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    operation->domain = domid;
    return hypercall1(__HYPERVISOR_domctl, POINTER(operation));
}

long sysctl(uint32_t command, struct xen_sysctl *operation)
{
    operation->cmd = command;
    operation->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_sysctl, POINTER(operation));
}

struct xen_domctl_createdomain domain_defaults(void)
{
    return (struct xen_domctl_createdomain){
        .max_vcpus = 1,
        .max_evtchn_port = TWO_LEVEL_LAST_PORT,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(2),
    };
}

long domain_create(domid_t wanted, const struct xen_domctl_createdomain *config)
{
    struct xen_domctl operation = {.u.createdomain = *config};
    long error = domctl(XEN_DOMCTL_createdomain, wanted, &operation);

    return error != 0 ? error : operation.domain;
}

long domain_max_vcpus(domid_t domid, unsigned count)
{
    struct xen_domctl operation = {.u.max_vcpus.max = count};

    return domctl(XEN_DOMCTL_max_vcpus, domid, &operation);
}

long domain_max_mem(domid_t domid, uint64_t kib)
{
    struct xen_domctl operation = {.u.max_mem.max_memkb = kib};

    return domctl(XEN_DOMCTL_max_mem, domid, &operation);
}

long domain_hypercall_page(domid_t domid, uint64_t mfn)
{
    struct xen_domctl operation = {.u.hypercall_init.gmfn = mfn};

    return domctl(XEN_DOMCTL_hypercall_init, domid, &operation);
}

static long plain(uint32_t command, domid_t domid)
{
    struct xen_domctl operation = {0};

    return domctl(command, domid, &operation);
}

long domain_pause(domid_t domid)
{
    return plain(XEN_DOMCTL_pausedomain, domid);
}

long domain_unpause(domid_t domid)
{
    return plain(XEN_DOMCTL_unpausedomain, domid);
}

long domain_resume(domid_t domid)
{
    return plain(XEN_DOMCTL_resumedomain, domid);
}

static long context_call(uint32_t command, domid_t domid, unsigned vcpu,
                         struct vcpu_guest_context *context)
{
    struct xen_domctl operation = {.u.vcpucontext.vcpu = vcpu};

    set_xen_guest_handle(operation.u.vcpucontext.ctxt, context);
    return domctl(command, domid, &operation);
}

long domain_set_context(domid_t domid, unsigned vcpu, struct vcpu_guest_context *context)
{
    return context_call(XEN_DOMCTL_setvcpucontext, domid, vcpu, context);
}

long domain_get_context(domid_t domid, unsigned vcpu, struct vcpu_guest_context *context)
{
    return context_call(XEN_DOMCTL_getvcpucontext, domid, vcpu, context);
}

long domain_info(domid_t domid, struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl operation = {0};
    long error = domctl(XEN_DOMCTL_getdomaininfo, domid, &operation);

    *info = operation.u.getdomaininfo;
    return error == 0 && info->domain != domid ? -XEN_ESRCH : error;
}

uint32_t domain_flags(domid_t domid)
{
    struct xen_domctl_getdomaininfo info;

    return domain_info(domid, &info) == 0 ? info.flags : 0;
}

int domain_shutdown_code(domid_t domid)
{
    uint32_t flags = domain_flags(domid);

    if ((flags & XEN_DOMINF_shutdown) == 0) {
        return SHUTDOWN_NONE;
    }
    return (int)(flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
}

long domain_destroy(domid_t domid)
{
    long error;

    do {
        error = plain(XEN_DOMCTL_destroydomain, domid);
    } while (error == -XEN_EAGAIN);
    return error;
}

uint64_t free_frames(void)
{
    struct xen_sysctl operation = {0};

    return sysctl(XEN_SYSCTL_physinfo, &operation) == 0 ? operation.u.physinfo.free_pages : 0;
}
