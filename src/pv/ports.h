// SPDX-License-Identifier: Apache-2.0
// Port accesses of guests.
#pragma once

#include "domain/domain.h"

/*
 * Whether the current vCPU, in the mode it is in, may access `bytes` ports from `port` on: the
 * domain must have the ports, and the code the privilege (IOPL of at least its ring, kernel 1 and
 * user 3) or, in user mode, a bit in the kernel's bitmap.
 */
bool ports_allowed(const struct vcpu *v, uint16_t port, unsigned int bytes);

/* The access itself, 1, 2 or 4 bytes, for a domain that has the ports. */
uint32_t port_read(struct domain *d, uint16_t port, unsigned int bytes);
void port_write(struct domain *d, uint16_t port, unsigned int bytes, uint32_t value);
