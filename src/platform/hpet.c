// SPDX-License-Identifier: Apache-2.0
// HPET registers; all accesses are 32 bits wide, which every chipset can do.
#include "platform/hpet.h"

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/mmio.h"

enum {
    REG_CAPABILITIES = 0x000,
    REG_PERIOD = 0x004, // femtoseconds a tick
    REG_CONFIGURATION = 0x010,
    REG_COUNTER = 0x0f0,
    REG_COUNTER_HIGH = 0x0f4,
    REG_TIMERS = 0x100, // a block of 0x20 each
    TIMER_BLOCK = 0x20,
    TIMER_ROUTES = 0x04,
    TIMER_COMPARATOR = 0x08,
    TIMER_MSI_DATA = 0x10,
    TIMER_MSI_ADDRESS = 0x14,
    REGISTERS_BYTES = 0x400,
};

#define CAPABILITY_64BIT      (1U << 13)
#define CONFIGURATION_ENABLE  (1U << 0)
#define CONFIGURATION_LEGACY  (1U << 1)
#define TIMER_LEVEL           (1U << 1)
#define TIMER_INTERRUPT       (1U << 2)
#define TIMER_PERIODIC        (1U << 3)
#define TIMER_32BIT           (1U << 8)
#define TIMER_ROUTE_SHIFT     9
#define TIMER_ROUTE_MASK      (0x1fU << TIMER_ROUTE_SHIFT)
#define TIMER_MSI             (1U << 14)
#define TIMER_CAN_MSI         (1U << 15)
#define MAX_PERIOD_FS         100000000U // 2.3.1: 10 MHz at least
#define FEMTOSECONDS_A_SECOND 1000000000000000ULL

static struct {
    volatile uint8_t *registers; // NULL: none
    uint64_t paddr;
    struct clock_reference reference;
    bool is_64bit;
    unsigned comparators;
} hpet;

static uint32_t read_register(uint32_t reg)
{
    return arch_mmio_read32(hpet.registers + reg);
}

static void write_register(uint32_t reg, uint32_t value)
{
    arch_mmio_write32(hpet.registers + reg, value);
}

static uint32_t timer_register(unsigned comparator)
{
    return REG_TIMERS + comparator * TIMER_BLOCK;
}

static void change_timer(unsigned comparator, uint32_t clear, uint32_t set)
{
    uint32_t reg = timer_register(comparator);

    write_register(reg, (read_register(reg) & ~clear) | set);
}

static uint64_t read_low(void)
{
    return read_register(REG_COUNTER);
}

static bool counts(void)
{
    uint64_t start = read_low();

    for (unsigned patience = 0; patience < 10000; patience++) {
        if (read_low() != start) {
            return true;
        }
    }
    return false;
}

static int give_up(void)
{
    hpet.registers = NULL;
    return -ENODEV;
}

int hpet_init(uint64_t paddr)
{
    hpet.registers = platform_map_mmio(paddr, REGISTERS_BYTES);
    if (hpet.registers == NULL) {
        return -ENOMEM;
    }
    hpet.paddr = paddr;
    uint32_t capabilities = read_register(REG_CAPABILITIES);
    uint32_t period_fs = read_register(REG_PERIOD);
    if (capabilities == UINT32_MAX || period_fs == 0 || period_fs > MAX_PERIOD_FS) {
        return give_up();
    }
    hpet.is_64bit = (capabilities & CAPABILITY_64BIT) != 0;
    hpet.comparators = (capabilities >> 8 & 0x1f) + 1;
    for (unsigned i = 0; i < hpet.comparators; i++) {
        hpet_comparator_disarm(i);
    }
    uint32_t configuration = read_register(REG_CONFIGURATION);
    write_register(REG_CONFIGURATION,
                   (configuration & ~CONFIGURATION_LEGACY) | CONFIGURATION_ENABLE);
    if (!counts()) {
        return give_up();
    }
    hpet.reference = (struct clock_reference){
        .name = "HPET",
        .read = read_low,
        .hz = (FEMTOSECONDS_A_SECOND + period_fs / 2) / period_fs,
        .wrap_mask = UINT32_MAX,
    };
    return 0;
}

const struct clock_reference *hpet_reference(void)
{
    return hpet.registers != NULL ? &hpet.reference : NULL;
}

bool hpet_covers(uint64_t paddr, uint64_t length)
{
    return hpet.registers != NULL && paddr < hpet.paddr + REGISTERS_BYTES &&
           hpet.paddr < paddr + length;
}

uint64_t hpet_hz(void)
{
    return hpet.reference.hz;
}

bool hpet_is_64bit(void)
{
    return hpet.is_64bit;
}

uint64_t hpet_read(void)
{
    uint32_t high, low;

    if (!hpet.is_64bit) {
        return read_low();
    }
    do {
        high = read_register(REG_COUNTER_HIGH);
        low = read_register(REG_COUNTER);
    } while (read_register(REG_COUNTER_HIGH) != high);
    return (uint64_t)high << 32 | low;
}

// ---- comparators --------------------------------------------------------------------------------

unsigned hpet_comparators(void)
{
    return hpet.registers != NULL ? hpet.comparators : 0;
}

uint32_t hpet_comparator_routes(unsigned comparator)
{
    return read_register(timer_register(comparator) + TIMER_ROUTES);
}

int hpet_comparator_route(unsigned comparator, unsigned gsi)
{
    if (gsi > 31 || (hpet_comparator_routes(comparator) >> gsi & 1) == 0) {
        return -EINVAL;
    }
    change_timer(comparator, TIMER_ROUTE_MASK | TIMER_LEVEL | TIMER_MSI, gsi << TIMER_ROUTE_SHIFT);
    // A pin that it does not have reads back as another.
    uint32_t now = read_register(timer_register(comparator));
    return (now & TIMER_ROUTE_MASK) >> TIMER_ROUTE_SHIFT == gsi ? 0 : -EINVAL;
}

int hpet_comparator_send(unsigned comparator, const struct msi_message *message)
{
    uint32_t reg = timer_register(comparator);

    if ((read_register(reg) & TIMER_CAN_MSI) == 0 || message->address > UINT32_MAX) {
        return -EINVAL;
    }
    write_register(reg + TIMER_MSI_DATA, message->data);
    write_register(reg + TIMER_MSI_ADDRESS, (uint32_t)message->address);
    change_timer(comparator, TIMER_LEVEL, TIMER_MSI);
    return 0;
}

// It fires on equality only: a moment that has passed comes again when the counter wraps.
int hpet_comparator_arm(unsigned comparator, uint32_t ticks)
{
    uint32_t at = (uint32_t)read_low() + ticks;

    change_timer(comparator, TIMER_PERIODIC | TIMER_LEVEL, TIMER_32BIT | TIMER_INTERRUPT);
    write_register(timer_register(comparator) + TIMER_COMPARATOR, at);
    return (int32_t)(at - (uint32_t)read_low()) > 0 ? 0 : -ETIME;
}

void hpet_comparator_disarm(unsigned comparator)
{
    change_timer(comparator, TIMER_INTERRUPT | TIMER_PERIODIC | TIMER_LEVEL, 0);
}
