// SPDX-License-Identifier: Apache-2.0
// I/O APIC registers behind an index and a data window, and the redirection entries.
#include "platform/ioapic.h"

#include "abi/errno.h"
#include "arch/io.h"
#include "base/lock.h"
#include "platform/mmio.h"

enum { INDEX = 0x00, DATA = 0x10, WINDOW_BYTES = 0x20, PAGE_BYTES = 0x1000 };

enum { REG_ID = 0, REG_VERSION = 1, REG_ARBITRATION = 2, REG_ENTRIES = 0x10, MAX_PINS = 240 };

// Redirection entry, low half; the high half holds the destination in bits 31:24.
#define ENTRY_VECTOR     0x000000ffU
#define ENTRY_NMI        (4U << 8) /* delivery mode */
#define ENTRY_ACTIVE_LOW (1U << 13)
#define ENTRY_REMOTE_IRR (1U << 14)
#define ENTRY_LEVEL      (1U << 15)
#define ENTRY_MASKED     (1U << 16)

struct ioapic {
    spinlock_t lock; // guards the index register, and so all others
    volatile uint8_t *registers;
    uint64_t paddr;
    uint32_t gsi_base;
    uint32_t pins;
};

static struct ioapic ioapics[MADT_MAX_IOAPICS];
static unsigned ioapic_total;

static uint32_t read_register(struct ioapic *ioapic, uint32_t reg)
{
    arch_mmio_write32(ioapic->registers + INDEX, reg);
    return arch_mmio_read32(ioapic->registers + DATA);
}

static void write_register(struct ioapic *ioapic, uint32_t reg, uint32_t value)
{
    arch_mmio_write32(ioapic->registers + INDEX, reg);
    arch_mmio_write32(ioapic->registers + DATA, value);
}

static uint32_t low_half(uint32_t pin)
{
    return REG_ENTRIES + 2 * pin;
}

static void mask_pin(struct ioapic *ioapic, uint32_t pin)
{
    write_register(ioapic, low_half(pin), read_register(ioapic, low_half(pin)) | ENTRY_MASKED);
}

// ---- discovery ----------------------------------------------------------------------------------

static bool probe(struct ioapic *ioapic, const struct madt_ioapic *entry)
{
    spin_init(&ioapic->lock, RANK_DEVICE);
    ioapic->paddr = entry->paddr;
    ioapic->gsi_base = entry->gsi_base;
    ioapic->registers = platform_map_mmio(entry->paddr, WINDOW_BYTES);
    if (ioapic->registers == NULL) {
        return false;
    }
    uint32_t version = read_register(ioapic, REG_VERSION);
    ioapic->pins = (version >> 16 & 0xff) + 1;
    return version != UINT32_MAX && ioapic->pins <= MAX_PINS &&
           entry->gsi_base <= UINT32_MAX - MAX_PINS;
}

unsigned ioapic_init(const struct madt *madt)
{
    ioapic_total = 0;
    for (unsigned i = 0; i < madt->ioapic_count; i++) {
        if (probe(&ioapics[ioapic_total], &madt->ioapic[i])) {
            ioapic_total++;
        }
    }
    ioapic_mask_all();
    return ioapic_total;
}

static struct ioapic *by_gsi(uint32_t gsi, uint32_t *pin)
{
    for (unsigned i = 0; i < ioapic_total; i++) {
        if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].pins) {
            *pin = gsi - ioapics[i].gsi_base;
            return &ioapics[i];
        }
    }
    return NULL;
}

uint32_t ioapic_gsi_count(void)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < ioapic_total; i++) {
        count = MAX(count, ioapics[i].gsi_base + ioapics[i].pins);
    }
    return count;
}

bool ioapic_has_gsi(uint32_t gsi)
{
    uint32_t pin;

    return by_gsi(gsi, &pin) != NULL;
}

// ---- redirection entries ------------------------------------------------------------------------

static uint32_t encode_low(const struct ioapic_route *route)
{
    return route->vector | (route->line.active_low ? ENTRY_ACTIVE_LOW : 0) |
           (route->line.level ? ENTRY_LEVEL : 0) | (route->masked ? ENTRY_MASKED : 0);
}

static int program(uint32_t gsi, uint32_t apic_id, uint32_t low)
{
    uint32_t pin;
    struct ioapic *ioapic = by_gsi(gsi, &pin);

    if (ioapic == NULL) {
        return -ENOENT;
    }
    if (apic_id > 254) {
        return -EINVAL;
    }
    spin_lock(&ioapic->lock);
    mask_pin(ioapic, pin);
    write_register(ioapic, low_half(pin) + 1, apic_id << 24);
    write_register(ioapic, low_half(pin), low);
    spin_unlock(&ioapic->lock);
    return 0;
}

int ioapic_set_route(uint32_t gsi, const struct ioapic_route *route)
{
    if (ioapic_has_gsi(gsi) && route->vector < 16) {
        return -EINVAL;
    }
    return program(gsi, route->apic_id, encode_low(route));
}

int ioapic_set_nmi(uint32_t gsi, uint32_t apic_id, struct irq_line line)
{
    return program(gsi, apic_id, ENTRY_NMI | (line.active_low ? ENTRY_ACTIVE_LOW : 0));
}

// One write of the half that says where to: whatever comes meanwhile goes to one of the two.
int ioapic_set_destination(uint32_t gsi, uint32_t apic_id)
{
    uint32_t pin;
    struct ioapic *ioapic = by_gsi(gsi, &pin);

    if (ioapic == NULL) {
        return -ENOENT;
    }
    if (apic_id > 254) {
        return -EINVAL;
    }
    spin_lock(&ioapic->lock);
    write_register(ioapic, low_half(pin) + 1, apic_id << 24);
    spin_unlock(&ioapic->lock);
    return 0;
}

