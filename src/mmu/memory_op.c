// SPDX-License-Identifier: Apache-2.0
// memory_op: dispatch, and the answers to what a domain with page tables of its own can't have.
#include "mmu/memory_op.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "base/hypercall.h"
#include "mmu/foreign.h"
#include "mmu/hypercalls.h"
#include "mmu/types.h"

/*
 * Calls that change how a domain's own physical addresses are translated: nothing does that here.
 * `domid` is the first member of each structure.
 */
static long no_translation(gva_t argument)
{
    struct domain *d;
    domid_t id;
    int error;

    if (read_guest(&id, argument, 0) != 0) {
        return -EFAULT;
    }
    error = foreign_domain(id, &d);
    if (error != 0) {
        return error;
    }
    domain_put(d);
    return -EACCES;
}

/* Populate on demand needs translation too. */
static long pod_target(gva_t argument)
{
    struct xen_pod_target target;
    struct domain *d;
    int error;

    if (read_guest(&target, argument, 0) != 0) {
        return -EFAULT;
    }
    error = foreign_domain(target.domid, &d);
    if (error != 0) {
        return error;
    }
    domain_put(d);
    return -EINVAL;
}

/* Access rights beside the page tables' own: none, so there is nothing to set or read. */
static long access_op(gva_t argument)
{
    struct xen_mem_access_op op;
    struct domain *d;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    d = domain_get(op.domid);
    if (!d) {
        return -ESRCH;
    }
    domain_put(d);
    return current_vcpu()->domain->privileged ? -EOPNOTSUPP : -EPERM;
}

/* One node of memory, for everyone. */
static long vnuma_info(gva_t argument)
{
    struct xen_vnuma_topology_info topology;
    struct domain *d;
    int error;

    if (read_guest(&topology, argument, 0) != 0) {
        return -EFAULT;
    }
    if (topology.pad != 0) {
        return -EINVAL;
    }
    error = foreign_domain(topology.domid, &d);
    if (error != 0) {
        return error;
    }
    domain_put(d);
    return -EOPNOTSUPP;
}

/* Regions that only an IOMMU would have to map. */
static long reserved_device_memory(gva_t argument)
{
    struct xen_reserved_device_memory_map map;

    if (read_guest(&map, argument, 0) != 0) {
        return -EFAULT;
    }
    if ((map.flags & ~(uint32_t)XENMEM_RDM_ALL) != 0) {
        return -EINVAL;
    }
    map.nr_entries = 0;
    return write_guest(argument, 0, &map) != 0 ? -EFAULT : 0;
}

/* The commands that are done at once. */
static long simple_command(unsigned int command, gva_t argument)
{
    switch (command) {
    case XENMEM_maximum_ram_page:
        return (long)frame_count - 1;
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn:
        return memop_count(command, argument);
    case XENMEM_claim_pages:
        return memop_claim(argument);
    case XENMEM_memory_map:
        return memop_memory_map(argument);
    case XENMEM_machine_memory_map:
        return memop_machine_memory_map(argument);
    case XENMEM_set_memory_map:
        return memop_set_memory_map(argument);
    case XENMEM_machphys_mapping:
        return memop_machphys_mapping(argument);
    case XENMEM_machphys_mfn_list:
        return memop_machphys_mfn_list(argument);
    case XENMEM_machphys_compat_mfn_list:
        return -EOPNOTSUPP;
    case XENMEM_add_to_physmap:
    case XENMEM_add_to_physmap_batch:
    case XENMEM_remove_from_physmap:
        return no_translation(argument);
    case XENMEM_set_pod_target:
    case XENMEM_get_pod_target:
        return pod_target(argument);
    case XENMEM_get_sharing_freed_pages:
    case XENMEM_get_sharing_shared_pages:
        return 0;
    case XENMEM_access_op:
        return access_op(argument);
    case XENMEM_get_vnumainfo:
        return vnuma_info(argument);
    case XENMEM_reserved_device_memory_map:
        return reserved_device_memory(argument);
    case XENMEM_acquire_resource:
        return memop_acquire_resource(argument);
    default:
        return -ENOSYS;
    }
}

long hypercall_memory_op(uint64_t cmd, gva_t argument)
{
    unsigned int command = (unsigned int)cmd & MEMOP_CMD_MASK;
    uint64_t done = (uint32_t)cmd >> MEMOP_EXTENT_SHIFT;

    switch (command) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return memop_reservation(command, done, argument);
    default:
        break;
    }
    if (done != 0) {
        return -EINVAL;
    }
    return command == XENMEM_exchange ? memop_exchange(argument)
                                      : simple_command(command, argument);
}
