// SPDX-License-Identifier: Apache-2.0
// ACPI's root pointer. A UEFI machine has it in its configuration table (UEFI 2.9, 4.3 and 4.6).
#include "boot/rsdp.h"

#include "arch/paging.h"
#include "lib/format.h"
#include "lib/string.h"
#include "platform/acpi.h"
#include "platform/mmio.h"

#define BIOS_END (1UL << 20)

/* EFI_SYSTEM_TABLE of a 64-bit firmware, as far as it matters here. */
#define TABLE_ENTRIES_OFFSET 104
#define TABLES_OFFSET        112
#define SYSTEM_TABLE_BYTES   120
#define MAX_ENTRIES          256

struct configuration_entry {
    uint8_t guid[16];
    uint64_t table;
};

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static uint64_t search_entries(const struct configuration_entry *entries, uint64_t count)
{
    /* 8868e871-e4f1-11d3-bc22-0080c73c8881: ACPI 2.0 and later. */
    static const uint8_t acpi[16] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
                                     0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};

    for (uint64_t i = 0; entries && i < count; i++) {
        if (memcmp(entries[i].guid, acpi, sizeof(acpi)) == 0) {
            return entries[i].table;
        }
    }
    return 0;
}

static uint64_t ask_uefi(uint64_t system_table)
{
    const uint8_t *table = system_table ? acpi_map(system_table, SYSTEM_TABLE_BYTES) : NULL;
    uint64_t count, entries;

    if (!table) {
        return 0;
    }
    count = MIN(word_at(table + TABLE_ENTRIES_OFFSET), (uint64_t)MAX_ENTRIES);
    entries = word_at(table + TABLES_OFFSET);
    return search_entries(acpi_map(entries, count * sizeof(struct configuration_entry)), count);
}

uint64_t rsdp_locate(const struct boot_info *info)
{
    return info->rsdp != 0 ? info->rsdp : ask_uefi(info->efi.system_table);
}

uint64_t rsdp_of_copy(const struct boot_info *info)
{
    return info->rsdp_copy_bytes != 0 ? paging_physical_of(info->rsdp_copy) : 0;
}

const char *rsdp_tell_domain0(const struct boot_info *info, const char *command_line)
{
    static char line[BOOT_CMDLINE_MAX];

    /* The loader's copy lies in Pavise's own memory, where domain 0 can't look. */
    if (acpi_rsdp_paddr() < BIOS_END || acpi_rsdp_paddr() == rsdp_of_copy(info)) {
        return command_line;
    }
    format_text(line, sizeof(line), "%s acpi_rsdp=%#lx", command_line,
                (unsigned long)acpi_rsdp_paddr());
    return line;
}
