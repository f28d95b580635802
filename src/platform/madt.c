// SPDX-License-Identifier: Apache-2.0
// Walks the MADT's entries. Each says its own length; one that is too short for its kind is
// dropped, one that leaves the table ends the walk.
#include "platform/madt.h"

#include "abi/errno.h"
#include "lib/string.h"

enum { MADT_LAPIC_PADDR = 36, MADT_FLAGS = 40, MADT_ENTRIES = 44, MADT_PCAT_COMPAT = 1 };

enum { CPU_ENABLED = 1, CPU_ONLINE_CAPABLE = 2 };

// As a processor UID in the entries with 8 bits for it.
enum { ALL_CPUS_8 = 0xff };

static void add_cpu(struct madt *madt, uint32_t apic_id, uint32_t acpi_uid, uint32_t flags)
{
    bool enabled = (flags & CPU_ENABLED) != 0;

    if (!enabled && (flags & CPU_ONLINE_CAPABLE) == 0) {
        return;
    }
    // Firmware may give a processor both of the two kinds of entry.
    for (unsigned i = 0; i < madt->cpu_count; i++) {
        if (madt->cpu[i].apic_id == apic_id) {
            madt->cpu[i].enabled |= enabled;
            return;
        }
    }
    if (madt->cpu_count == MADT_MAX_CPUS) {
        madt->dropped++;
        return;
    }
    madt->cpu[madt->cpu_count++] = (struct madt_cpu){apic_id, acpi_uid, enabled, !enabled};
}

// MPS INTI flags (table 5.50): bits 1:0 polarity, 3:2 trigger, each 0 = as the bus has it.
static struct irq_line line_from_flags(uint16_t flags, struct irq_line bus_default)
{
    struct irq_line line = bus_default;

    if ((flags & 3) != 0) {
        line.active_low = (flags & 3) == 3;
    }
    if ((flags >> 2 & 3) != 0) {
        line.level = (flags >> 2 & 3) == 3;
    }
    return line;
}

static const struct irq_line isa_line = {.level = false, .active_low = false};
static const struct irq_line pci_line = {.level = true, .active_low = true};

static void add_lapic(struct madt *madt, const struct acpi_table *entry)
{
    uint8_t apic_id = acpi_u8(entry, 3);

    if (apic_id != 0xff) { // broadcast: a slot without a processor
        add_cpu(madt, apic_id, acpi_u8(entry, 2), acpi_u32(entry, 4));
    }
}

static void add_x2apic(struct madt *madt, const struct acpi_table *entry)
{
    uint32_t apic_id = acpi_u32(entry, 4);

    if (apic_id != UINT32_MAX) {
        add_cpu(madt, apic_id, acpi_u32(entry, 12), acpi_u32(entry, 8));
    }
}

static void add_ioapic(struct madt *madt, const struct acpi_table *entry)
{
    uint32_t paddr = acpi_u32(entry, 4);

    if (madt->ioapic_count == MADT_MAX_IOAPICS || paddr == 0) {
        madt->dropped++;
        return;
    }
    madt->ioapic[madt->ioapic_count++] =
        (struct madt_ioapic){acpi_u8(entry, 2), paddr, acpi_u32(entry, 8)};
}

static void add_override(struct madt *madt, const struct acpi_table *entry)
{
    uint8_t irq = acpi_u8(entry, 3);

    if (madt->override_count == MADT_MAX_OVERRIDES || irq >= ISA_IRQS) {
        madt->dropped++;
        return;
    }
    madt->override[madt->override_count++] = (struct madt_override){
        irq, acpi_u32(entry, 4), line_from_flags(acpi_u16(entry, 8), isa_line)};
}

static void add_nmi_source(struct madt *madt, const struct acpi_table *entry)
{
    if (madt->nmi_source_count == MADT_MAX_NMIS) {
        madt->dropped++;
        return;
    }
    madt->nmi_source[madt->nmi_source_count].gsi = acpi_u32(entry, 4);
    madt->nmi_source[madt->nmi_source_count++].line = line_from_flags(acpi_u16(entry, 2), isa_line);
}

static void add_nmi(struct madt *madt, uint32_t acpi_uid, uint16_t flags, uint8_t lint)
{
    if (madt->nmi_count == MADT_MAX_NMIS || lint > 1) {
        madt->dropped++;
        return;
    }
    madt->nmi[madt->nmi_count++] =
        (struct madt_nmi){acpi_uid, lint, line_from_flags(flags, isa_line)};
}

static void add_lapic_nmi(struct madt *madt, const struct acpi_table *entry)
{
    uint8_t uid = acpi_u8(entry, 2);

    add_nmi(madt, uid == ALL_CPUS_8 ? MADT_ALL_CPUS : uid, acpi_u16(entry, 3), acpi_u8(entry, 5));
}

static void add_x2apic_nmi(struct madt *madt, const struct acpi_table *entry)
{
    add_nmi(madt, acpi_u32(entry, 4), acpi_u16(entry, 2), acpi_u8(entry, 8));
}

static void set_lapic_address(struct madt *madt, const struct acpi_table *entry)
{
    madt->lapic_paddr = acpi_u64(entry, 4);
}

// By entry type (table 5.46); types not here matter to nobody yet.
static const struct {
    uint8_t bytes;
    void (*add)(struct madt *madt, const struct acpi_table *entry);
} kinds[] = {
    [0] = {8, add_lapic},      [1] = {12, add_ioapic},      [2] = {10, add_override},
    [3] = {8, add_nmi_source}, [4] = {6, add_lapic_nmi},    [5] = {12, set_lapic_address},
    [9] = {16, add_x2apic},    [10] = {12, add_x2apic_nmi},
};

static void add_entry(struct madt *madt, const struct acpi_table *entry)
{
    uint8_t type = acpi_u8(entry, 0);

    if (type >= ARRAY_SIZE(kinds) || kinds[type].add == NULL) {
        return;
    }
    if (entry->length < kinds[type].bytes) {
        madt->dropped++;
        return;
    }
    kinds[type].add(madt, entry);
}

int madt_read(struct madt *madt)
{
    struct acpi_table table = acpi_find("APIC", 0);

    memset(madt, 0, sizeof(*madt));
    if (table.bytes == NULL || table.length < MADT_ENTRIES) {
        return -ENOENT;
    }
    madt->lapic_paddr = acpi_u32(&table, MADT_LAPIC_PADDR);
    madt->has_8259 = (acpi_u32(&table, MADT_FLAGS) & MADT_PCAT_COMPAT) != 0;
    for (uint32_t at = MADT_ENTRIES; at + 2 <= table.length;) {
        struct acpi_table entry = {table.bytes + at, acpi_u8(&table, at + 1), 0};
        if (entry.length < 2 || entry.length > table.length - at) {
            madt->dropped++;
            break;
        }
        add_entry(madt, &entry);
        at += entry.length;
    }
    return 0;
}

uint32_t madt_isa_gsi(const struct madt *madt, unsigned irq, struct irq_line *line)
{
    for (unsigned i = 0; i < madt->override_count; i++) {
        if (madt->override[i].isa_irq == irq) {
            *line = madt->override[i].line;
            return madt->override[i].gsi;
        }
    }
    *line = isa_line;
    return irq;
}

struct irq_line madt_gsi_line(const struct madt *madt, uint32_t gsi)
{
    for (unsigned i = 0; i < madt->override_count; i++) {
        if (madt->override[i].gsi == gsi) {
            return madt->override[i].line;
        }
    }
    return gsi < ISA_IRQS ? isa_line : pci_line;
}
