// SPDX-License-Identifier: Apache-2.0
// The machine's end, by means that need no tables and no drivers.

#include "arch/power.h"

#include "arch/io.h"
#include "instructions.h"

#define RESET_CONTROL      0xcf9 /* of chipsets with a PCI bus */
#define RESET_SYSTEM       0x02
#define RESET_NOW          0x06
#define KEYBOARD_COMMAND   0x64
#define KEYBOARD_RESET_CPU 0xfe
/* Reads of this unused port take about a microsecond each, on any machine. */
#define DELAY_PORT 0x80

void arch_halt(void)
{
    for (;;) {
        interrupts_off();
        halt_until_interrupt();
    }
}

static void delay_us(unsigned int us)
{
    while (us-- != 0) {
        (void)arch_in8(DELAY_PORT);
    }
}

/* An exception with no table to look in, and none for the exceptions that this causes. */
static void triple_fault(void)
{
    const struct descriptor_pointer nothing = {0, 0};

    lidt(&nothing);
    asm volatile("ud2");
}

void arch_reboot(void)
{
    interrupts_off();
    arch_out8(RESET_CONTROL, RESET_SYSTEM);
    arch_out8(RESET_CONTROL, RESET_NOW);
    delay_us(50000);
    arch_out8(KEYBOARD_COMMAND, KEYBOARD_RESET_CPU);
    delay_us(50000);
    triple_fault();
    arch_halt();
}
