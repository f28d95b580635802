// SPDX-License-Identifier: Apache-2.0
// The machine's devices: which ones Pavise keeps, and how domain 0 gets the others.
#pragma once

#include "abi/xen.h"
#include "boot/boot_info.h"
#include "domain/domain.h"

/* The console line, by the options; takes over from the early log. After machine_start(). */
void devices_start(void);

/*
 * Ports, device memory and interrupts: all that are not RAM and that Pavise does not drive itself.
 */
void devices_give_to_domain0(struct domain *d);

/* What start_info says about the screen; NULL where there is none. The storage is static. */
const struct dom0_vga_console_info *devices_display(const struct boot_info *info);
