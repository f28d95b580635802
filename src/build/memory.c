// SPDX-License-Identifier: Apache-2.0
// Copies that run across frames.
#include "build/memory.h"

#include "lib/string.h"

// The part of [offset, offset + bytes) in its first frame, and how long that part is.
static void *first_part(const struct guest_memory *memory, uint64_t offset, uint64_t bytes,
                        uint64_t *part_bytes)
{
    uint8_t *page = guest_page(memory, pfn(offset >> PAGE_SHIFT));
    uint64_t in_page = offset & ~PAGE_MASK;

    *part_bytes = MIN(bytes, PAGE_SIZE - in_page);
    return page + in_page;
}

void guest_memory_write(const struct guest_memory *memory, uint64_t offset, const void *from,
                        uint64_t bytes)
{
    const uint8_t *source = from;
    uint64_t part_bytes;

    for (; bytes != 0; bytes -= part_bytes, offset += part_bytes, source += part_bytes) {
        void *to = first_part(memory, offset, bytes, &part_bytes);
        memcpy(to, source, part_bytes);
    }
}

void guest_memory_clear(const struct guest_memory *memory, uint64_t offset, uint64_t bytes)
{
    uint64_t part_bytes;

    for (; bytes != 0; bytes -= part_bytes, offset += part_bytes) {
        void *to = first_part(memory, offset, bytes, &part_bytes);
        memset(to, 0, part_bytes);
    }
}
