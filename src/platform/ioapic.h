// SPDX-License-Identifier: Apache-2.0
// The I/O APICs (Intel 82093AA; chipset manuals): from a global interrupt number (GSI) to a pin and
// its redirection entry. Calls lock each I/O APIC for themselves (RANK_DEVICE).
#pragma once

#include "platform/madt.h"

// Finds and maps those that the MADT lists, and masks every pin. Returns how many work.
unsigned ioapic_init(const struct madt *madt);

// One past the highest GSI of any pin.
uint32_t ioapic_gsi_count(void);

// Whether some pin has this GSI. All calls below that take a GSI return -ENOENT (or do nothing)
// without.
bool ioapic_has_gsi(uint32_t gsi);

struct ioapic_route {
    uint8_t vector;
    uint32_t apic_id; // physical destination, at most 254
    struct irq_line line;
    bool masked;
};

// Programs a pin whole. While it is changed it is masked, so no half-new entry is ever live.
// Returns 0, -ENOENT, or -EINVAL for a vector below 16 or an APIC ID that does not fit.
int must_check ioapic_set_route(uint32_t gsi, const struct ioapic_route *route);

// Makes a pin raise NMIs at that CPU, as an edge whatever its line is (82093AA, 3.2.4). As above.
int must_check ioapic_set_nmi(uint32_t gsi, uint32_t apic_id, struct irq_line line);

// Sends a pin's interrupts to another CPU from now on, without masking it. Returns 0, -ENOENT, or
// -EINVAL for an APIC ID that does not fit.
int must_check ioapic_set_destination(uint32_t gsi, uint32_t apic_id);

int must_check ioapic_get_route(uint32_t gsi, struct ioapic_route *route);

// Only the mask bit. After ioapic_mask() returns, the pin starts no new interrupt.
void ioapic_mask(uint32_t gsi);
void ioapic_unmask(uint32_t gsi);

// A level interrupt was accepted and its EOI has not come back (remote IRR).
bool ioapic_in_service(uint32_t gsi);

// Drops the remote IRR of a level pin whose EOI got lost, by way of edge mode; masked before and
// after.
void ioapic_force_eoi(uint32_t gsi);

void ioapic_mask_all(void);

// Raw registers, for the guest calls that name an I/O APIC by the physical address of its
// registers: `reg` is an index register value: 0 to 2, or an entry's half. The caller decides what
// a guest may write. Return 0, -ENODEV without such an I/O APIC, or -EINVAL for a register that it
// has not.
int must_check ioapic_raw_read(uint64_t paddr, uint32_t reg, uint32_t *value);
int must_check ioapic_raw_write(uint64_t paddr, uint32_t reg, uint32_t value);

// The GSI of the pin whose entry `reg` is a half of, or -EINVAL; -ENODEV without such an I/O APIC.
int must_check ioapic_raw_gsi(uint64_t paddr, uint32_t reg, uint32_t *gsi);

// Whether [paddr, paddr + length) touches registers of an I/O APIC: no guest may map those.
bool ioapic_covers(uint64_t paddr, uint64_t length);
