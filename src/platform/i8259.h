// SPDX-License-Identifier: Apache-2.0
// The pair of legacy interrupt controllers (Intel 8259A). With an I/O APIC they are only moved out
// of the way of the exceptions and silenced; the rest serves a machine without one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define I8259_IRQS 16

// Programs both for sixteen vectors from `first_vector` (a multiple of 8), all masked. Harmless
// where the chips are missing.
void i8259_init(uint8_t first_vector);

// A bit for each masked IRQ. Each call below changes one; IRQ 2 joins the pair and stays open with
// any of the upper eight. The caller serialises these calls.
uint16_t i8259_mask_all(void);
void i8259_mask(unsigned irq);
void i8259_unmask(unsigned irq);

// Ends the interrupt in service.
void i8259_eoi(unsigned irq);

// Whether the interrupt that just came on IRQ 7 or 15 was none: its in-service bit is clear. The
// upper chip's needs an end-of-interrupt at the lower one, which this does.
bool i8259_was_spurious(unsigned irq);

// Which ISA interrupts are level-triggered: a bit each, by the EISA registers.
uint16_t i8259_level_irqs(void);
