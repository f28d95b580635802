// SPDX-License-Identifier: Apache-2.0
// What the PV room keeps for a vCPU and a domain, and its start.
#pragma once

#include "domain/domain.h"
#include "pv/cpuid.h"
#include "pv/msr.h"

struct vcpu_pv {
    struct pv_msrs msrs;
};

/*
 * Start of day: settle the CPUID policies (for domain 0 and for others) and register the room's
 * part of domains. Before the first domain.
 */
void pv_init(uint64_t tsc_hz);

/* The policy for a domain: its own, or that of its kind. */
const struct cpuid_policy *pv_cpuid_policy(const struct domain *d);

/* Those of the kinds: one for who runs the machine, one for all others; and the machine's own. */
const struct cpuid_policy *pv_cpuid_default(bool hardware);
void pv_cpuid_machine(struct cpuid_policy *policy);

/*
 * Give a domain that has not run yet a policy of its own, which was restricted to its kind's.
 * -ENOMEM. Nobody else does it at once.
 */
must_check int pv_set_cpuid_policy(struct domain *d, const struct cpuid_policy *policy);
