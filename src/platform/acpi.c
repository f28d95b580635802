// SPDX-License-Identifier: Apache-2.0
// From the root pointer to a list of tables, and reading fields out of one.
#include "platform/acpi.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "platform/mmio.h"

enum {
    RSDP_BYTES_V1 = 20,
    RSDP_BYTES_V2 = 36,
    RSDP_REVISION = 15,
    RSDP_RSDT = 16,
    RSDP_LENGTH = 20,
    RSDP_XSDT = 24,
};

enum {
    HEADER_LENGTH = 4,
    // No table comes near; a length beyond this is garbage, and mapping it would only hide that.
    MAX_TABLE_BYTES = 16 << 20,
};

// Where a BIOS leaves the root pointer (5.2.5.1): the first KiB of its extended data area, whose
// segment is at 40:0E, or the read-only area below 1 MiB.
#define EBDA_SEGMENT_PADDR 0x40e
#define EBDA_SEARCH_BYTES  1024
#define BIOS_AREA_PADDR    0xe0000
#define BIOS_AREA_BYTES    0x20000

static struct {
    uint64_t rsdp_paddr;
    unsigned count;
    struct {
        char signature[4];
        uint64_t paddr;
    } table[ACPI_MAX_TABLES];
} tables;

static bool sums_to_zero(const uint8_t *bytes, size_t length)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < length; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

// ---- fields -------------------------------------------------------------------------------------

static uint64_t field(const struct acpi_table *table, uint32_t offset, uint32_t bytes)
{
    uint64_t value = 0;

    if (table->bytes == NULL || table->length < bytes || offset > table->length - bytes) {
        return 0;
    }
    for (uint32_t i = bytes; i-- > 0;) {
        value = value << 8 | table->bytes[offset + i];
    }
    return value;
}

uint8_t acpi_u8(const struct acpi_table *table, uint32_t offset)
{
    return (uint8_t)field(table, offset, 1);
}

uint16_t acpi_u16(const struct acpi_table *table, uint32_t offset)
{
    return (uint16_t)field(table, offset, 2);
}

uint32_t acpi_u32(const struct acpi_table *table, uint32_t offset)
{
    return (uint32_t)field(table, offset, 4);
}

uint64_t acpi_u64(const struct acpi_table *table, uint32_t offset)
{
    return field(table, offset, 8);
}

struct acpi_register acpi_register_at(const struct acpi_table *table, uint32_t offset)
{
    return (struct acpi_register){
        .space = acpi_u8(table, offset),
        .bits = acpi_u8(table, offset + 1),
        .address = acpi_u64(table, offset + 4),
    };
}

// ---- root pointer -------------------------------------------------------------------------------

// The structure at `bytes`, of which `available` can be read: 0 if it is no root pointer.
static uint32_t rsdp_length(const uint8_t *bytes, size_t available)
{
    struct acpi_table rsdp = {bytes, (uint32_t)available, 0};

    if (available < RSDP_BYTES_V1 || memcmp(bytes, "RSD PTR ", 8) != 0 ||
        !sums_to_zero(bytes, RSDP_BYTES_V1)) {
        return 0;
    }
    if (acpi_u8(&rsdp, RSDP_REVISION) < 2) {
        return RSDP_BYTES_V1;
    }
    // The second checksum covers the address of the XSDT. If it fails, the first half still holds.
    uint32_t length = acpi_u32(&rsdp, RSDP_LENGTH);
    bool whole = length >= RSDP_BYTES_V2 && length <= available && sums_to_zero(bytes, length);
    return whole ? RSDP_BYTES_V2 : RSDP_BYTES_V1;
}

static uint64_t search_rsdp(uint64_t paddr, size_t bytes)
{
    const uint8_t *area = acpi_map(paddr, bytes);

    for (size_t at = 0; area != NULL && at + RSDP_BYTES_V1 <= bytes; at += 16) {
        if (rsdp_length(area + at, bytes - at) != 0) {
            return paddr + at;
        }
    }
    return 0;
}

static bool is_rsdp(uint64_t paddr)
{
    const uint8_t *bytes = paddr != 0 ? acpi_map(paddr, RSDP_BYTES_V2) : NULL;

    return bytes != NULL && rsdp_length(bytes, RSDP_BYTES_V2) != 0;
}

