// SPDX-License-Identifier: Apache-2.0
// The processors, as domain 0 sees and manages them.
#include "abi/errno.h"
#include "arch/guest.h"
#include "arch/msr.h"
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

/* ---- resource_op: a few MSRs, read on one CPU in one go ---------------------------------------
 */

#define MAX_RESOURCE_ENTRIES 3

#define MSR_IA32_TSC     0x10
#define MSR_QM_EVTSEL    0xc8d
#define MSR_QM_COUNTER   0xc8e
#define MSR_PKG_TEMP_LOW 0x1b1

/* Monitoring, which shows nothing of any domain's secrets but traffic; and time. */
static bool resource_allowed(const struct xenpf_resource_entry *entry)
{
    switch (entry->idx) {
    case MSR_IA32_TSC:
        return entry->u.cmd == XEN_RESOURCE_OP_MSR_READ;
    case MSR_QM_EVTSEL:
        return true;
    case MSR_QM_COUNTER:
    case MSR_PKG_TEMP_LOW:
        return entry->u.cmd == XEN_RESOURCE_OP_MSR_READ;
    default:
        return false;
    }
}

/* Leaves the entry's answer in it: its value, or in `ret` what is wrong. */
static int access_resource(struct xenpf_resource_entry *entry)
{
    if (entry->rsvd != 0) {
        return -EINVAL;
    }
    if (entry->u.cmd != XEN_RESOURCE_OP_MSR_READ && entry->u.cmd != XEN_RESOURCE_OP_MSR_WRITE) {
        return -EOPNOTSUPP;
    }
    if (!resource_allowed(entry)) {
        return -EACCES;
    }
    if (entry->idx == MSR_IA32_TSC) {
        entry->val = time_now_ns();
        return 0;
    }
    return entry->u.cmd == XEN_RESOURCE_OP_MSR_READ
               ? arch_rdmsr_safe((uint32_t)entry->idx, &entry->val)
               : arch_wrmsr_safe((uint32_t)entry->idx, entry->val);
}

/* The number of entries that worked; the one after them says why it did not. */
long platform_resource(const struct xenpf_resource_op *op)
{
    gva_t entries = gva((uint64_t)op->entries.p);

    if (op->nr_entries > MAX_RESOURCE_ENTRIES) {
        return -E2BIG;
    }
    if (op->cpu >= cpu_count) {
        return -ENODEV;
    }
    if (op->cpu != this_cpu()->id) {
        return -EOPNOTSUPP;
    }
    for (uint32_t i = 0; i < op->nr_entries; i++) {
        struct xenpf_resource_entry entry;
        int error;

        if (read_guest(&entry, entries, i) != 0) {
            return -EFAULT;
        }
        error = access_resource(&entry);
        if (error != 0) {
            entry.u.ret = error;
        }
        if (write_guest(entries, i, &entry) != 0) {
            return -EFAULT;
        }
        if (error != 0) {
            return i;
        }
    }
    return op->nr_entries;
}
