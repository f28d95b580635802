// SPDX-License-Identifier: Apache-2.0
// The 8259A pair by its data sheet.
#include "platform/i8259.h"

#include "arch/io.h"

enum {
    LOWER_COMMAND = 0x20,
    LOWER_DATA = 0x21,
    UPPER_COMMAND = 0xa0,
    UPPER_DATA = 0xa1,
    ELCR_LOWER = 0x4d0,
    ELCR_UPPER = 0x4d1,
};

enum {
    ICW1_INIT = 0x11, // edge, a pair, and an ICW4 follows
    ICW4_8086 = 0x01,
    OCW2_EOI = 0x60, // specific: the low bits name the IRQ
    OCW3_READ_ISR = 0x0b,
    CASCADE_IRQ = 2,
};

static uint16_t masked = 0xffff;

static void write_masks(void)
{
    uint16_t mask = masked;

    if ((mask >> 8) != 0xff) {
        mask &= (uint16_t) ~(1 << CASCADE_IRQ);
    }
    arch_out8(LOWER_DATA, (uint8_t)mask);
    arch_out8(UPPER_DATA, (uint8_t)(mask >> 8));
}

void i8259_init(uint8_t first_vector)
{
    i8259_mask_all();
    arch_out8(LOWER_COMMAND, ICW1_INIT);
    arch_out8(UPPER_COMMAND, ICW1_INIT);
    arch_out8(LOWER_DATA, first_vector);
    arch_out8(UPPER_DATA, (uint8_t)(first_vector + 8));
    arch_out8(LOWER_DATA, 1 << CASCADE_IRQ);
    arch_out8(UPPER_DATA, CASCADE_IRQ);
    arch_out8(LOWER_DATA, ICW4_8086);
    arch_out8(UPPER_DATA, ICW4_8086);
    write_masks(); // initialisation cleared them
}

uint16_t i8259_mask_all(void)
{
    uint16_t before = masked;

    masked = 0xffff;
    write_masks();
    return before;
}

void i8259_mask(unsigned irq)
{
    masked |= (uint16_t)(1 << irq);
    write_masks();
}

void i8259_unmask(unsigned irq)
{
    masked &= (uint16_t) ~(1 << irq);
    write_masks();
}

void i8259_eoi(unsigned irq)
{
    if (irq >= 8) {
        arch_out8(UPPER_COMMAND, (uint8_t)(OCW2_EOI | (irq - 8)));
        irq = CASCADE_IRQ;
    }
    arch_out8(LOWER_COMMAND, (uint8_t)(OCW2_EOI | irq));
}

bool i8259_was_spurious(unsigned irq)
{
    uint16_t command = irq >= 8 ? UPPER_COMMAND : LOWER_COMMAND;

    arch_out8(command, OCW3_READ_ISR);
    if ((arch_in8(command) & 1 << (irq & 7)) != 0) {
        return false;
    }
    if (irq >= 8) {
        arch_out8(LOWER_COMMAND, OCW2_EOI | CASCADE_IRQ);
    }
    return true;
}

uint16_t i8259_level_irqs(void)
{
    uint16_t level = (uint16_t)(arch_in8(ELCR_LOWER) | arch_in8(ELCR_UPPER) << 8);

    // 0, 1, 2, 8 and 13 are edge by definition: with one of them set, there are no such registers.
    return (level & 0x2107) == 0 ? level : 0;
}
