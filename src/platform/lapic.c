// SPDX-License-Identifier: Apache-2.0
// The local APIC: access, start, interrupts to this CPU and from it to others. The timer:
// lapic_timer.c.
#include "platform/lapic.h"

#include "abi/errno.h"
#include "arch/msr.h"
#include "platform/lapic_registers.h"
#include "platform/mmio.h"

#define MSR_APIC_BASE     0x1b
#define APIC_BASE_EXTD    (1ULL << 10)
#define APIC_BASE_ENABLED (1ULL << 11)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ULL

struct lapic_access lapic_access;

/* By the version register's count. */
#define LVT_NUMBER_CMCI 6

static uint64_t lapic_paddr;

int lapic_init(uint64_t paddr, bool x2apic_allowed)
{
    uint64_t base;

    if (arch_rdmsr_safe(MSR_APIC_BASE, &base) != 0) {
        return -ENODEV;
    }
    // The way back from x2APIC mode leads through "disabled"; nothing is gained by going it.
    lapic_access = (struct lapic_access){.x2apic = x2apic_allowed || (base & APIC_BASE_EXTD) != 0};
    lapic_paddr = paddr & APIC_BASE_ADDRESS;
    if (lapic_access.x2apic) {
        return 0;
    }
    lapic_access.registers = platform_map_mmio(lapic_paddr, 0x1000);
    return lapic_access.registers != NULL ? 0 : -ENOMEM;
}

bool lapic_in_x2apic_mode(void)
{
    return lapic_access.x2apic;
}

// ---- start and stop -----------------------------------------------------------------------------

// The two bits go on one after the other: from off, x2APIC is reached through xAPIC only (11.12.5).
static void enter_mode(void)
{
    uint64_t base = arch_rdmsr(MSR_APIC_BASE);

    if ((base & APIC_BASE_EXTD) == 0) {
        base = (base & ~APIC_BASE_ADDRESS) | lapic_paddr;
    }
    if ((base & APIC_BASE_ENABLED) == 0 || !lapic_access.x2apic) {
        base |= APIC_BASE_ENABLED;
        arch_wrmsr(MSR_APIC_BASE, base);
    }
    if (lapic_access.x2apic) {
        arch_wrmsr(MSR_APIC_BASE, base | APIC_BASE_EXTD);
    }
}

static unsigned last_lvt(void)
{
    return lapic_read(REG_VERSION) >> 16 & 0xff;
}

static void mask_local_sources(void)
{
    // In the order of "highest entry" in the version register; absent ones must not be touched.
    static const uint16_t lvt[] = {REG_LVT_TIMER, REG_LVT_LINT0,   REG_LVT_LINT1, REG_LVT_ERROR,
                                   REG_LVT_PERF,  REG_LVT_THERMAL, REG_LVT_CMCI};
    unsigned last = last_lvt();

    for (unsigned i = 0; i < ARRAY_SIZE(lvt) && i <= last; i++) {
        lapic_write(lvt[i], LVT_MASKED);
    }
}

// Firmware may have left interrupts in service; each holds back all vectors below it.
static void end_leftovers(void)
{
    for (unsigned round = 0; round < 256; round++) {
        uint32_t in_service = 0;
        for (unsigned i = 0; i < 8; i++) {
            in_service |= lapic_read(REG_ISR + i * 0x10);
        }
        if (in_service == 0) {
            return;
        }
        lapic_eoi();
    }
}

void lapic_start_cpu(const struct lapic_vectors *vectors)
{
    enter_mode();
    mask_local_sources();
    lapic_write(REG_TPR, 0);
    lapic_write(REG_SPURIOUS, SPURIOUS_ENABLE | vectors->spurious);
    end_leftovers();
    lapic_write(REG_LVT_ERROR, vectors->error);
    lapic_write(REG_LVT_TIMER, LVT_MASKED | vectors->timer);
    lapic_access.timer_vector = vectors->timer;
    lapic_timer_start_cpu();
    lapic_read_errors();
}

void lapic_stop_cpu(void)
{
    mask_local_sources();
    lapic_write(REG_SPURIOUS, lapic_read(REG_SPURIOUS) & ~SPURIOUS_ENABLE);
}

