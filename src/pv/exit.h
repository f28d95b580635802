// SPDX-License-Identifier: Apache-2.0
// The way out, called by entry code before every return that is not the shortest.
#pragma once

#include "domain/vcpu.h"

/*
 * Do this CPU's pending work, idle while there is nothing to run, and deliver what the vCPU that
 * is to run is owed. Returns it: its registers are what to load. No lock held.
 */
struct vcpu *exit_to_guest(void);

static inline bool pv_has_nmi_handler(const struct vcpu *v)
{
    return v->nmi.address != 0 || v->traps[2].address != 0;
}
