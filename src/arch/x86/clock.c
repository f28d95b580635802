// SPDX-License-Identifier: Apache-2.0
// Clocks of the machine behind the seam.
#include "arch/clock.h"

#include "idle.h"
#include "platform/cmos.h"
#include "platform/lapic.h"

static uint64_t tsc_hz;
static uint8_t cmos_century;

void arch_clock_start(uint64_t hz, uint8_t century_index)
{
    tsc_hz = hz;
    cmos_century = century_index;
}

uint64_t arch_tsc_hz(void)
{
    return tsc_hz;
}

void arch_set_alarm(uint64_t tsc)
{
    idle_note_alarm(tsc);
    lapic_set_alarm(tsc);
}

uint64_t arch_read_wall_clock(void)
{
    uint64_t seconds;

    return cmos_read_clock(cmos_century, &seconds) == 0 ? seconds : 0;
}
