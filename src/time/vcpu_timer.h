// SPDX-License-Identifier: Apache-2.0
// A vCPU's two timers, set up with its record.
#pragma once

#include "domain/vcpu.h"

/* Both stopped. `v->time` was just allocated. */
void vcpu_timers_init(struct vcpu *v);
