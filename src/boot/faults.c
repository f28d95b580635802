// SPDX-License-Identifier: Apache-2.0
// NMIs, and the start of what hears of machine checks.
#include "boot/faults.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/io.h"
#include "base/cpu.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/param.h"
#include "boot/irqs.h"
#include "boot/machine.h"
#include "control/irq.h"
#include "control/mca_collect.h"
#include "control/vcpu_op.h"
#include "domain/domain.h"
#include "lib/string.h"
#include "platform/ioapic.h"
#include "platform/lapic.h"
#include "pv/traps.h"

/* ---- NMIs ------------------------------------------------------------------------------------ */

#define PORT_B       0x61 /* of PCs since the AT */
#define PORT_B_CHECK 0x40 /* a device's channel check */
#define PORT_B_SERR  0x80 /* a system error on a bus */

static enum { NMI_TO_DOMAIN0, NMI_FATAL, NMI_IGNORED } nmi_goes;

static int set_nmi(const struct param *param, const char *value)
{
    static const char *const words[] = {
        [NMI_TO_DOMAIN0] = "dom0", [NMI_FATAL] = "fatal", [NMI_IGNORED] = "ignore"};

    for (unsigned int i = 0; value != NULL && i < ARRAY_SIZE(words); i++) {
        if (strcmp(value, words[i]) == 0) {
            nmi_goes = (typeof(nmi_goes))i;
            return 0;
        }
    }
    return -EINVAL;
}
PARAM_CUSTOM("nmi", set_nmi);

static uint64_t nmi_reasons; /* [a] XEN_NMIREASON_*, for domain 0 to be told */

static uint64_t why(void)
{
    uint8_t port_b = arch_in8(PORT_B);

    if (port_b != 0xff && (port_b & PORT_B_SERR) != 0) {
        return XEN_NMIREASON_pci_serr;
    }
    if (port_b != 0xff && (port_b & PORT_B_CHECK) != 0) {
        return XEN_NMIREASON_io_error;
    }
    return XEN_NMIREASON_unknown;
}

/* Between any two instructions of anything: no lock may be taken. The rest is work for later. */
static void nmi_arrived(struct vcpu *v)
{
    uint64_t reason = why();

    if (nmi_goes == NMI_FATAL) {
        panic("NMI, reason %#lx", (unsigned long)reason);
    }
    if (nmi_goes == NMI_TO_DOMAIN0) {
        __atomic_fetch_or(&nmi_reasons, reason, __ATOMIC_SEQ_CST);
        cpu_raise_self(WORK_NMI);
    }
}

/* The reason is there when the handler looks (struct arch_shared_info). */
static void tell_domain0(void)
{
    uint64_t reasons = __atomic_exchange_n(&nmi_reasons, 0, __ATOMIC_SEQ_CST);

    if (reasons == 0 || !domain0 || !domain0->shared) {
        return;
    }
    log_info("NMI, reason %#lx: domain 0 is told", (unsigned long)reasons);
    __atomic_fetch_or(&domain0->shared->arch.nmi_reason, reasons, __ATOMIC_SEQ_CST);
    vcpu_send_nmi(domain0->vcpus[0]);
}

static void never(void)
{
}

/* Claimed, so that nobody routes it elsewhere; what comes is no interrupt then. */
static void open_ioapic_pin(uint32_t gsi, struct irq_line line)
{
    if (irq_claim(gsi, never) != 0 ||
        ioapic_set_nmi(gsi, irqs_destination(cpus[0]->id), line) != 0) {
        log_warning("pin %u, which firmware says is wired to NMIs, can't be opened", gsi);
    }
}

/* One CPU hears of each: the first, by the pins that are wired to it or to an I/O APIC. */
static void open_pins(void)
{
    const struct madt *madt = &machine.madt;
    uint32_t uid = MADT_ALL_CPUS;

    for (unsigned int i = 0; i < madt->cpu_count; i++) {
        uid = madt->cpu[i].apic_id == cpus[0]->apic_id ? madt->cpu[i].acpi_uid : uid;
    }
    for (unsigned int i = 0; i < madt->nmi_count; i++) {
        if (madt->nmi[i].acpi_uid == MADT_ALL_CPUS || madt->nmi[i].acpi_uid == uid) {
            lapic_enable_nmi_pin(madt->nmi[i].lint, madt->nmi[i].line);
        }
    }
    for (unsigned int i = 0; i < madt->nmi_source_count; i++) {
        open_ioapic_pin(madt->nmi_source[i].gsi, madt->nmi_source[i].line);
    }
}

/* ---- start of day ------------------------------------------------------------------------------
 */

void faults_start(void)
{
    static struct panic_report report = {.print = mca_log_banks};

    panic_add_report(&report);
    cpu_register_work(WORK_NMI, tell_domain0);
    hardware_nmi = nmi_arrived;
    mca_start();
    open_pins();
}
