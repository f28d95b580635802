// SPDX-License-Identifier: Apache-2.0
// domctl's part that is about where and how much a domain's vCPUs run.
#pragma once

#include "abi/xen.h"
#include "domain/domain.h"
#include "lib/compiler.h"

long domctl_get_vcpu_info(struct domain *d, struct xen_domctl_getvcpuinfo *op);
long domctl_set_affinity(struct domain *d, struct xen_domctl_vcpuaffinity *op);
long domctl_get_affinity(struct domain *d, struct xen_domctl_vcpuaffinity *op);
long domctl_scheduler(struct domain *d, struct xen_domctl_scheduler_op *op);
