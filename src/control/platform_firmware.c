// SPDX-License-Identifier: Apache-2.0
// What firmware said before Pavise took over, and switching the machine off by ACPI.
#include "abi/errno.h"
#include "control/machine.h"
#include "control/platform_op.h"

/* Disks, their signatures and the display's data are asked of a BIOS in real mode: nobody did. */
long platform_firmware_info(struct xenpf_firmware_info *op)
{
    switch (op->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
        return -ESRCH;
    case XEN_FW_EFI_INFO:
        return -ENODEV;
    case XEN_FW_KBD_SHIFT_FLAGS:
        if (op->index != 0) {
            return -ESRCH;
        }
        op->u.kbd_shift_flags = machine_facts.kbd_shift_flags;
        return 0;
    default:
        return -EINVAL;
    }
}

long platform_op_sleep(const struct xenpf_enter_acpi_sleep *op)
{
    bool extended = (op->flags & XENPF_ACPI_SLEEP_EXTENDED) != 0;

    if (op->sleep_state < 1 || op->sleep_state > 5 ||
        (op->flags & ~(uint32_t)XENPF_ACPI_SLEEP_EXTENDED) != 0 ||
        (extended && (op->val_a > 0xff || op->val_b > 0xff))) {
        return -EINVAL;
    }
    if (!machine_facts.enter_sleep) {
        return -EPERM;
    }
    return machine_facts.enter_sleep(op->sleep_state, op->val_a, op->val_b, extended);
}
