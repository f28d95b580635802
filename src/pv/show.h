// SPDX-License-Identifier: Apache-2.0
// A guest's state in the log: for a crash, a panic, a debug key.
#pragma once

#include "domain/domain.h"

/* Start of day: crashes and panics show the guest's state from now on. */
void pv_show_init(void);

/* All vCPUs that have started. The current one with its stack and the code it is at. */
void pv_show_domain(const struct domain *d);
void pv_show_vcpu(const struct vcpu *v);
