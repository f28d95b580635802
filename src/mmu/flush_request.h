// SPDX-License-Identifier: Apache-2.0
// Flushes that guests ask for: which CPUs run the vCPUs they mean.
#pragma once

#include "domain/domain.h"

/* CPUs that run a vCPU of `d` now; all others flush when they switch to one. */
uint64_t cpus_running(const struct domain *d);

/*
 * CPUs that run vCPUs of the guest's bitmap at `bitmap` (of max_vcpus bits, in longs of the
 * guest). -EFAULT where it can't be read.
 */
must_check int cpus_running_of(const struct domain *d, gva_t bitmap, uint64_t *cpus);
