// SPDX-License-Identifier: Apache-2.0
// The processors, as domain 0 sees and manages them.
#include "abi/errno.h"
#include "arch/guest.h"
#include "control/copy.h"
#include "control/cpu_hotplug.h"
#include "control/machine.h"
#include "control/platform_op.h"
#include "lib/string.h"
#include "sched/sched.h"
#include "time/time.h"

long platform_get_idle_time(struct xenpf_getidletime *op)
{
    struct xenctl_bitmap bitmap = {.nr_bits = op->cpumap_nr_cpus};
    gva_t times = gva((uint64_t)op->idletime.p);
    uint64_t wanted;

    bitmap.bitmap.p = op->cpumap_bitmap.p;
    if (bitmap_from_guest(&bitmap, &wanted) != 0) {
        return -EFAULT;
    }
    for (unsigned int cpu = 0; cpu < 64; cpu++) {
        uint64_t idle = cpu < cpu_count ? sched_idle_time_ns(cpu) : 0;
        if ((wanted >> cpu & 1) != 0 && write_guest(times, cpu, &idle) != 0) {
            return -EFAULT;
        }
    }
    wanted &= cpus_online();
    op->now = time_now_ns();
    return bitmap_to_guest(&bitmap, wanted);
}

long platform_get_cpu_info(struct xenpf_pcpuinfo *op)
{
    op->max_present = cpu_count - 1;
    if (op->xen_cpuid >= cpu_count) {
        op->flags = XEN_PCPU_FLAGS_INVALID;
        op->apic_id = op->acpi_id = ~0U;
        return 0;
    }
    op->flags = cpu_is_online(op->xen_cpuid) ? XEN_PCPU_FLAGS_ONLINE : 0;
    op->apic_id = cpus[op->xen_cpuid]->apic_id;
    op->acpi_id = machine_acpi_id(op->xen_cpuid);
    return 0;
}

/* All processors of a machine are of one kind. */
long platform_get_cpu_version(struct xenpf_pcpu_version *op)
{
    struct cpu_identity identity = {0};

    op->max_present = cpu_count - 1;
    if (op->xen_cpuid < cpu_count) {
        machine_identify_cpu(&identity);
    }
    memcpy(op->vendor_id, identity.vendor, sizeof(op->vendor_id));
    op->family = identity.family;
    op->model = identity.model;
    op->stepping = identity.stepping;
    return 0;
}

long platform_cpu_online(const struct xenpf_cpu_ol *op)
{
    return cpu_bring_online(op->cpuid);
}

long platform_cpu_offline(const struct xenpf_cpu_ol *op)
{
    return op->cpuid == 0 ? -EOPNOTSUPP : cpu_take_offline(op->cpuid);
}

/* Frequencies and deep idle states stay the firmware's affair: Pavise makes no use of the tables.
 */
long platform_set_pm_info(const struct xenpf_set_processor_pminfo *op)
{
    switch (op->type) {
    case XEN_PM_CX:
    case XEN_PM_PX:
    case XEN_PM_TX:
    case XEN_PM_PDC:
        return -ENOSYS;
    default:
        return -EINVAL;
    }
}
