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
void pv_init(uint64_t tsc_hz, bool tsc_reliable);

/* The policy for a domain: one for who runs the machine, one for all others. */
const struct cpuid_policy *pv_cpuid_policy(const struct domain *d);
