// SPDX-License-Identifier: Apache-2.0
// sysctl: the machine's processors and memory. It has one NUMA node, number 0.
#include "abi/errno.h"
#include "arch/clock.h"
#include "arch/guest.h"
#include "control/cpu_hotplug.h"
#include "control/machine.h"
#include "control/physdev_op.h"
#include "control/sysctl.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "sched/sched.h"

#define MOST_PCI_DEVICES 4096 /* in one call */
#define LOCAL_DISTANCE   10   /* as ACPI's SLIT counts */

/* The largest number of cores in one socket. */
static uint32_t cores_per_socket(void)
{
    uint32_t cores = 1;

    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        cores = MAX(cores, machine_facts.cpu[cpu].core + 1);
    }
    return cores;
}

long sysctl_physinfo(struct xen_sysctl_physinfo *op)
{
    memset(op, 0, sizeof(*op));
    op->threads_per_core = 1;
    op->cores_per_socket = cores_per_socket();
    op->nr_cpus = (uint32_t)__builtin_popcountll(cpus_online());
    op->max_cpu_id = cpu_count - 1;
    op->nr_nodes = 1;
    op->cpu_khz = (uint32_t)(arch_tsc_hz() / 1000);
    op->capabilities =
        XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
    op->total_pages = frames_total_count();
    op->free_pages = frames_free_count();
    op->max_mfn = frame_count - 1;
    machine_features(op->hw_cap);
    return 0;
}

long sysctl_cpu_hotplug(const struct xen_sysctl_cpu_hotplug *op)
{
    switch (op->op) {
    case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
        return cpu_bring_online(op->cpu);
    case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
        return cpu_take_offline(op->cpu);
    default: /* SMT's siblings are not told apart */
        return -EOPNOTSUPP;
    }
}

/* A NULL array asks how many there are. */
long sysctl_cpu_topology(struct xen_sysctl_cputopoinfo *op)
{
    gva_t array = gva((uint64_t)op->cputopo.p);
    uint32_t room = op->num_cpus;

    op->num_cpus = cpu_count;
    if (gva_is_null(array)) {
        return 0;
    }
    for (unsigned int cpu = 0; cpu < MIN(room, cpu_count); cpu++) {
        struct xen_sysctl_cputopo topology = {
            .core = machine_facts.cpu[cpu].core,
            .socket = machine_facts.cpu[cpu].socket,
            .node = 0,
        };
        if (!cpu_is_online(cpu)) {
            topology = (struct xen_sysctl_cputopo){XEN_INVALID_CORE_ID, XEN_INVALID_SOCKET_ID,
                                                   XEN_INVALID_NODE_ID};
        }
        if (write_guest(array, cpu, &topology) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

long sysctl_numa_info(struct xen_sysctl_numainfo *op)
{
    gva_t memory = gva((uint64_t)op->meminfo.p), distances = gva((uint64_t)op->distance.p);
    struct xen_sysctl_meminfo info = {
        .memsize = frames_total_count() * PAGE_SIZE,
        .memfree = frames_free_count() * PAGE_SIZE,
    };
    uint32_t distance = LOCAL_DISTANCE, room = op->num_nodes;

    op->num_nodes = 1;
    if (room == 0) {
        return 0;
    }
    if (!gva_is_null(memory) && write_guest(memory, 0, &info) != 0) {
        return -EFAULT;
    }
    if (!gva_is_null(distances) && write_guest(distances, 0, &distance) != 0) {
        return -EFAULT;
    }
    return 0;
}

long sysctl_cpu_info(struct xen_sysctl_getcpuinfo *op)
{
    uint32_t count = MIN(op->max_cpus, cpu_count);

    for (unsigned int cpu = 0; cpu < count; cpu++) {
        struct xen_sysctl_cpuinfo info = {.idletime = sched_idle_time_ns(cpu)};
        if (write_guest(gva((uint64_t)op->info.p), cpu, &info) != 0) {
            return -EFAULT;
        }
    }
    op->nr_cpus = count;
    return 0;
}

/* Devices that domain 0 has told of are near to the one node; others are not known. */
long sysctl_pci_topology(struct xen_sysctl_pcitopoinfo *op)
{
    if (!op->devs.p || !op->nodes.p) {
        return -EINVAL;
    }
    if (op->num_devs > MOST_PCI_DEVICES) {
        return -E2BIG;
    }
    for (uint32_t i = 0; i < op->num_devs; i++) {
        struct physdev_pci_device device;
        uint32_t node;
        if (read_guest(&device, gva((uint64_t)op->devs.p), i) != 0) {
            return -EFAULT;
        }
        node = physdev_is_known(&device) ? 0 : XEN_INVALID_DEV;
        if (write_guest(gva((uint64_t)op->nodes.p), i, &node) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

long sysctl_avail_heap(struct xen_sysctl_availheap *op)
{
    if (op->node != -1 && op->node != 0) {
        return -EINVAL;
    }
    op->avail_bytes = frames_free_of_width(op->min_bitwidth, op->max_bitwidth) * PAGE_SIZE;
    return 0;
}