int ioapic_get_route(uint32_t gsi, struct ioapic_route *route)
{
    uint32_t pin;
    struct ioapic *ioapic = by_gsi(gsi, &pin);

    if (ioapic == NULL) {
        return -ENOENT;
    }
    spin_lock(&ioapic->lock);
    uint32_t low = read_register(ioapic, low_half(pin));
    uint32_t high = read_register(ioapic, low_half(pin) + 1);
    spin_unlock(&ioapic->lock);
    *route = (struct ioapic_route){
        .vector = (uint8_t)(low & ENTRY_VECTOR),
        .apic_id = high >> 24,
        .line = {(low & ENTRY_LEVEL) != 0, (low & ENTRY_ACTIVE_LOW) != 0},
        .masked = (low & ENTRY_MASKED) != 0,
    };
    return 0;
}

// Clears and sets bits of the entry's low half. The read back makes sure that the write has
// arrived.
static void change_low(uint32_t gsi, uint32_t clear, uint32_t set)
{
    uint32_t pin;
    struct ioapic *ioapic = by_gsi(gsi, &pin);

    if (ioapic == NULL) {
        return;
    }
    spin_lock(&ioapic->lock);
    uint32_t low = read_register(ioapic, low_half(pin));
    write_register(ioapic, low_half(pin), (low & ~clear) | set);
    read_register(ioapic, low_half(pin));
    spin_unlock(&ioapic->lock);
}

void ioapic_mask(uint32_t gsi)
{
    change_low(gsi, 0, ENTRY_MASKED);
}

void ioapic_unmask(uint32_t gsi)
{
    change_low(gsi, ENTRY_MASKED, 0);
}

bool ioapic_in_service(uint32_t gsi)
{
    uint32_t pin, low;
    struct ioapic *ioapic = by_gsi(gsi, &pin);

    if (ioapic == NULL) {
        return false;
    }
    spin_lock(&ioapic->lock);
    low = read_register(ioapic, low_half(pin));
    spin_unlock(&ioapic->lock);
    return (low & ENTRY_REMOTE_IRR) != 0;
}

// The remote IRR is a level entry's only: turning the entry to edge clears it.
void ioapic_force_eoi(uint32_t gsi)
{
    uint32_t pin;
    struct ioapic *ioapic = by_gsi(gsi, &pin);

    if (ioapic == NULL) {
        return;
    }
    spin_lock(&ioapic->lock);
    uint32_t low = read_register(ioapic, low_half(pin)) | ENTRY_MASKED;
    write_register(ioapic, low_half(pin), low & ~ENTRY_LEVEL);
    write_register(ioapic, low_half(pin), low);
    spin_unlock(&ioapic->lock);
}

// Whatever the firmware left in an entry (an SMI, an NMI, an ExtINT) goes with the mask.
void ioapic_mask_all(void)
{
    for (unsigned i = 0; i < ioapic_total; i++) {
        spin_lock(&ioapics[i].lock);
        for (uint32_t pin = 0; pin < ioapics[i].pins; pin++) {
            mask_pin(&ioapics[i], pin);
            write_register(&ioapics[i], low_half(pin), ENTRY_MASKED);
            write_register(&ioapics[i], low_half(pin) + 1, 0);
        }
        spin_unlock(&ioapics[i].lock);
    }
}

// ---- raw access ---------------------------------------------------------------------------------

static struct ioapic *by_paddr(uint64_t paddr)
{
    for (unsigned i = 0; i < ioapic_total; i++) {
        if (ioapics[i].paddr == paddr) {
            return &ioapics[i];
        }
    }
    return NULL;
}

static bool has_register(const struct ioapic *ioapic, uint32_t reg)
{
    return reg <= REG_ARBITRATION || (reg >= REG_ENTRIES && reg < low_half(ioapic->pins));
}

int ioapic_raw_read(uint64_t paddr, uint32_t reg, uint32_t *value)
{
    struct ioapic *ioapic = by_paddr(paddr);

    if (ioapic == NULL) {
        return -ENODEV;
    }
    if (!has_register(ioapic, reg)) {
        return -EINVAL;
    }
    spin_lock(&ioapic->lock);
    *value = read_register(ioapic, reg);
    spin_unlock(&ioapic->lock);
    return 0;
}

int ioapic_raw_write(uint64_t paddr, uint32_t reg, uint32_t value)
{
    struct ioapic *ioapic = by_paddr(paddr);

    if (ioapic == NULL) {
        return -ENODEV;
    }
    if (!has_register(ioapic, reg)) {
        return -EINVAL;
    }
    spin_lock(&ioapic->lock);
    write_register(ioapic, reg, value);
    spin_unlock(&ioapic->lock);
    return 0;
}

int ioapic_raw_gsi(uint64_t paddr, uint32_t reg, uint32_t *gsi)
{
    const struct ioapic *ioapic = by_paddr(paddr);

    if (ioapic == NULL) {
        return -ENODEV;
    }
    if (reg < REG_ENTRIES || !has_register(ioapic, reg)) {
        return -EINVAL;
    }
    *gsi = ioapic->gsi_base + (reg - REG_ENTRIES) / 2;
    return 0;
}

bool ioapic_covers(uint64_t paddr, uint64_t length)
{
    uint64_t last = length <= UINT64_MAX - paddr ? paddr + length - 1 : UINT64_MAX;

    for (unsigned i = 0; i < ioapic_total && length != 0; i++) {
        uint64_t page = ROUND_DOWN(ioapics[i].paddr, (uint64_t)PAGE_BYTES);
        if (paddr < page + PAGE_BYTES && last >= page) {
            return true;
        }
    }
    return false;
}
