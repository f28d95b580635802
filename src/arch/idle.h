// SPDX-License-Identifier: Apache-2.0
// The seam to how a CPU waits for work (arch_idle(), arch/cpu.h).
#pragma once

#include "lib/compiler.h"

struct idle_state {
    bool by_mwait;    /* else HLT */
    uint32_t hint;    /* for MWAIT (processor manual 2B, "MWAIT") */
    bool timer_stops; /* the local timer: the broadcast timer wakes (platform/broadcast.h) */
};

/* For all CPUs, from when they idle next. Start of day. */
void arch_set_idle_state(const struct idle_state *state);

/* The vector that a message of the broadcast timer has to bring. */
uint8_t arch_broadcast_vector(void);
