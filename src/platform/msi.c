// SPDX-License-Identifier: Apache-2.0
// MSI and MSI-X.
#include "platform/msi.h"

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/mmio.h"

#define MESSAGE_ADDRESS 0xfee00000ULL

int msi_compose(uint8_t vector, uint32_t apic_id, struct msi_message *message)
{
    if (vector < 16 || apic_id > 254) {
        return -EINVAL;
    }
    *message = (struct msi_message){MESSAGE_ADDRESS | (uint64_t)apic_id << 12, vector};
    return 0;
}

// ---- MSI ----------------------------------------------------------------------------------------

enum { MSI_CONTROL = 2, MSI_ADDRESS = 4, MSI_ADDRESS_HIGH = 8 };

enum {
    MSI_ENABLE = 0x0001,
    MSI_ENABLED_SHIFT = 4,
    MSI_ENABLED_MASK = 0x0070,
    MSI_64BIT = 0x0080,
    MSI_MASKABLE = 0x0100,
};

static uint32_t msi_data_offset(const struct pci_msi *msi)
{
    return msi->capability + (msi->is_64bit ? 0x0c : 0x08);
}

static uint32_t msi_mask_offset(const struct pci_msi *msi)
{
    return msi->capability + (msi->is_64bit ? 0x10 : 0x0c);
}

int pci_msi_probe(pci_bdf_t device, struct pci_msi *msi)
{
    uint8_t capability = pci_find_capability(device, PCI_CAPABILITY_MSI);

    if (capability == 0) {
        return -ENODEV;
    }
    uint16_t control = pci_read16(device, capability + MSI_CONTROL);
    *msi = (struct pci_msi){
        .device = device,
        .capability = capability,
        .vectors = (uint8_t)(1 << MIN(control >> 1 & 7, 5)),
        .is_64bit = (control & MSI_64BIT) != 0,
        .maskable = (control & MSI_MASKABLE) != 0,
    };
    return 0;
}

int pci_msi_write(const struct pci_msi *msi, const struct msi_message *message)
{
    if (message->address >> 32 != 0 && !msi->is_64bit) {
        return -EINVAL;
    }
    pci_write(msi->device, msi->capability + MSI_ADDRESS, 32, (uint32_t)message->address);
    if (msi->is_64bit) {
        pci_write(msi->device, msi->capability + MSI_ADDRESS_HIGH, 32,
                  (uint32_t)(message->address >> 32));
    }
    pci_write(msi->device, msi_data_offset(msi), 16, message->data & 0xffff);
    return 0;
}

struct msi_message pci_msi_read(const struct pci_msi *msi)
{
    struct msi_message message = {
        .address = pci_read32(msi->device, msi->capability + MSI_ADDRESS),
        .data = pci_read16(msi->device, msi_data_offset(msi)),
    };

    if (msi->is_64bit) {
        message.address |= (uint64_t)pci_read32(msi->device, msi->capability + MSI_ADDRESS_HIGH)
                           << 32;
    }
    return message;
}

static void write_msi_control(const struct pci_msi *msi, uint16_t clear, uint16_t set)
{
    uint16_t control = pci_read16(msi->device, msi->capability + MSI_CONTROL);

    pci_write(msi->device, msi->capability + MSI_CONTROL, 16, (control & (uint16_t)~clear) | set);
}

int pci_msi_enable(const struct pci_msi *msi, unsigned vectors)
{
    if (vectors == 0 || vectors > msi->vectors || (vectors & (vectors - 1)) != 0) {
        return -EINVAL;
    }
    unsigned encoded = (unsigned)__builtin_ctz(vectors) << MSI_ENABLED_SHIFT;
    write_msi_control(msi, MSI_ENABLED_MASK, (uint16_t)(encoded | MSI_ENABLE));
    return 0;
}

void pci_msi_disable(const struct pci_msi *msi)
{
    write_msi_control(msi, MSI_ENABLE, 0);
}

bool pci_msi_mask(const struct pci_msi *msi, unsigned index, bool masked)
{
    if (!msi->maskable || index >= msi->vectors) {
        return false;
    }
    uint32_t bits = pci_read32(msi->device, msi_mask_offset(msi));
    uint32_t bit = 1U << index;
    pci_write(msi->device, msi_mask_offset(msi), 32, masked ? bits | bit : bits & ~bit);
    return true;
}

// ---- MSI-X --------------------------------------------------------------------------------------

enum { MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_PENDING = 8 };

enum {
    MSIX_ENABLE = 0x8000,
    MSIX_ALL_MASKED = 0x4000,
    MSIX_LAST_ENTRY = 0x07ff,
    MSIX_BAR = 7, // the low bits of table and pending offset name the register
};

enum { ENTRY_ADDRESS = 0, ENTRY_ADDRESS_HIGH = 4, ENTRY_DATA = 8, ENTRY_CONTROL = 12 };

#define ENTRY_MASKED 1U

// Physical addresses have at most 52 bits (processor manual 3A, 4.1.4).
#define MAX_PADDR (1ULL << 52)

