// SPDX-License-Identifier: Apache-2.0
// The MADT: which processors and interrupt controllers there are and how ISA interrupts are wired
// (ACPI 6.4, 5.2.12).
#pragma once

#include "platform/acpi.h"

#define MADT_MAX_CPUS      512
#define MADT_MAX_IOAPICS   64
#define MADT_MAX_OVERRIDES 32
#define MADT_MAX_NMIS      64
#define ISA_IRQS           16

#define MADT_ALL_CPUS UINT32_MAX // as a processor UID: every one

// How an interrupt line signals.
struct irq_line {
    bool level;
    bool active_low;
};

struct madt {
    uint64_t lapic_paddr;
    bool has_8259;
    unsigned cpu_count;
    struct madt_cpu {
        uint32_t apic_id;
        uint32_t acpi_uid;
        bool enabled;        // usable now
        bool online_capable; // may be switched on later
    } cpu[MADT_MAX_CPUS];
    unsigned ioapic_count;
    struct madt_ioapic {
        uint32_t id;
        uint32_t paddr;
        uint32_t gsi_base;
    } ioapic[MADT_MAX_IOAPICS];
    unsigned override_count;
    struct madt_override {
        uint8_t isa_irq;
        uint32_t gsi;
        struct irq_line line;
    } override[MADT_MAX_OVERRIDES];
    unsigned nmi_count; // wired to a local APIC's pin
    struct madt_nmi {
        uint32_t acpi_uid; // or MADT_ALL_CPUS
        uint8_t lint;      // 0 or 1
        struct irq_line line;
    } nmi[MADT_MAX_NMIS];
    unsigned nmi_source_count; // wired to an I/O APIC's pin
    struct {
        uint32_t gsi;
        struct irq_line line;
    } nmi_source[MADT_MAX_NMIS];
    unsigned dropped; // entries beyond the limits above, or malformed
};

// Fills `madt` (which is large: have it static). Returns 0, or -ENOENT without a table that holds.
int must_check madt_read(struct madt *madt);

// Where ISA interrupt `irq` (below ISA_IRQS) arrives, and how: an override, or the same number,
// edge, active high.
uint32_t madt_isa_gsi(const struct madt *madt, unsigned irq, struct irq_line *line);

// How a GSI signals if nothing else is known: ISA's by its override or as edge, active high; those
// above, which are PCI's, as level, active low.
struct irq_line madt_gsi_line(const struct madt *madt, uint32_t gsi);
