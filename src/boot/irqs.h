// SPDX-License-Identifier: Apache-2.0
// Interrupts of devices: the hardware's side of control/irq.h, and who gets which.
#pragma once

#include "domain/domain.h"
#include "lib/compiler.h"

/*
 * From now on device vectors are served. After machine_start() and event_init(), before any domain
 * is created.
 */
void irqs_start(void);

/*
 * Pavise drives the device at ISA interrupt `isa_irq` (below 16) itself: see irq_claim(), errors
 * too.
 */
must_check int irqs_claim_isa(unsigned int isa_irq, void (*handler)(void));

/* Every pin but that of the interval timer; those that Pavise has claimed can't be bound. */
void irqs_give_to_domain0(struct domain *d);

/* The local APIC that can be named for a CPU: its own, or the first CPU's where it does not fit. */
uint32_t irqs_destination(unsigned int cpu);
