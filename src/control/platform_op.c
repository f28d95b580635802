// SPDX-License-Identifier: Apache-2.0
// platform_op: domain 0 asks for what only the owner of the processors can do (<xen/platform.h>).
#include "control/platform_op.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "control/hypercalls.h"
#include "domain/domain.h"
#include "time/wall_clock.h"

static long set_time(uint64_t seconds, uint32_t nanoseconds, uint64_t system_time)
{
    wall_clock_set(seconds, nanoseconds, system_time);
    return 0;
}

static long set_time_64(const struct xenpf_settime64 *op)
{
    return op->mbz != 0 ? -EINVAL : set_time(op->secs, op->nsecs, op->system_time);
}

/* Interrupts have one destination and the I/O APIC's registers behave, or Pavise does not start. */
static long note_quirk(const struct xenpf_platform_quirk *op)
{
    return op->quirk_id >= QUIRK_NOIRQBALANCING && op->quirk_id <= QUIRK_IOAPIC_GOOD_REGSEL
               ? 0
               : -EINVAL;
}

static long core_parking(struct xenpf_core_parking *op)
{
    if (op->type != XEN_CORE_PARKING_GET) {
        return op->type == XEN_CORE_PARKING_SET ? -EOPNOTSUPP : -EINVAL;
    }
    op->idle_nums = 0;
    return 0;
}

/* Where Pavise's functions lie is not told: the list has no entries, and `symnum` stays its end. */
static long get_symbol(struct xenpf_symdata *op)
{
    op->namelen = 0;
    op->address = 0;
    op->type = 0;
    return 0;
}

static long carry_out(struct xen_platform_op *op)
{
    switch (op->cmd) {
    case XENPF_settime32:
        return set_time(op->u.settime32.secs, op->u.settime32.nsecs, op->u.settime32.system_time);
    case XENPF_settime64:
        return set_time_64(&op->u.settime64);
    case XENPF_add_memtype:
        return platform_add_memtype(&op->u.add_memtype);
    case XENPF_del_memtype:
        return platform_del_memtype(&op->u.del_memtype);
    case XENPF_read_memtype:
        return platform_read_memtype(&op->u.read_memtype);
    case XENPF_platform_quirk:
        return note_quirk(&op->u.platform_quirk);
    case XENPF_firmware_info:
        return platform_firmware_info(&op->u.firmware_info);
    case XENPF_enter_acpi_sleep:
        return platform_op_sleep(&op->u.enter_acpi_sleep);
    case XENPF_getidletime:
        return platform_get_idle_time(&op->u.getidletime);
    case XENPF_set_processor_pminfo:
        return platform_set_pm_info(&op->u.set_pminfo);
    case XENPF_get_cpuinfo:
        return platform_get_cpu_info(&op->u.pcpu_info);
    case XENPF_get_cpu_version:
        return platform_get_cpu_version(&op->u.pcpu_version);
    case XENPF_cpu_online:
        return platform_cpu_online(&op->u.cpu_ol);
    case XENPF_cpu_offline:
        return platform_cpu_offline(&op->u.cpu_ol);
    case XENPF_core_parking:
        return core_parking(&op->u.core_parking);
    case XENPF_resource_op:
        return platform_resource(&op->u.resource_op);
    case XENPF_get_symbol:
        return get_symbol(&op->u.symdata);
    case XENPF_microcode_update: /* the firmware's stays */
    case XENPF_efi_runtime_call: /* firmware's services are not called */
    case XENPF_cpu_hotadd:       /* processors are those of the MADT at start */
    case XENPF_mem_hotadd:
        return -EOPNOTSUPP;
    case XENPF_change_freq:
    default:
        return -ENOSYS;
    }
}

long hypercall_platform_op(gva_t argument)
{
    struct xen_platform_op op;
    long result;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    if (op.interface_version != XENPF_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (!current_vcpu()->domain->privileged) {
        return -EPERM;
    }
    result = carry_out(&op);
    if (result >= 0 && write_guest(argument, 0, &op) != 0) {
        return -EFAULT;
    }
    return result;
}
