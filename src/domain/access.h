// SPDX-License-Identifier: Apache-2.0
// What of the machine's devices a domain may reach: memory, interrupts, ports. Rights are given and
// taken away while the domain runs; what it has mapped or bound by then stays.
#pragma once

#include "domain/domain.h"

/*
 * Whether it may map all of the machine frames [first, last], bind the interrupt, or access all of
 * the ports. Any lock below RANK_ACCESS held.
 */
bool domain_may_map(struct domain *d, uint64_t first, uint64_t last);
bool domain_may_bind(struct domain *d, uint32_t irq);
bool domain_may_access_ports(const struct domain *d, uint32_t first, uint32_t last);

/*
 * Give or take away; as above. -ENOSPC: the set would be in too many pieces; -ENOMEM. Nothing has
 * changed then.
 */
must_check int domain_set_map_right(struct domain *d, uint64_t first, uint64_t last, bool allow);
must_check int domain_set_bind_right(struct domain *d, uint32_t irq, bool allow);
must_check int domain_set_port_right(struct domain *d, uint32_t first, uint32_t last, bool allow);