void lapic_enable_nmi_pin(uint8_t lint, struct irq_line line)
{
    // An NMI is always edge-triggered, whatever the entry says (11.5.1).
    lapic_write(lint == 0 ? REG_LVT_LINT0 : REG_LVT_LINT1,
                DELIVER_NMI | (line.active_low ? LVT_ACTIVE_LOW : 0));
}

void lapic_enable_cmci(uint8_t vector)
{
    if (last_lvt() >= LVT_NUMBER_CMCI) {
        lapic_write(REG_LVT_CMCI, vector);
    }
}

void lapic_enable_extint(void)
{
    lapic_write(REG_LVT_LINT0, DELIVER_EXTINT);
}

// ---- this CPU -----------------------------------------------------------------------------------

uint32_t lapic_id(void)
{
    uint32_t id = lapic_read(REG_ID);

    return lapic_access.x2apic ? id : id >> 24;
}

uint32_t lapic_version(void)
{
    return lapic_read(REG_VERSION) & 0xff;
}

void lapic_eoi(void)
{
    lapic_write(REG_EOI, 0);
}

static bool test_vector(uint32_t first_register, uint8_t vector)
{
    return (lapic_read(first_register + vector / 32 * 0x10) >> vector % 32 & 1) != 0;
}

bool lapic_is_requested(uint8_t vector)
{
    return test_vector(REG_IRR, vector);
}

bool lapic_is_in_service(uint8_t vector)
{
    return test_vector(REG_ISR, vector);
}

bool lapic_has_request(void)
{
    for (unsigned i = 8; i-- > 0;) {
        if (lapic_read(REG_IRR + i * 0x10) != 0) {
            return true;
        }
    }
    return false;
}

uint32_t lapic_read_errors(void)
{
    lapic_write(REG_ESR, 0); // latches what has happened
    return lapic_read(REG_ESR);
}

// ---- to other CPUs ------------------------------------------------------------------------------

// An xAPIC sends one at a time. It is never busy for long; one that stays so is broken, and waiting
// for it would only take this CPU along.
static bool wait_until_sent(void)
{
    for (unsigned patience = 0; patience < 100000; patience++) {
        if ((lapic_read(REG_ICR) & ICR_BUSY) == 0) {
            return true;
        }
    }
    return false;
}

static bool send(uint32_t apic_id, uint32_t command)
{
    if (lapic_access.x2apic) {
        arch_wrmsr_ordered(MSR_X2APIC + REG_ICR / 0x10, (uint64_t)apic_id << 32 | command);
        return true;
    }
    if (!wait_until_sent()) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    lapic_write(REG_ICR_HIGH, apic_id << 24);
    lapic_write(REG_ICR, command);
    return true;
}

void lapic_send_ipi(uint32_t apic_id, uint8_t vector)
{
    send(apic_id, ICR_ASSERT | vector);
}

void lapic_send_ipi_others(uint8_t vector)
{
    send(0, ICR_OTHERS | ICR_ASSERT | vector);
}

void lapic_send_ipi_self(uint8_t vector)
{
    send(0, ICR_SELF | ICR_ASSERT | vector);
}

void lapic_send_nmi(uint32_t apic_id)
{
    send(apic_id, ICR_ASSERT | DELIVER_NMI);
}

void lapic_send_nmi_others(void)
{
    send(0, ICR_OTHERS | ICR_ASSERT | DELIVER_NMI);
}

static int send_checked(uint32_t apic_id, uint32_t command)
{
    lapic_read_errors();
    if (!send(apic_id, command) || (!lapic_access.x2apic && !wait_until_sent())) {
        return -EIO;
    }
    return (lapic_read_errors() & ESR_SEND_ERRORS) == 0 ? 0 : -EIO;
}

int lapic_send_init(uint32_t apic_id)
{
    return send_checked(apic_id, ICR_LEVEL | ICR_ASSERT | DELIVER_INIT);
}

int lapic_send_startup(uint32_t apic_id, uint32_t entry_paddr)
{
    return send_checked(apic_id, ICR_ASSERT | DELIVER_STARTUP | entry_paddr >> 12);
}
