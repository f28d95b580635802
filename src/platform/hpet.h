// SPDX-License-Identifier: Apache-2.0
// The high precision event timer (IA-PC HPET 1.0a): its main counter as a clock, and its
// comparators as alarms. Alarms of one comparator are serialised by the caller.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "platform/msi.h"
#include "platform/reference.h"

// Maps the registers, checks that they make sense, silences every comparator and lets the counter
// run, legacy replacement off. Returns 0, -ENOMEM where it cannot be mapped, or -ENODEV for one
// that makes no sense.
int must_check hpet_init(uint64_t paddr);

// NULL before hpet_init() succeeded.
const struct clock_reference *hpet_reference(void);

// Whether [paddr, paddr + length) touches its registers: a guest that wrote there could stop time.
bool hpet_covers(uint64_t paddr, uint64_t length);

uint64_t hpet_hz(void);

// The main counter, all of its 32 or 64 bits.
uint64_t hpet_read(void);
bool hpet_is_64bit(void);

unsigned hpet_comparators(void);

// The I/O APIC pins that a comparator's interrupt can go to, a bit each.
uint32_t hpet_comparator_routes(unsigned comparator);

// Sends a comparator's interrupt, edge-triggered, to this GSI. Returns 0, or -EINVAL where it
// can't.
int must_check hpet_comparator_route(unsigned comparator, unsigned gsi);

// Sends a comparator's interrupt as this message, whose address lies below 4 GiB. Returns 0, or
// -EINVAL where it can't.
int must_check hpet_comparator_send(unsigned comparator, const struct msi_message *message);

// Interrupts once, when `ticks` more have passed (under 2^31). Returns 0, or -ETIME if that moment
// went by while it was set: then there may be an interrupt or none.
int must_check hpet_comparator_arm(unsigned comparator, uint32_t ticks);
void hpet_comparator_disarm(unsigned comparator);
