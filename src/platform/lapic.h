// SPDX-License-Identifier: Apache-2.0
// The local APIC of the CPU that runs this, by memory (xAPIC) or MSRs (x2APIC): processor manual
// 3A, chapter 11. Destinations are physical APIC IDs. No locks: everything here is the calling
// CPU's own, and interrupts are off. An NMI handler must not send: the interrupt command register
// takes two writes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "platform/madt.h"

#define LAPIC_PADDR_DEFAULT 0xfee00000

// On the first CPU, once: settles for the whole machine how APICs are reached. x2APIC where the
// caller allows it (CPUID.1:ECX bit 21, and no contrary option) or where firmware has switched it
// on. `paddr` comes from the MADT. Returns 0, -ENODEV without a local APIC, or -ENOMEM where it
// cannot be mapped.
int must_check lapic_init(uint64_t paddr, bool x2apic_allowed);
bool lapic_in_x2apic_mode(void);

struct lapic_vectors {
    uint8_t spurious; // its low four bits should be ones, for old processors
    uint8_t error;
    uint8_t timer;
};

// On each CPU: switches its APIC to the mode, masks every local source, ends what firmware left in
// service, accepts all priorities, clears errors and turns it on.
void lapic_start_cpu(const struct lapic_vectors *vectors);

// Turns it off for a reboot or another kernel: masked sources, then software-disabled.
void lapic_stop_cpu(void);

// Delivers the NMI that the MADT says is wired to LINT0 or LINT1 of this CPU.
void lapic_enable_nmi_pin(uint8_t lint, struct irq_line line);

// The processor's reports of corrected errors come by this vector, where it has an entry for them.
void lapic_enable_cmci(uint8_t vector);

// The 8259s' interrupts come through LINT0 of this CPU, where there is no I/O APIC.
void lapic_enable_extint(void);

uint32_t lapic_id(void);
uint32_t lapic_version(void);

// Every interrupt but NMI, INIT, SIPI and the spurious one needs it, once.
void lapic_eoi(void);

// Whether a vector waits (requested) or is being served (in service) at this CPU.
bool lapic_is_requested(uint8_t vector);
bool lapic_is_in_service(uint8_t vector);

// Whether any vector waits, whatever its priority.
bool lapic_has_request(void);

// Errors since the last call, as the error status register's bits (11.5.3).
uint32_t lapic_read_errors(void);

// ---- to other CPUs ------------------------------------------------------------------------------

// Stores that precede are visible to the receiver. An xAPIC ID is at most 254.
void lapic_send_ipi(uint32_t apic_id, uint8_t vector);
void lapic_send_ipi_others(uint8_t vector);
void lapic_send_ipi_self(uint8_t vector);
void lapic_send_nmi(uint32_t apic_id);
void lapic_send_nmi_others(void);

// The start of a CPU (3A, 9.4): INIT, 10 ms, then SIPI, 200 us, SIPI; the caller waits.
// `entry_paddr` is the real-mode entry: a page below 1 MiB. Return 0, or -EIO where the APIC did
// not take it.
int must_check lapic_send_init(uint32_t apic_id);
int must_check lapic_send_startup(uint32_t apic_id, uint32_t entry_paddr);

// ---- timer --------------------------------------------------------------------------------------

// On the first CPU, once the TSC's rate is known: settles the kind of alarm for all. With
// `deadline` (CPUID.1 :ECX bit 24) the alarm compares with the TSC itself; else the timer's own
// rate is measured, which takes about 10 ms. Returns that rate in Hz, 0 with deadlines.
uint64_t lapic_timer_init(uint64_t tsc_hz, bool deadline);

// Raises the timer vector when the TSC reaches `tsc`, at once if it has; replaces the alarm before.
// UINT64_MAX: never. Without deadlines a far alarm may come early, and the caller sets it again.
void lapic_set_alarm(uint64_t tsc);
