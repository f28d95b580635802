// SPDX-License-Identifier: Apache-2.0
// The FIFO form of event channels (public header event_channel.h): one word a port in pages the
// guest gives, queues by priority for each vCPU. Once it is set up, the functions of event.h work
// on it.
#pragma once

#include "event.h"

#define FIFO_PORTS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))

// True since fifo_init.
bool fifo_active(void);

// The calls alone.
long fifo_init_control(uint64_t frame, unsigned offset, unsigned vcpu);
long fifo_expand_array(uint64_t frame);
long fifo_set_priority(evtchn_port_t port, unsigned priority);

// Switches this domain's vCPU 0 over, with words for so many pages of ports: 0 or an error.
long fifo_init(unsigned pages);
// One more page of words.
long fifo_grow(void);

// After EVTCHNOP_reset the domain is back at the 2-level form.
void fifo_forget(void);

event_word_t fifo_word(evtchn_port_t port);
void fifo_set_bits(evtchn_port_t port, event_word_t bits);
void fifo_clear_bits(evtchn_port_t port, event_word_t bits);

// Priorities with something queued, a bit each, as the hypervisor shows them.
uint32_t fifo_ready(void);
// Takes the next event off the queues, the highest priority first: its port, or 0.
evtchn_port_t fifo_take(void);
