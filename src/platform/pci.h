// SPDX-License-Identifier: Apache-2.0
// PCI configuration space (PCI Local Bus 3.0, chapter 6; PCI Express 5.0, 7.2): by the two ports
// 0xcf8 and 0xcfc, and beyond the first 256 bytes, or the first segment, by the memory windows of
// the MCFG table. Calls lock for themselves (RANK_DEVICE).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "platform/fadt.h"

// One function of one device.
typedef struct {
    uint16_t segment;
    uint8_t bus;
    uint8_t devfn; // device in bits 7:3, function in 2:0
} pci_bdf_t;

static inline pci_bdf_t pci_bdf(uint16_t segment, uint8_t bus, uint8_t device, uint8_t function)
{
    return (pci_bdf_t){segment, bus, (uint8_t)(device << 3 | (function & 7))};
}

enum {
    PCI_VENDOR = 0x00,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR_0 = 0x10,
    PCI_SECONDARY_BUS = 0x19, // of a bridge
    PCI_CAPABILITIES = 0x34,
    PCI_COMMAND_MEMORY = 0x0002,
    PCI_COMMAND_NO_INTX = 0x0400,
    PCI_STATUS_CAPABILITIES = 0x0010,
    PCI_CAPABILITY_MSI = 0x05,
    PCI_CAPABILITY_MSIX = 0x11,
};

// Makes a memory window known. Buses are mapped as they are used. Returns 0, -EINVAL for one that
// makes no sense or overlaps another, -ENOSPC for one too many.
int must_check pci_add_window(const struct mcfg_window *window);

// Whether [paddr, paddr + length) touches a window.
bool pci_window_covers(uint64_t paddr, uint64_t length);

// A field of `bits` (8, 16 or 32) at a multiple of its size. What does not exist, is misaligned or
// out of reach reads as all ones, and a write to it does nothing: any guest-given offset is safe.
uint32_t pci_read(pci_bdf_t device, uint32_t offset, unsigned bits);
void pci_write(pci_bdf_t device, uint32_t offset, unsigned bits, uint32_t value);

static inline uint8_t pci_read8(pci_bdf_t device, uint32_t offset)
{
    return (uint8_t)pci_read(device, offset, 8);
}

static inline uint16_t pci_read16(pci_bdf_t device, uint32_t offset)
{
    return (uint16_t)pci_read(device, offset, 16);
}

static inline uint32_t pci_read32(pci_bdf_t device, uint32_t offset)
{
    return pci_read(device, offset, 32);
}

bool pci_exists(pci_bdf_t device);

// Calls `visit` for every function on one bus, or on bus 0 and all buses behind bridges that have
// been given numbers. A second root complex with a bus number of its own is not found this way.
typedef void pci_visit_fn(pci_bdf_t device, void *context);
void pci_visit_bus(uint16_t segment, uint8_t bus, pci_visit_fn *visit, void *context);
void pci_visit_all(uint16_t segment, pci_visit_fn *visit, void *context);

// Offset of a capability, 0 if there is none: in the first 256 bytes, or in the extended space.
uint8_t pci_find_capability(pci_bdf_t device, uint8_t id);
uint16_t pci_find_extended_capability(pci_bdf_t device, uint16_t id);

// Where the `index`-th base address register points. Returns 0, -EINVAL without such a register,
// -ENODEV where it holds no memory address.
int must_check pci_memory_bar(pci_bdf_t device, unsigned index, uint64_t *paddr);
