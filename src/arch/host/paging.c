// SPDX-License-Identifier: Apache-2.0
// Pavise's address space in a process: there is one already. The tables with an entry a frame come
// from the C library, as large as they are asked for.

#include "arch/paging.h"
#include "arch/start.h"

#include <stdlib.h>
#include <string.h>

static void *frame_table_memory;
static uint64_t *m2p_memory;
static uint64_t m2p_frames;

void paging_init(paging_source source)
{
}

void paging_set_source(paging_source source, uint64_t limit)
{
}

void paging_map_ram(uint64_t base, uint64_t bytes)
{
}

void paging_activate(void)
{
}

void paging_map_frame_table(uint64_t frames, size_t bytes_per_frame)
{
    free(frame_table_memory);
    frame_table_memory = calloc(frames, bytes_per_frame);
}

void *frame_table_base(void)
{
    return frame_table_memory;
}

void paging_map_m2p(uint64_t first_frame, uint64_t frames)
{
    uint64_t needed = first_frame + frames;

    if (needed > m2p_frames) {
        m2p_memory = realloc(m2p_memory, needed * sizeof(*m2p_memory));
        memset(m2p_memory + m2p_frames, 0xff, (needed - m2p_frames) * sizeof(*m2p_memory));
        m2p_frames = needed;
    }
}

uint64_t *m2p_base(void)
{
    return m2p_memory;
}

uintptr_t m2p_guest_base(void)
{
    return (uintptr_t)m2p_memory;
}

void arch_start_first_cpu(void)
{
}

void arch_log_cpu(void)
{
}

struct physical_range arch_image_range(void)
{
    return (struct physical_range){0, 0};
}

const uint8_t *arch_build_id(uint32_t *bytes)
{
    *bytes = 0;
    return NULL;
}

uint64_t arch_early_reach(void)
{
    return 0;
}

uint16_t arch_stop_early_console(void)
{
    return 0;
}

void *arch_map_device(uint64_t pa, size_t bytes)
{
    return NULL;
}

const void *arch_map_firmware(uint64_t pa, size_t bytes)
{
    return NULL;
}

uint64_t paging_physical_of(const void *p)
{
    return UINT64_MAX;
}
