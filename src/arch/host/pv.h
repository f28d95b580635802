// SPDX-License-Identifier: Apache-2.0
// A processor that a test looks at and fills: what Pavise last gave it of the current vCPU.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/pv.h"

/* Calls since host_processor_reset(), and what the registers hold. */
struct host_processor {
    unsigned long toggles, base_loads, gdt_loads, ldt_loads, debug_loads, control4_loads;
    bool fpu_trap, cpuid_faults;
    uint64_t debug_status; /* DR6, for arch_take_debug_status() */
    uint64_t base[3];      /* enum segment_base */
    uint16_t user_gs;
    uint16_t selector[4];  /* enum loaded_selector */
    uint16_t bad_selector; /* the one that can't be loaded */
    uint64_t extended_states, xcr0;
};
extern struct host_processor host_processor;

/* All zero, but for x87, SSE and AVX as extended states; no selector is bad. */
void host_processor_reset(void);

/* Where this processor reads LDTs. */
#define HOST_LDT_WINDOW 0xffff820000020000UL

/* What arch_fault_address() says. */
extern uint64_t host_fault_address;
