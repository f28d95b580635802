// SPDX-License-Identifier: Apache-2.0
// memory_op's subjects, a file each. Commands and structures are those of <xen/memory.h>.
//
// A command that goes on after a preemption has its progress, in extents, above the command's bits.
#pragma once

#include "domain/domain.h"
#include "lib/address.h"

#define MEMOP_EXTENT_SHIFT 6
#define MEMOP_CMD_MASK     ((1U << MEMOP_EXTENT_SHIFT) - 1)
#define MEMOP_MAX_EXTENTS  (UINT32_MAX >> MEMOP_EXTENT_SHIFT)

/*
 * Blocks that a caller may ask for in one piece. Large ones are scarce and take long to clear;
 * who owns devices may need them for DMA.
 */
static inline unsigned int memop_max_order(const struct domain *caller)
{
    return caller->hardware ? 12 : 9;
}

/* reservation.c: increase, decrease, populate. The number of extents done, from the first on. */
long memop_reservation(unsigned int command, uint64_t done, gva_t argument);
/* The domain's current and maximum number of pages, and highest page number. */
long memop_count(unsigned int command, gva_t argument);
long memop_claim(gva_t argument);

/* exchange.c */
long memop_exchange(gva_t argument);

/* memory_map.c */
long memop_memory_map(gva_t argument);
long memop_machine_memory_map(gva_t argument);
long memop_set_memory_map(gva_t argument);

/* machphys.c */
long memop_machphys_mapping(gva_t argument);
long memop_machphys_mfn_list(gva_t argument);

/* resource.c */
long memop_acquire_resource(gva_t argument);
