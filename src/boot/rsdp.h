// SPDX-License-Identifier: Apache-2.0
// Where ACPI's root pointer is, for Pavise and for domain 0.
#pragma once

#include "boot/boot_info.h"

/*
 * Its physical address, as the loader or UEFI's configuration table says; 0: to be looked for in
 * the BIOS's areas. After acpi_map is set.
 */
uint64_t rsdp_locate(const struct boot_info *info);

/* Where the copy lies that some loaders give instead, for when it is nowhere else; 0: there is
 * none. */
uint64_t rsdp_of_copy(const struct boot_info *info);

/*
 * Domain 0's command line: its own, with acpi_rsdp= behind it where its kernel, which looks in the
 * BIOS's areas only, would not find the root pointer. The storage is static.
 */
const char *rsdp_tell_domain0(const struct boot_info *info, const char *command_line);
