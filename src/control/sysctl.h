// SPDX-License-Identifier: Apache-2.0
// sysctl's parts, a file each; sysctl.c tells them apart. Each leaves its answer in the operation,
// which is copied out where it returns 0 or more.
#pragma once

#include "abi/xen.h"
#include "domain/domain.h"
#include "lib/compiler.h"

/* sysctl_machine.c */
long sysctl_physinfo(struct xen_sysctl_physinfo *op);
long sysctl_cpu_topology(struct xen_sysctl_cputopoinfo *op);
long sysctl_numa_info(struct xen_sysctl_numainfo *op);
long sysctl_cpu_info(struct xen_sysctl_getcpuinfo *op);
long sysctl_cpu_hotplug(const struct xen_sysctl_cpu_hotplug *op);
long sysctl_avail_heap(struct xen_sysctl_availheap *op);

long sysctl_pci_topology(struct xen_sysctl_pcitopoinfo *op);

/* sysctl_policy.c */
long sysctl_cpu_policy(struct xen_sysctl_cpu_policy *op);
long sysctl_cpu_featureset(struct xen_sysctl_cpu_featureset *op);

/* sysctl_sched.c */
long sysctl_scheduler(struct xen_sysctl_scheduler_op *op);
long sysctl_cpupool(struct xen_sysctl_cpupool_op *op);

/* domain_info.c: what tools are told of a domain; also XEN_DOMCTL_getdomaininfo's. */
void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info);
