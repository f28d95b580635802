// SPDX-License-Identifier: Apache-2.0
// Exceptions while Pavise starts, until the real tables are loaded: a panic with all registers.
#pragma once

/* Loads an IDT for the 32 exceptions. The code selector in use is the boot GDT's. */
void early_idt_load(void);
