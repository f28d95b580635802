// SPDX-License-Identifier: Apache-2.0
// A kernel's ELF file, read and judged fit to be started as a PV guest.
#pragma once

#include "build/memory.h"
#include "build/notes.h"
#include "build/reason.h"
#include "lib/compiler.h"
#include "lib/elf.h"

struct kernel_image {
    struct elf elf;
    struct kernel_notes notes;
    bool is_32bit;
    /* Where its segments go, in the guest's addresses; the end is the first byte after the last. */
    uint64_t virt_start;
    uint64_t virt_end;
};

/*
 * Reads the ELF file at `image`, which has to stay for as long as the record is used. -ENOEXEC,
 * with the reason: not a PV kernel, one that needs what `features_offered` lacks, or a damaged one.
 */
must_check int kernel_image_open(struct kernel_image *kernel, const void *image, size_t size_bytes,
                                 uint32_t features_offered, bool as_domain0, struct reason *reason);

/*
 * Copies the segments to the guest's frames and clears what they leave uninitialised. Every frame
 * from virt_start to virt_end, as pseudo-physical frames from notes.virt_base on, must exist.
 */
void kernel_image_load(const struct kernel_image *kernel, const struct guest_memory *memory);
