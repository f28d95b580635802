// SPDX-License-Identifier: Apache-2.0
// The page that tells a domain at its start what it has and where (struct start_info, <xen/xen.h>).
#pragma once

#include "abi/xen.h"
#include "build/layout.h"
#include "build/memory.h"
#include "lib/compiler.h"

struct start_info_values {
    maddr_t shared_info;
    uint32_t flags; /* SIF_*, but for SIF_MOD_START_PFN: the layout knows */
    const char *command_line;
    uint64_t ramdisk_bytes;

    /* Domain 0: what is known of the display, or NULL. */
    const struct dom0_vga_console_info *vga;
    /* Other domains. */
    uint32_t store_event_port;
    uint32_t console_event_port;
};

/* The longest command line, without its terminator. */
enum { COMMAND_LINE_MAX = MAX_GUEST_CMDLINE - 1 };

/* Fills the frame that the layout has for it. A longer command line than the longest is cut. */
void start_info_write(const struct layout *layout, const struct start_info_values *values,
                      const struct guest_memory *memory);
