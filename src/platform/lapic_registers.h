// SPDX-License-Identifier: Apache-2.0
// Registers of the local APIC (processor manual 3A, tables 11-1 and 11-6) and the two ways to reach
// them; shared by lapic.c and lapic_timer.c, nobody else's business.
#pragma once

#include "arch/io.h"
#include "arch/msr.h"

enum {
    REG_ID = 0x020,
    REG_VERSION = 0x030,
    REG_TPR = 0x080,
    REG_EOI = 0x0b0,
    REG_SPURIOUS = 0x0f0,
    REG_ISR = 0x100, // eight, 32 vectors each
    REG_IRR = 0x200,
    REG_ESR = 0x280,
    REG_LVT_CMCI = 0x2f0,
    REG_ICR = 0x300,
    REG_ICR_HIGH = 0x310, // xAPIC only
    REG_LVT_TIMER = 0x320,
    REG_LVT_THERMAL = 0x330,
    REG_LVT_PERF = 0x340,
    REG_LVT_LINT0 = 0x350,
    REG_LVT_LINT1 = 0x360,
    REG_LVT_ERROR = 0x370,
    REG_TIMER_INITIAL = 0x380,
    REG_TIMER_CURRENT = 0x390,
    REG_TIMER_DIVIDE = 0x3e0,
};

#define SPURIOUS_ENABLE (1U << 8)
#define LVT_ACTIVE_LOW  (1U << 13)
#define LVT_MASKED      (1U << 16)
#define LVT_DEADLINE    (2U << 17)
#define TIMER_DIVIDE_1  0xbU
#define DELIVER_NMI     (4U << 8)
#define DELIVER_INIT    (5U << 8)
#define DELIVER_STARTUP (6U << 8)
#define DELIVER_EXTINT  (7U << 8)
#define ICR_BUSY        (1U << 12)
#define ICR_ASSERT      (1U << 14)
#define ICR_LEVEL       (1U << 15)
#define ICR_SELF        (1U << 18)
#define ICR_OTHERS      (3U << 18)

// Send checksum, send accept, send illegal vector; the rest of the bits are about receiving.
#define ESR_SEND_ERRORS 0x25U

#define MSR_X2APIC       0x800 // plus a register's offset / 16
#define MSR_TSC_DEADLINE 0x6e0

extern struct lapic_access {
    bool x2apic;                 // settled by lapic_init() for all CPUs
    uint8_t timer_vector;        // the same on all CPUs
    volatile uint8_t *registers; // xAPIC: the same address is each CPU's own
} lapic_access;

static inline uint32_t lapic_read(uint32_t reg)
{
    if (lapic_access.x2apic) {
        return (uint32_t)arch_rdmsr(MSR_X2APIC + reg / 0x10);
    }
    return arch_mmio_read32(lapic_access.registers + reg);
}

static inline void lapic_write(uint32_t reg, uint32_t value)
{
    if (lapic_access.x2apic) {
        arch_wrmsr(MSR_X2APIC + reg / 0x10, value);
    } else {
        arch_mmio_write32(lapic_access.registers + reg, value);
    }
}

// Programs this CPU's timer for the kind of alarm that lapic_timer_init() chose; nothing before
// that.
void lapic_timer_start_cpu(void);
