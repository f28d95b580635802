// SPDX-License-Identifier: Apache-2.0
// The machine around the CPUs.
#include "boot/machine.h"

#include "arch/clock.h"
#include "arch/cpuid.h"
#include "arch/interrupts.h"
#include "arch/paging.h"
#include "base/log.h"
#include "base/panic.h"
#include "boot/clocks.h"
#include "boot/rsdp.h"
#include "platform/i8259.h"
#include "platform/ioapic.h"
#include "platform/lapic.h"
#include "platform/mmio.h"
#include "platform/pci.h"
#include "platform/reset.h"
#include "platform/tsc.h"
#include "platform/vectors.h"

#define FEATURES_LEAF      1
#define ECX_X2APIC         (1U << 21)
#define ECX_TSC_DEADLINE   (1U << 24)
#define ECX_HYPERVISOR     (1U << 31)
#define TSC_FREQUENCY_LEAF 0x15

struct machine machine;

/* ---- tables ---------------------------------------------------------------------------------- */

static void add_pci_windows(void)
{
    struct mcfg_window window;

    for (unsigned int i = 0; acpi_mcfg_window(i, &window); i++) {
        if (pci_add_window(&window) != 0) {
            log_warning("PCI window at %#lx is not usable", (unsigned long)window.paddr);
        }
    }
}

void machine_read_tables(const struct boot_info *info)
{
    platform_map_mmio = arch_map_device;
    acpi_map = arch_map_firmware;
    if ((acpi_init(rsdp_locate(info)) != 0 && acpi_init(rsdp_of_copy(info)) != 0) ||
        madt_read(&machine.madt) != 0) {
        panic("no ACPI tables that describe the processors and interrupt controllers");
    }
    machine.has_fadt = fadt_read(&machine.fadt) == 0;
    if (machine.has_fadt) {
        platform_reset_init(&machine.fadt);
    }
    add_pci_windows();
}

/* ---- clocks ---------------------------------------------------------------------------------- */

static uint64_t settle_tsc_hz(void)
{
    struct cpuid_regs features = arch_cpuid(FEATURES_LEAF, 0);
    const struct clock_reference *reference;
    struct tsc_rate rate;

    if ((features.ecx & ECX_HYPERVISOR) == 0 && arch_cpuid(0, 0).eax >= TSC_FREQUENCY_LEAF) {
        struct cpuid_regs r = arch_cpuid(TSC_FREQUENCY_LEAF, 0);
        uint64_t hz = tsc_hz_from_cpuid(r.eax, r.ebx, r.ecx);
        if (hz != 0) {
            log_info("time-stamp counter: %lu kHz, as the processor says",
                     (unsigned long)(hz / 1000));
            return hz;
        }
    }
    reference = clocks_reference();
    rate = reference ? tsc_measure(reference) : (struct tsc_rate){0};
    if (rate.hz == 0) {
        panic("the time-stamp counter can't be measured against the %s",
              reference ? reference->name : "PIT");
    }
    log_info("time-stamp counter: %lu kHz, measured by the %s to %u ppm",
             (unsigned long)(rate.hz / 1000), reference->name, rate.error_ppm);
    return rate.hz;
}

/* ---- interrupts ------------------------------------------------------------------------------ */

static void start_interrupt_controllers(void)
{
    struct cpuid_regs features = arch_cpuid(FEATURES_LEAF, 0);

    i8259_init(VECTOR_LEGACY_FIRST);
    if (lapic_init(machine.madt.lapic_paddr, (features.ecx & ECX_X2APIC) != 0) != 0) {
        panic("no local APIC");
    }
    arch_start_local_interrupts();
    if (ioapic_init(&machine.madt) == 0) {
        panic("no I/O APIC");
    }
    log_info("%u processors (%s mode), %u I/O APICs with %u interrupts", machine.madt.cpu_count,
             lapic_in_x2apic_mode() ? "x2APIC" : "xAPIC", machine.madt.ioapic_count,
             ioapic_gsi_count());
}

void machine_start(void)
{
    struct cpuid_regs features = arch_cpuid(FEATURES_LEAF, 0);

    start_interrupt_controllers();
    clocks_find();
    machine.tsc_hz = settle_tsc_hz();
    arch_clock_start(machine.tsc_hz, machine.has_fadt ? machine.fadt.century_index : 0);
    lapic_timer_init(machine.tsc_hz, (features.ecx & ECX_TSC_DEADLINE) != 0);
}
