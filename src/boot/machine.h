// SPDX-License-Identifier: Apache-2.0
// The machine around the CPUs: found, and started in order.
#pragma once

#include "boot/boot_info.h"
#include "platform/fadt.h"
#include "platform/madt.h"

/* What firmware's tables said; constant once machine_start() is done. */
struct machine {
    struct madt madt;
    struct fadt fadt;
    bool has_fadt;
    uint64_t tsc_hz;
};
extern struct machine machine;

/* Static ACPI tables. Before anything else here. */
void machine_read_tables(const struct boot_info *info);

/* Interrupt controllers, the first CPU's local APIC, clocks, the alarm. */
void machine_start(void);
