// SPDX-License-Identifier: Apache-2.0
// Filling a new domain's memory with what it starts from: kernel, ramdisk, hypercall page, page
// tables, frame list, start_info. Everything was checked before; from here on nothing can fail.
#pragma once

#include "build/kernel_image.h"
#include "build/layout.h"
#include "build/memory.h"
#include "build/start_info.h"

struct construction {
    const struct kernel_image *kernel;
    const struct layout *layout;
    const void *ramdisk; /* of values.ramdisk_bytes */
    struct start_info_values values;
    struct guest_memory memory;
};

/* What the first vCPU starts with; all its other registers are 0. */
struct start_of_day {
    uint64_t instruction_pointer;
    uint64_t stack_pointer; /* the stack's end: it grows down */
    uint64_t start_info;    /* for RSI */
    mfn_t top_table;        /* L4 of a 64-bit guest, L3 of a 32-bit one */
};

/*
 * Writes all of it to the domain's frames, of which layout->used_pages are touched at most; stack
 * and padding are left as they are, so frames should come cleared. Counts and types of frames are
 * not touched: after this the caller validates start_of_day.top_table.
 */
struct start_of_day construct_domain(const struct construction *construction);
