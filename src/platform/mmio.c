// SPDX-License-Identifier: Apache-2.0
// The hooks to physical memory, refusing everything until they are set.
#include "platform/mmio.h"

static void *map_nothing(uint64_t paddr, size_t length)
{
    return NULL;
}

static const void *reach_nothing(uint64_t paddr, size_t length)
{
    return NULL;
}

void *(*platform_map_mmio)(uint64_t paddr, size_t length) = map_nothing;
const void *(*acpi_map)(uint64_t paddr, size_t length) = reach_nothing;
