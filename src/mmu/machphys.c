// SPDX-License-Identifier: Apache-2.0
// Where the machine-to-physical table is: in the address space, and in memory.
#include "mmu/memory_op.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "mmu/m2p.h"

/* Bytes of the table that the interface lists by one frame number. */
#define EXTENT_BYTES (2UL << 20)

long memop_machphys_mapping(gva_t argument)
{
    const struct xen_machphys_mapping mapping = {
        .v_start = MACH2PHYS_VIRT_START,
        .v_end = MACH2PHYS_VIRT_END,
        .max_mfn = frame_count - 1,
    };

    return write_guest(argument, 0, &mapping) != 0 ? -EFAULT : 0;
}

long memop_machphys_mfn_list(gva_t argument)
{
    uint64_t extents = (frame_count * sizeof(uint64_t) + EXTENT_BYTES - 1) / EXTENT_BYTES;
    struct xen_machphys_mfn_list list;

    if (read_guest(&list, argument, 0) != 0) {
        return -EFAULT;
    }
    list.nr_extents = (unsigned int)MIN(extents, (uint64_t)list.max_extents);
    for (uint64_t i = 0; i < list.nr_extents; i++) {
        xen_pfn_t frame = m2p_frame_at(i * EXTENT_BYTES).n;
        if (write_guest(gva((uint64_t)list.extent_start.p), i, &frame) != 0) {
            return -EFAULT;
        }
    }
    return write_guest(argument, 0, &list) != 0 ? -EFAULT : 0;
}
