// SPDX-License-Identifier: Apache-2.0
// Port accesses of guests.
#pragma once

#include "domain/domain.h"

/*
 * Whether the current vCPU, in the mode it is in, may access `bytes` ports from `port` on: by IOPL
 * (of at least the kernel's ring, 1, or user mode's, 3), or by the bitmap that its kernel set.
 */
bool ports_allowed(const struct vcpu *v, uint16_t port, unsigned int bytes);

/*
 * The access itself, 1, 2 or 4 bytes. Ports that the domain was not given read as all ones, and
 * writes to them go nowhere, as where no device is.
 */
uint32_t port_read(struct domain *d, uint16_t port, unsigned int bytes);
void port_write(struct domain *d, uint16_t port, unsigned int bytes, uint32_t value);
