// SPDX-License-Identifier: Apache-2.0
// The calls by which domain 0 makes, looks at and ends other domains (public headers domctl.h and
// sysctl.h), as plain functions: results are 0 or negative errno values.
#pragma once

#include "guest.h"

// One operation on a domain, the interface's version filled in.
long domctl(uint32_t command, domid_t domid, struct xen_domctl *operation);
long sysctl(uint32_t command, struct xen_sysctl *operation);

// What a domain is created with here if a test asks for nothing else: one vCPU, grant tables of
// either version, as many ports as the 2-level form has.
struct xen_domctl_createdomain domain_defaults(void);

// The new domain's number; `wanted` is one, or 0 for the hypervisor's choice.
long domain_create(domid_t wanted, const struct xen_domctl_createdomain *config);

long domain_max_vcpus(domid_t domid, unsigned count);
long domain_max_mem(domid_t domid, uint64_t kib);
long domain_hypercall_page(domid_t domid, uint64_t mfn);
long domain_pause(domid_t domid);
long domain_unpause(domid_t domid);
long domain_resume(domid_t domid);
long domain_set_context(domid_t domid, unsigned vcpu, struct vcpu_guest_context *context);
long domain_get_context(domid_t domid, unsigned vcpu, struct vcpu_guest_context *context);

// -XEN_ESRCH for a domain that is not there, also where the hypervisor answers with the next one.
long domain_info(domid_t domid, struct xen_domctl_getdomaininfo *info);
// The flags alone; 0 for a domain that is not there.
uint32_t domain_flags(domid_t domid);
// The code a domain shut down with; -1: it did not.
int domain_shutdown_code(domid_t domid);

// Ends a domain, however often the call has to be made again. What others still map of it stays.
long domain_destroy(domid_t domid);

// The machine's free memory.
uint64_t free_frames(void);
