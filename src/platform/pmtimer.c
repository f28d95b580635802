// SPDX-License-Identifier: Apache-2.0
// The power-management timer, at a port or at an address.
#include "platform/pmtimer.h"

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/mmio.h"

static struct {
    bool present;
    uint16_t port;
    volatile void *address; // NULL: use the port
    struct clock_reference reference;
} pmtimer;

static uint64_t read_counter(void)
{
    uint32_t value =
        pmtimer.address != NULL ? arch_mmio_read32(pmtimer.address) : arch_in32(pmtimer.port);

    return value & pmtimer.reference.wrap_mask;
}

static bool counts(void)
{
    uint64_t start = read_counter();

    for (unsigned patience = 0; patience < 10000; patience++) {
        if (read_counter() != start) {
            return true;
        }
    }
    return false;
}

static int reach(const struct acpi_register *where)
{
    pmtimer.address = NULL;
    if (where->space == ACPI_SPACE_IO && where->address != 0 && where->address <= 0xfffc) {
        pmtimer.port = (uint16_t)where->address;
        return 0;
    }
    if (where->space != ACPI_SPACE_MEMORY || where->address == 0) {
        return -ENODEV;
    }
    pmtimer.address = platform_map_mmio(where->address, sizeof(uint32_t));
    return pmtimer.address != NULL ? 0 : -ENOMEM;
}

int pmtimer_init(const struct fadt *fadt)
{
    uint32_t mask = fadt->pm_timer_32bit ? UINT32_MAX : 0xffffff;
    int error = reach(&fadt->pm_timer);

    pmtimer.present = false;
    pmtimer.reference = (struct clock_reference){
        .name = "ACPI PM timer",
        .read = read_counter,
        .hz = PMTIMER_HZ,
        .wrap_mask = mask,
    };
    if (error == 0) {
        pmtimer.present = counts();
        error = pmtimer.present ? 0 : -ENODEV;
    }
    return error;
}

const struct clock_reference *pmtimer_reference(void)
{
    return pmtimer.present ? &pmtimer.reference : NULL;
}
