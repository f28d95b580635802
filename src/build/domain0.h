// SPDX-License-Identifier: Apache-2.0
// Domain 0: built at boot from what the loader brought.
#pragma once

#include "abi/xen.h"
#include "build/reason.h"
#include "domain/domain.h"
#include "lib/address.h"

struct domain0_request {
    const void *kernel; /* the file as it came: bzImage, ELF, compressed ELF */
    size_t kernel_bytes;
    const void *ramdisk; /* NULL: none */
    size_t ramdisk_bytes;
    const char *command_line;
    const struct dom0_vga_console_info *vga; /* NULL: nothing is known of a display */
    uint64_t pages;                          /* memory, in frames */
    uint64_t max_pages;
    unsigned int vcpus;
};

/*
 * Contiguous memory for unpacking, which the caller lends: after build_domain0() `used` of its
 * first frames belong to domain 0 (where the allocator alone had not enough), the rest is free.
 */
struct work_memory {
    mfn_t first;
    uint64_t frames;
    uint64_t used;
};

/* How much of it this kernel wants, in bytes; 0: none. Errors as kernel_file_open(). */
must_check int domain0_work_bytes(const struct domain0_request *request, uint64_t *bytes,
                                  struct reason *reason);

/*
 * Create and fill domain 0; its first vCPU is ready and down. Start of day, on the boot CPU, before
 * any guest. 0 with domain0 set, or -errno with the reason.
 */
must_check int build_domain0(const struct domain0_request *request, struct work_memory *work,
                             struct reason *reason);

/* Let it run. */
void start_domain0(void);