// Where a structure of `bytes` lies that `offset_register` gives as a register and an offset in it.
static int locate(pci_bdf_t device, uint32_t offset_register, uint32_t bytes, uint64_t *paddr)
{
    uint32_t where = pci_read32(device, offset_register);
    uint32_t offset = where & ~(uint32_t)MSIX_BAR;
    uint64_t bar;

    if (pci_memory_bar(device, where & MSIX_BAR, &bar) != 0 || bar > MAX_PADDR - offset - bytes) {
        return -EINVAL;
    }
    *paddr = bar + offset;
    return 0;
}

int pci_msix_probe(pci_bdf_t device, struct pci_msix *msix)
{
    uint8_t capability = pci_find_capability(device, PCI_CAPABILITY_MSIX);

    if (capability == 0) {
        return -ENODEV;
    }
    uint16_t control = pci_read16(device, capability + MSIX_CONTROL);
    *msix = (struct pci_msix){
        .device = device,
        .capability = capability,
        .entries = (uint16_t)((control & MSIX_LAST_ENTRY) + 1),
    };
    msix->pending_bytes = ROUND_UP(msix->entries, 64U) / 8;
    if (locate(device, capability + MSIX_TABLE, msix->entries * MSIX_ENTRY_BYTES,
               &msix->table_paddr) != 0 ||
        locate(device, capability + MSIX_PENDING, msix->pending_bytes, &msix->pending_paddr) != 0) {
        return -EINVAL;
    }
    return 0;
}

int pci_msix_map(struct pci_msix *msix)
{
    msix->table = platform_map_mmio(msix->table_paddr, (size_t)msix->entries * MSIX_ENTRY_BYTES);
    return msix->table != NULL ? 0 : -ENOMEM;
}

static volatile uint8_t *entry_address(const struct pci_msix *msix, unsigned index)
{
    return msix->table != NULL && index < msix->entries ? msix->table + index * MSIX_ENTRY_BYTES
                                                        : NULL;
}

// The read back makes sure that the device has seen the write.
static void set_entry_mask(volatile uint8_t *entry, bool masked)
{
    uint32_t control = arch_mmio_read32(entry + ENTRY_CONTROL);

    arch_mmio_write32(entry + ENTRY_CONTROL,
                      masked ? control | ENTRY_MASKED : control & ~ENTRY_MASKED);
    arch_mmio_read32(entry + ENTRY_CONTROL);
}

int pci_msix_write(const struct pci_msix *msix, unsigned index, const struct msi_message *message)
{
    volatile uint8_t *entry = entry_address(msix, index);

    if (entry == NULL) {
        return -EINVAL;
    }
    set_entry_mask(entry, true);
    arch_mmio_write32(entry + ENTRY_ADDRESS, (uint32_t)message->address);
    arch_mmio_write32(entry + ENTRY_ADDRESS_HIGH, (uint32_t)(message->address >> 32));
    arch_mmio_write32(entry + ENTRY_DATA, message->data);
    return 0;
}

int pci_msix_read(const struct pci_msix *msix, unsigned index, struct msi_message *message,
                  bool *masked)
{
    const volatile uint8_t *entry = entry_address(msix, index);

    if (entry == NULL) {
        return -EINVAL;
    }
    *message = (struct msi_message){
        .address = arch_mmio_read32(entry + ENTRY_ADDRESS) |
                   (uint64_t)arch_mmio_read32(entry + ENTRY_ADDRESS_HIGH) << 32,
        .data = arch_mmio_read32(entry + ENTRY_DATA),
    };
    *masked = (arch_mmio_read32(entry + ENTRY_CONTROL) & ENTRY_MASKED) != 0;
    return 0;
}

int pci_msix_mask(const struct pci_msix *msix, unsigned index, bool masked)
{
    volatile uint8_t *entry = entry_address(msix, index);

    if (entry == NULL) {
        return -EINVAL;
    }
    set_entry_mask(entry, masked);
    return 0;
}

void pci_msix_control(const struct pci_msix *msix, bool enabled, bool all_masked)
{
    uint16_t control = pci_read16(msix->device, msix->capability + MSIX_CONTROL);

    control &= (uint16_t) ~(MSIX_ENABLE | MSIX_ALL_MASKED);
    control |= (uint16_t)((enabled ? MSIX_ENABLE : 0) | (all_masked ? MSIX_ALL_MASKED : 0));
    pci_write(msix->device, msix->capability + MSIX_CONTROL, 16, control);
}

static bool pages_overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    enum { PAGE_BYTES = 4096 };
    uint64_t a_last = a_bytes <= UINT64_MAX - a ? a + a_bytes - 1 : UINT64_MAX;
    uint64_t b_last = (b + b_bytes - 1) | (PAGE_BYTES - 1);

    return a_bytes != 0 && a <= b_last && a_last >= ROUND_DOWN(b, (uint64_t)PAGE_BYTES);
}

bool pci_msix_covers(const struct pci_msix *msix, uint64_t paddr, uint64_t length)
{
    return pages_overlap(paddr, length, msix->table_paddr,
                         (uint64_t)msix->entries * MSIX_ENTRY_BYTES) ||
           pages_overlap(paddr, length, msix->pending_paddr, msix->pending_bytes);
}
