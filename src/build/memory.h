// SPDX-License-Identifier: Apache-2.0
// How the builder reaches the memory of the domain that it builds: by pseudo-physical frame, as the
// machine frames behind them need not be adjacent.
#pragma once

#include "arch/frames.h"
#include "lib/address.h"
#include "lib/compiler.h"

struct guest_memory {
    void *context;
    /* The machine frame behind `frame`, which is below the domain's number of pages. Can't fail. */
    mfn_t (*machine_frame)(void *context, pfn_t frame);
};

static inline mfn_t guest_machine_frame(const struct guest_memory *memory, pfn_t frame)
{
    return memory->machine_frame(memory->context, frame);
}

static inline void *guest_page(const struct guest_memory *memory, pfn_t frame)
{
    return frame_to_virt(guest_machine_frame(memory, frame));
}

/* Writes `bytes` bytes at byte `offset` of the domain's pseudo-physical memory. */
void guest_memory_write(const struct guest_memory *memory, uint64_t offset, const void *from,
                        uint64_t bytes);

/* The same with zeros. */
void guest_memory_clear(const struct guest_memory *memory, uint64_t offset, uint64_t bytes);
