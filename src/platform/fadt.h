// SPDX-License-Identifier: Apache-2.0
// The other static tables that Pavise uses: FADT (ACPI 6.4, 5.2.9), HPET (IA-PC HPET 1.0a, 3.2.4)
// and MCFG (PCI Firmware 3.0, 4.1.2).
#pragma once

#include "platform/acpi.h"

struct fadt {
    uint8_t revision;
    uint16_t sci_irq;
    bool hardware_reduced;
    // Boot architecture flags, with the meaning a missing field has on a PC.
    bool has_8042;
    bool has_vga;
    bool has_cmos_rtc;
    bool msi_allowed;
    uint8_t century_index; // in CMOS; 0: none
    struct acpi_register pm1a_event, pm1b_event;
    struct acpi_register pm1a_control, pm1b_control;
    struct acpi_register pm_timer;
    bool pm_timer_32bit;
    struct acpi_register reset;
    uint8_t reset_value;
    bool can_reset;
    struct acpi_register sleep_control, sleep_status; // hardware-reduced machines
};

// Returns 0, or -ENOENT without a table that holds.
int must_check fadt_read(struct fadt *fadt);

// Physical address of the `instance`-th HPET's registers, 0 if there is none.
uint64_t acpi_hpet_paddr(unsigned instance);

// The `index`-th window of memory-mapped PCI configuration space; false past the last.
struct mcfg_window {
    uint64_t paddr; // where bus 0 of the segment would be
    uint16_t segment;
    uint8_t first_bus, last_bus;
};
bool acpi_mcfg_window(unsigned index, struct mcfg_window *window);

// Whether firmware describes an IOMMU (DMAR or IVRS). Pavise drives none.
bool acpi_has_iommu(void);
