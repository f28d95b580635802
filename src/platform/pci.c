// SPDX-License-Identifier: Apache-2.0
// PCI configuration access, walks over buses and capability lists.
#include "platform/pci.h"

#include "abi/errno.h"
#include "arch/io.h"
#include "base/pci_lock.h"
#include "lib/bitmap.h"
#include "platform/mmio.h"

enum {
    ADDRESS_PORT = 0xcf8,
    DATA_PORT = 0xcfc,
    LEGACY_BYTES = 0x100,
    CONFIG_BYTES = 0x1000,
    BUS_BYTES = 256 * CONFIG_BYTES,
    MAX_WINDOWS = 16,
};

#define ADDRESS_ENABLE (1U << 31)

// Guards the address port, which says what the data port means.

static struct {
    unsigned count;
    struct mcfg_window window[MAX_WINDOWS];
    volatile uint8_t *bus[MAX_WINDOWS][256]; // atomic; NULL: not mapped yet
} windows;

// ---- windows ------------------------------------------------------------------------------------

static bool overlaps(const struct mcfg_window *a, const struct mcfg_window *b)
{
    return a->segment == b->segment && a->first_bus <= b->last_bus && b->first_bus <= a->last_bus;
}

int pci_add_window(const struct mcfg_window *window)
{
    if (window->first_bus > window->last_bus || window->paddr == 0 ||
        window->paddr % BUS_BYTES != 0 || window->paddr > UINT64_MAX - 256ULL * BUS_BYTES) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < windows.count; i++) {
        if (overlaps(&windows.window[i], window)) {
            return -EINVAL;
        }
    }
    if (windows.count == MAX_WINDOWS) {
        return -ENOSPC;
    }
    windows.window[windows.count] = *window;
    for (unsigned bus = 0; bus < 256; bus++) {
        windows.bus[windows.count][bus] = NULL;
    }
    __atomic_store_n(&windows.count, windows.count + 1, __ATOMIC_RELEASE);
    return 0;
}

bool pci_window_covers(uint64_t paddr, uint64_t length)
{
    uint64_t last = length <= UINT64_MAX - paddr ? paddr + length - 1 : UINT64_MAX;

    for (unsigned i = 0; i < windows.count && length != 0; i++) {
        const struct mcfg_window *window = &windows.window[i];
        uint64_t start = window->paddr + (uint64_t)window->first_bus * BUS_BYTES;
        uint64_t end = window->paddr + (window->last_bus + 1ULL) * BUS_BYTES;
        if (paddr < end && last >= start) {
            return true;
        }
    }
    return false;
}

// Mapping takes locks of its own, so none is held: of two CPUs that map the same bus at once, one's
// mapping stays and the other's is never used.
static volatile uint8_t *map_bus(unsigned index, uint8_t bus)
{
    volatile uint8_t **slot = &windows.bus[index][bus];
    volatile uint8_t *mapped = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

    if (mapped != NULL) {
        return mapped;
    }
    uint8_t *fresh =
        platform_map_mmio(windows.window[index].paddr + (uint64_t)bus * BUS_BYTES, BUS_BYTES);
    if (fresh == NULL) {
        return NULL;
    }
    return __atomic_compare_exchange_n(slot, &mapped, fresh, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE)
               ? fresh
               : mapped;
}

static volatile uint8_t *window_address(pci_bdf_t device, uint32_t offset)
{
    unsigned count = __atomic_load_n(&windows.count, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < count; i++) {
        const struct mcfg_window *window = &windows.window[i];
        if (window->segment == device.segment && device.bus >= window->first_bus &&
            device.bus <= window->last_bus) {
            volatile uint8_t *bus = map_bus(i, device.bus);
            return bus != NULL ? bus + (size_t)device.devfn * CONFIG_BYTES + offset : NULL;
        }
    }
    return NULL;
}

// ---- access -------------------------------------------------------------------------------------

