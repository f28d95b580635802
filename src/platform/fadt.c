// SPDX-License-Identifier: Apache-2.0
// FADT, HPET and MCFG. The FADT grew with every revision; fields past its end read as absent.
#include "platform/fadt.h"

#include "abi/errno.h"
#include "lib/string.h"

enum {
    FADT_REVISION = 8,
    FADT_SCI_IRQ = 46,
    FADT_PM1A_EVENT = 56,
    FADT_PM1B_EVENT = 60,
    FADT_PM1A_CONTROL = 64,
    FADT_PM1B_CONTROL = 68,
    FADT_PM_TIMER = 76,
    FADT_PM1_EVENT_BYTES = 88,
    FADT_PM1_CONTROL_BYTES = 89,
    FADT_PM_TIMER_BYTES = 91,
    FADT_CENTURY = 108,
    FADT_BOOT_FLAGS = 109,
    FADT_FLAGS = 112,
    FADT_MIN_BYTES = 116, // all of revision 1
    FADT_RESET = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_PM1A_EVENT = 148,
    FADT_X_PM1B_EVENT = 160,
    FADT_X_PM1A_CONTROL = 172,
    FADT_X_PM1B_CONTROL = 184,
    FADT_X_PM_TIMER = 208,
    FADT_SLEEP_CONTROL = 244,
    FADT_SLEEP_STATUS = 256,
};

enum {
    BOOT_8042 = 1 << 1,
    BOOT_NO_VGA = 1 << 2,
    BOOT_NO_MSI = 1 << 3,
    BOOT_NO_CMOS_RTC = 1 << 5,
    BOOT_FLAGS_SINCE_REVISION = 3,
};

enum {
    FLAG_PM_TIMER_32BIT = 1 << 8,
    FLAG_RESET = 1 << 10,
    FLAG_HARDWARE_REDUCED = 1 << 20,
};

enum { HPET_ADDRESS = 40, MCFG_WINDOWS = 44, MCFG_WINDOW_BYTES = 16 };

// A register that has an old 32-bit port and a new general address: the new one wins where it is
// given.
static struct acpi_register either(const struct acpi_table *table, uint32_t port_offset,
                                   uint32_t length_offset, uint32_t general_offset)
{
    struct acpi_register general = acpi_register_at(table, general_offset);
    struct acpi_register port = {
        .space = ACPI_SPACE_IO,
        .bits = (uint8_t)(acpi_u8(table, length_offset) * 8),
        .address = acpi_u32(table, port_offset),
    };

    return general.address != 0 ? general : port;
}

static void read_boot_flags(struct fadt *fadt, const struct acpi_table *table)
{
    uint16_t flags = acpi_u16(table, FADT_BOOT_FLAGS);

    if (fadt->revision < BOOT_FLAGS_SINCE_REVISION) {
        flags = BOOT_8042;
    }
    fadt->has_8042 = (flags & BOOT_8042) != 0;
    fadt->has_vga = (flags & BOOT_NO_VGA) == 0;
    fadt->has_cmos_rtc = (flags & BOOT_NO_CMOS_RTC) == 0;
    fadt->msi_allowed = (flags & BOOT_NO_MSI) == 0;
}

static void read_power_registers(struct fadt *fadt, const struct acpi_table *table)
{
    fadt->pm1a_event = either(table, FADT_PM1A_EVENT, FADT_PM1_EVENT_BYTES, FADT_X_PM1A_EVENT);
    fadt->pm1b_event = either(table, FADT_PM1B_EVENT, FADT_PM1_EVENT_BYTES, FADT_X_PM1B_EVENT);
    fadt->pm1a_control =
        either(table, FADT_PM1A_CONTROL, FADT_PM1_CONTROL_BYTES, FADT_X_PM1A_CONTROL);
    fadt->pm1b_control =
        either(table, FADT_PM1B_CONTROL, FADT_PM1_CONTROL_BYTES, FADT_X_PM1B_CONTROL);
    fadt->pm_timer = either(table, FADT_PM_TIMER, FADT_PM_TIMER_BYTES, FADT_X_PM_TIMER);
    fadt->sleep_control = acpi_register_at(table, FADT_SLEEP_CONTROL);
    fadt->sleep_status = acpi_register_at(table, FADT_SLEEP_STATUS);
}

int fadt_read(struct fadt *fadt)
{
    struct acpi_table table = acpi_find("FACP", 0);

    memset(fadt, 0, sizeof(*fadt));
    if (table.bytes == NULL || table.length < FADT_MIN_BYTES) {
        return -ENOENT;
    }
    uint32_t flags = acpi_u32(&table, FADT_FLAGS);

    fadt->revision = acpi_u8(&table, FADT_REVISION);
    fadt->sci_irq = acpi_u16(&table, FADT_SCI_IRQ);
    fadt->century_index = acpi_u8(&table, FADT_CENTURY);
    fadt->pm_timer_32bit = (flags & FLAG_PM_TIMER_32BIT) != 0;
    fadt->hardware_reduced = (flags & FLAG_HARDWARE_REDUCED) != 0;
    read_boot_flags(fadt, &table);
    read_power_registers(fadt, &table);
    fadt->reset = acpi_register_at(&table, FADT_RESET);
    fadt->reset_value = acpi_u8(&table, FADT_RESET_VALUE);
    fadt->can_reset = (flags & FLAG_RESET) != 0 && fadt->reset.address != 0;
    return 0;
}

uint64_t acpi_hpet_paddr(unsigned instance)
{
    struct acpi_table table = acpi_find("HPET", instance);
    struct acpi_register registers = acpi_register_at(&table, HPET_ADDRESS);

    return registers.space == ACPI_SPACE_MEMORY ? registers.address : 0;
}

bool acpi_mcfg_window(unsigned index, struct mcfg_window *window)
{
    struct acpi_table table = acpi_find("MCFG", 0);

    if (table.length < MCFG_WINDOWS || index >= (table.length - MCFG_WINDOWS) / MCFG_WINDOW_BYTES) {
        return false;
    }
    uint32_t at = MCFG_WINDOWS + index * MCFG_WINDOW_BYTES;

    *window = (struct mcfg_window){
        .paddr = acpi_u64(&table, at),
        .segment = acpi_u16(&table, at + 8),
        .first_bus = acpi_u8(&table, at + 10),
        .last_bus = acpi_u8(&table, at + 11),
    };
    return true;
}

bool acpi_has_iommu(void)
{
    return acpi_find("DMAR", 0).bytes != NULL || acpi_find("IVRS", 0).bytes != NULL;
}
