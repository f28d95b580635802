// SPDX-License-Identifier: Apache-2.0
// The write that ends it all: PM1 control (ACPI 6.4, 4.8.3.2), or sleep control on hardware-reduced
// machines (4.8.3.7).
#include "platform/sleep.h"

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/mmio.h"

enum { SLEEP_STATE_OFF = 5 };

#define PM1_SLEEP_ENABLE      0x2000
#define EXTENDED_SLEEP_ENABLE 0x20
#define EXTENDED_TYPE_SHIFT   2
#define EXTENDED_TYPE_MAX     7

// Whether [port, port + bytes) is one: firmware's addresses are 64 bits wide.
static bool is_port(const struct acpi_register *where, unsigned bytes)
{
    return where->space == ACPI_SPACE_IO && where->address <= 0x10000 - bytes;
}

static int write_register(const struct acpi_register *where, unsigned bytes, uint16_t value)
{
    volatile void *address = NULL;

    if (is_port(where, bytes)) {
        if (bytes == 1) {
            arch_out8((uint16_t)where->address, (uint8_t)value);
        } else {
            arch_out16((uint16_t)where->address, value);
        }
        return 0;
    }
    if (where->space == ACPI_SPACE_MEMORY) {
        address = platform_map_mmio(where->address, bytes);
    }
    if (address == NULL) {
        return -ENODEV;
    }
    if (bytes == 1) {
        arch_mmio_write8(address, (uint8_t)value);
    } else {
        arch_mmio_write16(address, value);
    }
    return 0;
}

// Type first, then type and enable: some chipsets miss a type that comes with the enable bit. Both
// registers have to have the type before either is enabled.
static int enter_by_pm1(const struct fadt *fadt, uint16_t val_a, uint16_t val_b)
{
    bool has_b = fadt->pm1b_control.address != 0;
    int error;

    if (fadt->pm1a_control.address == 0) {
        return -ENODEV;
    }
    error = write_register(&fadt->pm1a_control, 2, val_a & (uint16_t)~PM1_SLEEP_ENABLE);
    if (error == 0 && has_b) {
        error = write_register(&fadt->pm1b_control, 2, val_b & (uint16_t)~PM1_SLEEP_ENABLE);
    }
    if (error == 0) {
        error = write_register(&fadt->pm1a_control, 2, val_a);
    }
    if (error == 0 && has_b) {
        error = write_register(&fadt->pm1b_control, 2, val_b);
    }
    return error;
}

static int enter_by_sleep_control(const struct fadt *fadt, uint16_t value)
{
    if (fadt->sleep_control.address == 0) {
        return -ENODEV;
    }
    if (value <= EXTENDED_TYPE_MAX) {
        value = (uint16_t)(value << EXTENDED_TYPE_SHIFT | EXTENDED_SLEEP_ENABLE);
    }
    return write_register(&fadt->sleep_control, 1, value);
}

int platform_enter_sleep(const struct fadt *fadt, unsigned sleep_state, uint16_t val_a,
                         uint16_t val_b, bool extended)
{
    if (sleep_state != SLEEP_STATE_OFF) {
        return -EOPNOTSUPP;
    }
    if (extended) {
        bool enters = val_a <= EXTENDED_TYPE_MAX || (val_a & EXTENDED_SLEEP_ENABLE) != 0;
        return enters && val_a <= UINT8_MAX ? enter_by_sleep_control(fadt, val_a) : -EINVAL;
    }
    return (val_a & PM1_SLEEP_ENABLE) != 0 ? enter_by_pm1(fadt, val_a, val_b) : -EINVAL;
}
