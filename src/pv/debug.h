// SPDX-License-Identifier: Apache-2.0
// Debug registers of guests: what may be set, and their reading.
#pragma once

#include "domain/vcpu.h"

/*
 * Set DR `number` of the current vCPU. -EINVAL: no such register; -EPERM: an address in Pavise's
 * range, or bits that are not a guest's to set.
 */
must_check long debug_register_set(struct vcpu *v, unsigned int number, uint64_t value);
/* -EINVAL: no such register. */
must_check long debug_register_get(const struct vcpu *v, unsigned int number, uint64_t *value);
