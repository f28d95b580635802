// SPDX-License-Identifier: Apache-2.0
// The watch over how much memory is free.
#include "memory/low.h"

#include "base/cpu.h"

static uint64_t level;      /* as set */
static uint64_t next_level; /* told below this */
static bool told_refusal;

void memory_watch(uint64_t frames)
{
    level = next_level = frames;
    told_refusal = false;
}

void memory_watch_taken(uint64_t free)
{
    if (likely(free >= next_level)) {
        return;
    }
    while (next_level > free) {
        next_level /= 2;
    }
    cpu_raise_self(WORK_MEMORY_LOW);
}

void memory_watch_freed(uint64_t free)
{
    if (unlikely(next_level < level || told_refusal) && free >= level + level / 4) {
        next_level = level;
        told_refusal = false;
    }
}

void memory_watch_refused(void)
{
    if (level != 0 && !told_refusal) {
        told_refusal = true;
        cpu_raise_self(WORK_MEMORY_LOW);
    }
}
