// SPDX-License-Identifier: Apache-2.0
// Inside the interrupts of devices: pins and messages take vectors from one space.
#pragma once

#include "base/lock.h"
#include "control/irq.h"
#include "platform/vectors.h"

/*
 * One space for all CPUs: whichever CPU an interrupt goes to, its vector means the same, so moving
 * one changes nothing but a destination. Guarded by its lock (RANK_DEVICE), held for nothing else.
 */
extern struct vector_space irqs_vectors;
extern spinlock_t irqs_vector_lock;

/* The members of struct irq_ops about messages; irqs_message.c. `first_irq`: the first of them. */
void irqs_messages_start(uint32_t first_irq, unsigned int count);
int irqs_message_connect(uint32_t irq, unsigned int count, const struct irq_source *source,
                         unsigned int cpu);
void irqs_message_disconnect(uint32_t irq, unsigned int count);
void irqs_message_restore(uint32_t irq, bool masked);
void irqs_message_set_masked(uint32_t irq, bool masked);
void irqs_message_move(uint32_t irq, unsigned int cpu);
int irqs_msix_probe(const struct irq_source *device);

/* Nobody's memory: devices' registers may lie there. */
bool irqs_is_device_memory(uint64_t paddr, uint64_t bytes);