static bool by_ports(pci_bdf_t device, uint32_t offset)
{
    return device.segment == 0 && offset < LEGACY_BYTES;
}

static bool valid(uint32_t offset, unsigned bits)
{
    return (bits == 8 || bits == 16 || bits == 32) && offset < CONFIG_BYTES &&
           offset % (bits / 8) == 0;
}

static uint32_t all_ones(unsigned bits)
{
    return bits == 8 ? UINT8_MAX : bits == 16 ? UINT16_MAX : UINT32_MAX;
}

static void select_locked(pci_bdf_t device, uint32_t offset)
{
    arch_out32(ADDRESS_PORT, ADDRESS_ENABLE | (uint32_t)device.bus << 16 |
                                 (uint32_t)device.devfn << 8 | (offset & ~3U));
}

static uint32_t port_read(pci_bdf_t device, uint32_t offset, unsigned bits)
{
    uint16_t port = (uint16_t)(DATA_PORT + offset % 4);
    uint32_t value;

    spin_lock(&pci_port_lock);
    select_locked(device, offset);
    value = bits == 8 ? arch_in8(port) : bits == 16 ? arch_in16(port) : arch_in32(port);
    spin_unlock(&pci_port_lock);
    return value;
}

static void port_write(pci_bdf_t device, uint32_t offset, unsigned bits, uint32_t value)
{
    uint16_t port = (uint16_t)(DATA_PORT + offset % 4);

    spin_lock(&pci_port_lock);
    select_locked(device, offset);
    if (bits == 8) {
        arch_out8(port, (uint8_t)value);
    } else if (bits == 16) {
        arch_out16(port, (uint16_t)value);
    } else {
        arch_out32(port, value);
    }
    spin_unlock(&pci_port_lock);
}

static uint32_t memory_read(const volatile uint8_t *address, unsigned bits)
{
    return bits == 8    ? arch_mmio_read8(address)
           : bits == 16 ? arch_mmio_read16(address)
                        : arch_mmio_read32(address);
}

static void memory_write(volatile uint8_t *address, unsigned bits, uint32_t value)
{
    if (bits == 8) {
        arch_mmio_write8(address, (uint8_t)value);
    } else if (bits == 16) {
        arch_mmio_write16(address, (uint16_t)value);
    } else {
        arch_mmio_write32(address, value);
    }
}

uint32_t pci_read(pci_bdf_t device, uint32_t offset, unsigned bits)
{
    if (!valid(offset, bits)) {
        return all_ones(bits);
    }
    if (by_ports(device, offset)) {
        return port_read(device, offset, bits);
    }
    const volatile uint8_t *address = window_address(device, offset);
    return address != NULL ? memory_read(address, bits) : all_ones(bits);
}

void pci_write(pci_bdf_t device, uint32_t offset, unsigned bits, uint32_t value)
{
    if (!valid(offset, bits)) {
        return;
    }
    if (by_ports(device, offset)) {
        port_write(device, offset, bits, value);
        return;
    }
    volatile uint8_t *address = window_address(device, offset);
    if (address != NULL) {
        memory_write(address, bits, value);
    }
}

// ---- walks --------------------------------------------------------------------------------------

enum { HEADER_MULTIFUNCTION = 0x80, HEADER_LAYOUT = 0x7f, LAYOUT_DEVICE = 0, LAYOUT_BRIDGE = 1 };

bool pci_exists(pci_bdf_t device)
{
    uint16_t vendor = pci_read16(device, PCI_VENDOR);

    return vendor != 0xffff && vendor != 0;
}

void pci_visit_bus(uint16_t segment, uint8_t bus, pci_visit_fn *visit, void *context)
{
    for (uint8_t slot = 0; slot < 32; slot++) {
        pci_bdf_t first = pci_bdf(segment, bus, slot, 0);
        if (!pci_exists(first)) {
            continue;
        }
        bool several = (pci_read8(first, PCI_HEADER_TYPE) & HEADER_MULTIFUNCTION) != 0;
        visit(first, context);
        for (uint8_t function = 1; several && function < 8; function++) {
            pci_bdf_t next = pci_bdf(segment, bus, slot, function);
            if (pci_exists(next)) {
                visit(next, context);
            }
        }
    }
}

