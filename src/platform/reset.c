// SPDX-License-Identifier: Apache-2.0
// The ways to restart a PC, in the order of how well defined they are.
#include "platform/reset.h"

#include "arch/io.h"
#include "platform/mmio.h"

enum {
    KEYBOARD_STATUS = 0x64,
    KEYBOARD_INPUT_FULL = 0x02,
    KEYBOARD_PULSE_RESET = 0xfe,
    RESET_CONTROL = 0xcf9,
    RESET_HARD = 0x02,
    RESET_START = 0x04,
    RESET_FULL = 0x08, // cycles the power too
    PCI_ADDRESS = 0xcf8,
    PCI_DATA = 0xcfc,
};

static struct {
    bool has_fadt;
    struct fadt fadt;
    volatile void *address; // of a reset register in memory
} machine;

void platform_reset_init(const struct fadt *fadt)
{
    machine.has_fadt = true;
    machine.fadt = *fadt;
    machine.address = NULL;
    if (fadt->can_reset && fadt->reset.space == ACPI_SPACE_MEMORY) {
        machine.address = platform_map_mmio(fadt->reset.address, 1);
    }
}

// A port read takes about a microsecond: a tenth of a second or so.
static void give_it_time(void)
{
    for (unsigned i = 0; i < 100000; i++) {
        arch_in8(KEYBOARD_STATUS);
    }
}

// Bus 0; the address has device, function and offset in 16 bits each (ACPI 6.4, table 5.1). The
// lock of pci.c is passed over: whoever holds it will not come back.
static void write_pci_register(uint64_t address, uint8_t value)
{
    uint32_t device = address >> 32 & 0x1f, function = address >> 16 & 7, offset = address & 0xff;

    arch_out32(PCI_ADDRESS, 1U << 31 | device << 11 | function << 8 | (offset & ~3U));
    arch_out8((uint16_t)(PCI_DATA + offset % 4), value);
}

static void write_reset_register(const struct acpi_register *where, uint8_t value)
{
    if (where->space == ACPI_SPACE_IO && where->address <= UINT16_MAX) {
        arch_out8((uint16_t)where->address, value);
    } else if (where->space == ACPI_SPACE_MEMORY && machine.address != NULL) {
        arch_mmio_write8(machine.address, value);
    } else if (where->space == ACPI_SPACE_PCI_CONFIG) {
        write_pci_register(where->address, value);
    }
}

static void pulse_keyboard_controller(void)
{
    for (unsigned i = 0; i < 10000; i++) {
        if ((arch_in8(KEYBOARD_STATUS) & KEYBOARD_INPUT_FULL) == 0) {
            break;
        }
    }
    arch_out8(KEYBOARD_STATUS, KEYBOARD_PULSE_RESET);
}

void platform_reset(void)
{
    if (machine.has_fadt && machine.fadt.can_reset) {
        write_reset_register(&machine.fadt.reset, machine.fadt.reset_value);
        give_it_time();
    }
    if (!machine.has_fadt || machine.fadt.has_8042) {
        pulse_keyboard_controller();
        give_it_time();
    }
    arch_out8(RESET_CONTROL, RESET_HARD);
    arch_out8(RESET_CONTROL, RESET_HARD | RESET_START);
    give_it_time();
    arch_out8(RESET_CONTROL, RESET_FULL | RESET_HARD | RESET_START);
    give_it_time();
}