static uint64_t find_rsdp(uint64_t hint_paddr)
{
    const uint8_t *segment = NULL;
    uint64_t found = 0;

    if (is_rsdp(hint_paddr)) {
        return hint_paddr;
    }
    segment = acpi_map(EBDA_SEGMENT_PADDR, 2);
    uint64_t ebda = segment != NULL ? (uint64_t)(segment[0] | segment[1] << 8) << 4 : 0;
    // A BIOS without such an area leaves anything there: it lies in the last 128 KiB below video
    // memory.
    if (ebda >= 0x80000 && ebda <= 0xa0000 - EBDA_SEARCH_BYTES) {
        found = search_rsdp(ebda, EBDA_SEARCH_BYTES);
    }
    return found != 0 ? found : search_rsdp(BIOS_AREA_PADDR, BIOS_AREA_BYTES);
}

// ---- tables -------------------------------------------------------------------------------------

// Maps a table whole and checks it; `bytes` is NULL if it does not hold.
static struct acpi_table map_table(uint64_t paddr)
{
    struct acpi_table none = {0};
    struct acpi_table table = {.length = ACPI_HEADER_BYTES, .paddr = paddr};

    if (paddr == 0 || paddr > UINT64_MAX - MAX_TABLE_BYTES) {
        return none;
    }
    table.bytes = acpi_map(paddr, ACPI_HEADER_BYTES);
    table.length = acpi_u32(&table, HEADER_LENGTH);
    if (table.length < ACPI_HEADER_BYTES || table.length > MAX_TABLE_BYTES) {
        return none;
    }
    table.bytes = acpi_map(paddr, table.length);
    if (table.bytes == NULL || !sums_to_zero(table.bytes, table.length)) {
        return none;
    }
    return table;
}

// A listed table costs only its header here; it is checked when somebody asks for it.
static void list_table(uint64_t paddr)
{
    const uint8_t *header = NULL;

    if (paddr != 0 && paddr <= UINT64_MAX - MAX_TABLE_BYTES) {
        header = acpi_map(paddr, ACPI_HEADER_BYTES);
    }
    if (header == NULL || tables.count == ACPI_MAX_TABLES) {
        return;
    }
    memcpy(tables.table[tables.count].signature, header, 4);
    tables.table[tables.count++].paddr = paddr;
}

static bool list_root(uint64_t root_paddr, const char signature[4], uint32_t entry_bytes)
{
    struct acpi_table root = map_table(root_paddr);

    if (root.bytes == NULL || memcmp(root.bytes, signature, 4) != 0) {
        return false;
    }
    for (uint32_t at = ACPI_HEADER_BYTES; at + entry_bytes <= root.length; at += entry_bytes) {
        list_table(field(&root, at, entry_bytes));
    }
    return true;
}

int acpi_init(uint64_t rsdp_paddr)
{
    memset(&tables, 0, sizeof(tables));
    rsdp_paddr = find_rsdp(rsdp_paddr);
    if (rsdp_paddr == 0) {
        return -ENOENT;
    }
    tables.rsdp_paddr = rsdp_paddr;

    uint32_t available = RSDP_BYTES_V2;
    const uint8_t *bytes = acpi_map(rsdp_paddr, available);
    if (bytes == NULL) { // the very end of the BIOS area has room for an old one only
        available = RSDP_BYTES_V1;
        bytes = acpi_map(rsdp_paddr, available);
    }
    struct acpi_table rsdp = {bytes, bytes != NULL ? rsdp_length(bytes, available) : 0, rsdp_paddr};

    bool found = list_root(acpi_u64(&rsdp, RSDP_XSDT), "XSDT", 8) ||
                 list_root(acpi_u32(&rsdp, RSDP_RSDT), "RSDT", 4);
    return found ? 0 : -EINVAL;
}

uint64_t acpi_rsdp_paddr(void)
{
    return tables.rsdp_paddr;
}

struct acpi_table acpi_find(const char signature[4], unsigned instance)
{
    for (unsigned i = 0; i < tables.count; i++) {
        if (memcmp(tables.table[i].signature, signature, 4) == 0 && instance-- == 0) {
            return map_table(tables.table[i].paddr);
        }
    }
    return (struct acpi_table){0};
}

bool acpi_list(unsigned index, char signature[5], uint64_t *paddr)
{
    if (index >= tables.count) {
        return false;
    }
    memcpy(signature, tables.table[index].signature, 4);
    signature[4] = '\0';
    *paddr = tables.table[index].paddr;
    return true;
}

#define FADT_DSDT   40
#define FADT_X_DSDT 140

struct acpi_table acpi_dsdt(void)
{
    struct acpi_table fadt = acpi_find("FACP", 0);
    uint64_t paddr = acpi_u64(&fadt, FADT_X_DSDT);

    if (paddr == 0) {
        paddr = acpi_u32(&fadt, FADT_DSDT);
    }
    return paddr != 0 ? map_table(paddr) : (struct acpi_table){.bytes = NULL};
}
