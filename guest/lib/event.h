// SPDX-License-Identifier: Apache-2.0
// Event channels: bits in shared_info (or in FIFO words, fifo.h), upcalls, and the calls around
// them.
#pragma once

#include "guest.h"

// Masks every port and leaves upcalls enabled.
void event_init(void);

// The default upcall: clears what is pending, as the specification tells a guest to, and counts.
void event_dispatch(void);

// Upcalls taken since the last event_reset_counts, and how often a port was found pending by one.
unsigned event_upcalls(void);
unsigned event_count(evtchn_port_t port);
void event_reset_counts(void);

// Calls that allocate a port; negative errno values on failure.
int event_bind_ipi(unsigned vcpu);
int event_bind_virq(unsigned virq, unsigned vcpu);
long event_close(evtchn_port_t port);
long event_send(evtchn_port_t port);
long event_unmask_call(evtchn_port_t port);

// The bits of a port.
void event_mask(evtchn_port_t port);
void event_clear_mask(evtchn_port_t port);
bool event_masked(evtchn_port_t port);
bool event_pending(evtchn_port_t port);
void event_set_pending(evtchn_port_t port);
void event_clear_pending(evtchn_port_t port);
bool event_selected(evtchn_port_t port);

// Upcalls for this vCPU. Enabling looks for what came meanwhile, as the hypervisor does not.
void upcalls_disable(void);
void upcalls_enable(void);
// Without the look.
void upcalls_allow(void);
