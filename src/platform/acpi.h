// SPDX-License-Identifier: Apache-2.0
// The static ACPI tables (ACPI 6.4, chapter 5): found, checked, and read into plain structures.
// Nothing of a table is believed before its length and checksum hold; a broken table is as good as
// none. No AML: that is domain 0's. All of this runs once, at start of day, on one CPU.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

#define ACPI_MAX_TABLES 64

// Every table begins so. Fields may lie unaligned in memory: read a table with acpi_u16() and the
// like.
#define ACPI_HEADER_BYTES 36

// Looks for the root pointer at `rsdp_paddr` (what the boot loader said), or where a BIOS leaves it
// when that is 0 or no good, and lists the tables that it leads to. Returns 0, or -ENOENT where
// there is no root pointer, -EINVAL where neither root table holds. Then no table will be found.
int must_check acpi_init(uint64_t rsdp_paddr);

// Where the root pointer was, 0 if there was none. Domain 0 is told.
uint64_t acpi_rsdp_paddr(void);

// A table, by its four letters, mapped whole. The `instance`-th of that name, from 0.
struct acpi_table {
    const uint8_t *bytes; // NULL: no such table, or broken
    uint32_t length;      // header included
    uint64_t paddr;
};
struct acpi_table acpi_find(const char signature[4], unsigned instance);

// The differentiated system description table, which only the FADT points to.
struct acpi_table acpi_dsdt(void);

// Every table that was listed, for the log: signature and address of the `index`-th; false past the
// end. `signature` gets a terminator.
bool acpi_list(unsigned index, char signature[5], uint64_t *paddr);

// Little-endian fields at a byte offset; 0 where the table is too short to have them, which is what
// an absent optional field means in every table used here.
uint8_t acpi_u8(const struct acpi_table *table, uint32_t offset);
uint16_t acpi_u16(const struct acpi_table *table, uint32_t offset);
uint32_t acpi_u32(const struct acpi_table *table, uint32_t offset);
uint64_t acpi_u64(const struct acpi_table *table, uint32_t offset);

// Generic Address Structure (5.2.3.2): a register in some space. Address 0: not there.
enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI_CONFIG = 2 };
struct acpi_register {
    uint8_t space; // enum acpi_space, or one that Pavise does not know
    uint8_t bits;
    uint64_t address;
};
struct acpi_register acpi_register_at(const struct acpi_table *table, uint32_t offset);
