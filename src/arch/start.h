// SPDX-License-Identifier: Apache-2.0
// The seam to the first CPU at start of day.
#pragma once

#include "lib/compiler.h"

/*
 * First thing in C, before memory is known: what the processor can do and its control registers,
 * a way for exceptions to be reported, and the log on the first serial port.
 */
void arch_start_first_cpu(void);

/* One line in the log: vendor, model, the features that matter to Pavise. */
void arch_log_cpu(void);

/*
 * Once the command line is known, before paging_init(), as it decides what is mapped how: what is
 * done on this processor against attacks on speculation (base/speculation.h).
 */
void arch_decide_defences(void);

/* Where the image lies in physical memory, its zero-initialised data included. */
struct physical_range {
    uint64_t base, bytes;
};
struct physical_range arch_image_range(void);

/* What the linker gave this very build as its name; NULL and 0 bytes where there is none. */
const uint8_t *arch_build_id(uint32_t *bytes);

/* Physical memory below this is in reach of frame_to_virt() before paging_activate(). */
uint64_t arch_early_reach(void);

/*
 * The log's first sink, a polled serial port, leaves: the console's own driver is up. Returns the
 * port's first register, 0 where there was none.
 */
uint16_t arch_stop_early_console(void);