struct walk {
    uint64_t known[BITMAP_WORDS(256)], todo[BITMAP_WORDS(256)];
    pci_visit_fn *visit;
    void *context;
};

// Firmware may number buses in a circle: each is visited once.
static void note_bridge(pci_bdf_t device, void *context)
{
    struct walk *walk = context;

    walk->visit(device, walk->context);
    if ((pci_read8(device, PCI_HEADER_TYPE) & HEADER_LAYOUT) == LAYOUT_BRIDGE) {
        uint8_t bus = pci_read8(device, PCI_SECONDARY_BUS);
        if (!bit_test(walk->known, bus)) {
            bit_set(walk->known, bus);
            bit_set(walk->todo, bus);
        }
    }
}

void pci_visit_all(uint16_t segment, pci_visit_fn *visit, void *context)
{
    struct walk walk = {.known = {1}, .todo = {1}, .visit = visit, .context = context};
    size_t bus;

    while ((bus = bit_find(walk.todo, 256, 0, true)) < 256) {
        bit_clear(walk.todo, bus);
        pci_visit_bus(segment, (uint8_t)bus, note_bridge, &walk);
    }
}

// ---- capabilities -------------------------------------------------------------------------------

uint8_t pci_find_capability(pci_bdf_t device, uint8_t id)
{
    enum { FIRST = 0x40, MOST = (LEGACY_BYTES - FIRST) / 4 };

    if ((pci_read16(device, PCI_STATUS) & PCI_STATUS_CAPABILITIES) == 0) {
        return 0;
    }
    uint8_t at = pci_read8(device, PCI_CAPABILITIES) & 0xfc;
    for (unsigned step = 0; step < MOST && at >= FIRST; step++) {
        uint16_t header = pci_read16(device, at); // the ID, then where the next is
        if ((header & 0xff) == id) {
            return at;
        }
        if ((header & 0xff) == 0xff) {
            return 0;
        }
        at = header >> 8 & 0xfc;
    }
    return 0;
}

uint16_t pci_find_extended_capability(pci_bdf_t device, uint16_t id)
{
    enum { MOST = (CONFIG_BYTES - LEGACY_BYTES) / 8 };
    uint16_t at = LEGACY_BYTES;

    for (unsigned step = 0; step < MOST && at >= LEGACY_BYTES; step++) {
        uint32_t header = pci_read32(device, at); // ID, version, where the next is
        if (header == 0 || header == UINT32_MAX) {
            return 0;
        }
        if ((header & 0xffff) == id) {
            return at;
        }
        at = header >> 20 & 0xffc;
    }
    return 0;
}

int pci_memory_bar(pci_bdf_t device, unsigned index, uint64_t *paddr)
{
    enum { IO_SPACE = 1, TYPE = 6, TYPE_64BIT = 4, FLAGS = 0xf };
    uint8_t layout = pci_read8(device, PCI_HEADER_TYPE) & HEADER_LAYOUT;
    unsigned bars = layout == LAYOUT_DEVICE ? 6 : layout == LAYOUT_BRIDGE ? 2 : 0;

    if (index >= bars) {
        return -EINVAL;
    }
    uint32_t low = pci_read32(device, PCI_BAR_0 + 4 * index);
    uint64_t address = low & ~(uint32_t)FLAGS;
    if ((low & IO_SPACE) != 0) {
        return -ENODEV;
    }
    if ((low & TYPE) == TYPE_64BIT) {
        if (index + 1 >= bars) {
            return -EINVAL;
        }
        address |= (uint64_t)pci_read32(device, PCI_BAR_0 + 4 * (index + 1)) << 32;
    }
    if (address == 0) {
        return -ENODEV;
    }
    *paddr = address;
    return 0;
}
