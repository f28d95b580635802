// SPDX-License-Identifier: Apache-2.0
// platform_op's parts, a file each; platform_op.c tells them apart. Each takes the operation as it
// was copied in, and leaves its answer there to be copied out where it returns 0 or more.
#pragma once

#include "abi/xen.h"
#include "lib/compiler.h"

/* platform_firmware.c */
long platform_firmware_info(struct xenpf_firmware_info *op);
long platform_op_sleep(const struct xenpf_enter_acpi_sleep *op);

/* platform_cpu.c */
long platform_get_idle_time(struct xenpf_getidletime *op);
long platform_get_cpu_info(struct xenpf_pcpuinfo *op);
long platform_get_cpu_version(struct xenpf_pcpu_version *op);
long platform_cpu_online(const struct xenpf_cpu_ol *op);
long platform_cpu_offline(const struct xenpf_cpu_ol *op);
long platform_resource(const struct xenpf_resource_op *op);
long platform_set_pm_info(const struct xenpf_set_processor_pminfo *op);

/* platform_mtrr.c */
long platform_add_memtype(struct xenpf_add_memtype *op);
long platform_del_memtype(const struct xenpf_del_memtype *op);
long platform_read_memtype(struct xenpf_read_memtype *op);
