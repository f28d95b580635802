// SPDX-License-Identifier: Apache-2.0
// How this room reaches physical memory. The start of the day sets both hooks once mapping works,
// before any driver here is started; a host test sets them to hand out its fake registers and
// tables.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Maps the device registers at `paddr`, `length` bytes, uncached, for good. Returns the address of
// the first byte, or NULL where there is no room (or no device: the hook may refuse).
extern void *(*platform_map_mmio)(uint64_t paddr, size_t length);

// Gives read access to firmware's memory (ACPI tables, the BIOS data area), cached, for as long as
// the machine starts up. NULL if it cannot be reached.
extern const void *(*acpi_map)(uint64_t paddr, size_t length);
