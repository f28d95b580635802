// SPDX-License-Identifier: Apache-2.0
// The programmable interval timer (Intel 8254): channel 2 measures time without an interrupt,
// channel 0 interrupts. Calls are serialised by the caller.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "platform/reference.h"
#include "time/clock_source.h"

#define PIT_HZ 1193182

// The reference of last resort, by channel 2 (speaker off): good for intervals under 54 ms. NULL
// where the counter does not move, as there is none.
const struct clock_reference *pit_reference(void);

// Channel 2 as a clock: lets it count round and round, for good. Its latch() and read() go
// together.
const struct clock_source *pit_clock(void);

// Channel 0: one interrupt in `ticks` (1 to 65536), one every `ticks` (2 to 65536), or none until
// the next call. For machines whose local APIC has no timer that can be used.
void pit_start_one_shot(uint32_t ticks);
void pit_start_periodic(uint32_t ticks);
void pit_stop(void);
