// SPDX-License-Identifier: Apache-2.0
// Message-signalled interrupts: what a device writes where (processor manual 3A, 11.11), and where
// the device keeps that: in its MSI capability or its MSI-X table (PCI Local Bus 3.0, 6.8). One
// device's calls are serialised by the caller; what the device tells is checked, as it may be
// broken or a guest's puppet.
#pragma once

#include "platform/pci.h"

struct msi_message {
    uint64_t address;
    uint32_t data;
};

// Edge, fixed delivery, physical destination. Returns 0, or -EINVAL for a vector below 16 or an
// APIC ID above 254, which a message has no room for.
int must_check msi_compose(uint8_t vector, uint32_t apic_id, struct msi_message *message);

// ---- MSI ----------------------------------------------------------------------------------------

struct pci_msi {
    pci_bdf_t device;
    uint8_t capability; // its offset
    uint8_t vectors;    // a power of two up to 32: how many the device can tell apart
    bool is_64bit;
    bool maskable; // each vector has a mask bit
};

// Returns 0, or -ENODEV for a device without MSI.
int must_check pci_msi_probe(pci_bdf_t device, struct pci_msi *msi);

// While the capability is off, or the vectors are masked, as it takes several writes. Returns 0, or
// -EINVAL for an address above 4 GiB that the device has no room for.
int must_check pci_msi_write(const struct pci_msi *msi, const struct msi_message *message);
struct msi_message pci_msi_read(const struct pci_msi *msi);

// On for `vectors` (a power of two that the device has; the low bits of data are then the
// device's), or off. Returns 0, or -EINVAL.
int must_check pci_msi_enable(const struct pci_msi *msi, unsigned vectors);
void pci_msi_disable(const struct pci_msi *msi);

// Returns whether the device can do that.
bool pci_msi_mask(const struct pci_msi *msi, unsigned index, bool masked);

// ---- MSI-X --------------------------------------------------------------------------------------

#define MSIX_ENTRY_BYTES 16

struct pci_msix {
    pci_bdf_t device;
    uint8_t capability;
    uint16_t entries; // 1 to 2048
    uint64_t table_paddr;
    uint64_t pending_paddr; // the pending bit array
    uint32_t pending_bytes;
    volatile uint8_t *table; // NULL until mapped
};

// Reads the capability and where its table lies now. Returns 0, -ENODEV for a device without MSI-X,
// or -EINVAL where the table is in no assigned memory.
int must_check pci_msix_probe(pci_bdf_t device, struct pci_msix *msix);

// Returns 0 or -ENOMEM. The device's memory decoding has to be on for the table to answer.
int must_check pci_msix_map(struct pci_msix *msix);

// Entry `index` gets a message, and stays or becomes masked. Return 0, or -EINVAL beyond the table
// or before it is mapped.
int must_check pci_msix_write(const struct pci_msix *msix, unsigned index,
                              const struct msi_message *message);
int must_check pci_msix_read(const struct pci_msix *msix, unsigned index,
                             struct msi_message *message, bool *masked);
int must_check pci_msix_mask(const struct pci_msix *msix, unsigned index, bool masked);

// The whole function: on or off, and a mask over all entries.
void pci_msix_control(const struct pci_msix *msix, bool enabled, bool all_masked);

// Whether [paddr, paddr + length) touches a page of the table or of the pending bits: a guest must
// not write the one, and the other comes with it.
bool pci_msix_covers(const struct pci_msix *msix, uint64_t paddr, uint64_t length);
