// SPDX-License-Identifier: Apache-2.0
// Collects what banks of errors have, and decides on machine checks.
#include "control/mca_collect.h"

#include "abi/xen.h"
#include "arch/clock.h"
#include "arch/interrupts.h"
#include "arch/msr.h"
#include "base/cpu.h"
#include "base/cpu_call.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/param.h"
#include "control/machine.h"
#include "control/mca_banks.h"
#include "control/mca_severity.h"
#include "control/mca_telemetry.h"
#include "domain/domain.h"
#include "event/event.h"
#include "lib/string.h"
#include "memory/frame.h"
#include "pv/bounce.h"
#include "pv/traps.h"
#include "time/time.h"
#include "time/timer.h"

#define VECTOR_MC 18

/* Every so often all banks are looked at; 0: never. */
static uint64_t poll_ms = 30000;
PARAM_INTEGER("mca_poll", poll_ms);
static struct timer poll_timer;

/* Why a CPU is to look at its banks, and the last machine check there. */
static struct note {
    uint32_t why; /* [a] MC_FLAG_POLLED, _CMCI, _MCE */
    uint16_t domid, vcpu_id;
    uint64_t global_status;
} notes[MAX_CPUS];

static void look_at(unsigned int cpu, uint32_t why)
{
    __atomic_fetch_or(&notes[cpu].why, why, __ATOMIC_SEQ_CST);
    cpu_raise(cpu, WORK_MCA);
}

/* ---- telemetry ---------------------------------------------------------------------------------
 */

struct report {
    struct mc_info info;
    uint32_t bytes; /* of its entries */
    enum mca_queue queue;
};

static void *add_entry(struct report *r, uint16_t type, uint16_t bytes)
{
    struct mcinfo_common *entry = (void *)((char *)r->info.mi_data + r->bytes);

    if (r->bytes + bytes > sizeof(r->info.mi_data)) {
        r->info.flags |= MCINFO_FLAGS_UNCOMPLETE;
        return NULL;
    }
    entry->type = type;
    entry->size = bytes;
    r->bytes += bytes;
    r->info.mi_nentries++;
    return entry;
}

static uint32_t flags_of(enum mca_severity worst, uint32_t why)
{
    if (worst <= MCA_CORRECTED) {
        return why | MC_FLAG_CORRECTABLE;
    }
    return why | MC_FLAG_UNCORRECTABLE | (worst < MCA_FATAL ? MC_FLAG_RECOVERABLE : 0);
}

static void add_global(struct report *r, const struct note *note, uint32_t flags)
{
    struct mcinfo_global *g = add_entry(r, MC_TYPE_GLOBAL, sizeof(*g));
    unsigned int cpu = this_cpu()->id;
    bool checked = (note->why & MC_FLAG_MCE) != 0;

    g->mc_domid = checked ? note->domid : DOMID_INVALID;
    g->mc_vcpuid = checked ? note->vcpu_id : XEN_MC_VCPUID_INVALID;
    g->mc_socketid = machine_facts.cpu[cpu].socket;
    g->mc_coreid = (uint16_t)machine_facts.cpu[cpu].core;
    g->mc_apicid = this_cpu()->apic_id;
    g->mc_flags = flags;
    g->mc_gstatus = checked ? note->global_status : mca_global_status();
}

static uint16_t owner_of(const struct mca_bank *bank)
{
    mfn_t frame = maddr_to_mfn(maddr(bank->address));

    if ((bank->status & MC_ADDRV) == 0 || !mfn_valid(frame)) {
        return DOMID_INVALID;
    }
    return READ_ONCE(frame_of(frame)->owner);
}

static void add_bank(struct report *r, unsigned int number, const struct mca_bank *bank)
{
    struct mcinfo_bank *b = add_entry(r, MC_TYPE_BANK, sizeof(*b));

    if (!b) {
        return;
    }
    b->mc_bank = (uint16_t)number;
    b->mc_domid = owner_of(bank);
    b->mc_status = bank->status;
    b->mc_addr = bank->address;
    b->mc_misc = bank->misc;
    b->mc_ctrl2 = bank->control2;
    b->mc_tsc = arch_read_tsc();
}

static enum mca_severity worst_of_banks(void)
{
    bool recovers = (mca_capabilities() & MCG_CAP_RECOVERY) != 0;
    enum mca_severity worst = MCA_NOTHING;
    struct mca_bank bank;

    for (unsigned int i = 0; i < mca_bank_count(); i++) {
        if (mca_bank_read(i, &bank)) {
            worst = MAX(worst, mca_severity(bank.status, recovers));
        }
    }
    return worst;
}

static void take_banks(struct report *r)
{
    struct mca_bank bank;

    for (unsigned int i = 0; i < mca_bank_count(); i++) {
        if (mca_bank_read(i, &bank)) {
            add_bank(r, i, &bank);
            mca_bank_clear(i);
        }
    }
}

/* This CPU's errors, if any, become one record. No lock held. */
static void collect(void)
{
    struct note *own = &notes[this_cpu()->id], note = *own;
    enum mca_severity worst = worst_of_banks();
    struct report r = {.queue = MCA_NONURGENT};

    note.why = __atomic_exchange_n(&own->why, 0, __ATOMIC_SEQ_CST);
    if (worst == MCA_NOTHING) {
        return;
    }
    if ((note.why & MC_FLAG_MCE) != 0) {
        r.queue = MCA_URGENT;
    }
    add_global(&r, &note, flags_of(worst, note.why));
    take_banks(&r);
    if (mca_keep(r.queue, &r.info) == 0) {
        log_warning("CPU %u: the processor reports %s", this_cpu()->id,
                    worst <= MCA_CORRECTED ? "corrected errors"
                                           : "errors that it could not correct");
    }
    event_send_global_virq(VIRQ_MCA);
}

/* ---- machine checks ----------------------------------------------------------------------------
 */

static void note_machine_check(const struct vcpu *v, uint64_t global_status)
{
    struct note *own = &notes[this_cpu()->id];

    own->domid = v ? v->domain->id : DOMID_INVALID;
    own->vcpu_id = v ? (uint16_t)v->id : XEN_MC_VCPUID_INVALID;
    own->global_status = global_status;
    __atomic_fetch_or(&own->why, MC_FLAG_MCE, __ATOMIC_SEQ_CST);
    cpu_raise_self(WORK_MCA);
}

static void end_guest(struct vcpu *v)
{
    domain_crash(v->domain, "machine check in vCPU %u", v->id);
}

void mca_machine_check(struct vcpu *v)
{
    uint64_t global_status = mca_global_status();
    enum mca_verdict verdict = mca_decide(worst_of_banks(), global_status, v != NULL);

    if (verdict == MCA_STOP_MACHINE && v) {
        panic("machine check while vCPU %u of domain %u ran", v->id, v->domain->id);
    }
    if (verdict == MCA_STOP_MACHINE) {
        panic("machine check in the hypervisor");
    }
    note_machine_check(v, global_status);
    /* Until this, another machine check shuts the processor down. */
    mca_global_clear();
    if (verdict == MCA_END_GUEST ||
        (verdict == MCA_TELL_GUEST && v->traps[VECTOR_MC].address == 0)) {
        end_guest(v);
    } else if (verdict == MCA_TELL_GUEST) {
        pv_bounce_trap(v, VECTOR_MC, 0);
    }
}

void mca_log_banks(void)
{
    struct mca_bank bank;

    for (unsigned int i = 0; i < mca_bank_count(); i++) {
        if (mca_bank_read(i, &bank)) {
            log_always("machine check bank %u: status %016lx, address %016lx, misc %016lx", i,
                       (unsigned long)bank.status, (unsigned long)bank.address,
                       (unsigned long)bank.misc);
        }
    }
    if (mca_global_status() != 0) {
        log_always("machine check global status %lx", (unsigned long)mca_global_status());
    }
}

/* ---- start -------------------------------------------------------------------------------------
 */

static void poll(void *unused)
{
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        look_at(cpu, MC_FLAG_POLLED);
    }
    timer_set(&poll_timer, time_now_ns() + poll_ms * NS_PER_MS);
}

static void corrected_error(void)
{
    look_at(this_cpu()->id, MC_FLAG_CMCI);
}

/* Banks that several processors share are told of by the first that asks (3B, 16.5.2.1). */
static void claim_bank(unsigned int bank)
{
    uint64_t control;

    if (arch_rdmsr_safe(MSR_MC_CTL2(bank), &control) == 0 && (control & MC_CTL2_CMCI) == 0) {
        (void)!arch_wrmsr_safe(MSR_MC_CTL2(bank), control | MC_CTL2_CMCI | 1);
    }
}

static void start_cpu(void *unused)
{
    mca_enable();
    if ((mca_capabilities() & MCG_CAP_CMCI) == 0) {
        return;
    }
    for (unsigned int bank = 0; bank < mca_bank_count(); bank++) {
        claim_bank(bank);
    }
    arch_enable_corrected_error_interrupt();
}

void mca_start(void)
{
    cpu_register_work(WORK_MCA, collect);
    hardware_machine_check = mca_machine_check;
    hardware_corrected_error = corrected_error;
    cpu_call(cpus_started(), start_cpu, NULL);
    if (poll_ms != 0 && mca_bank_count() != 0) {
        timer_init(&poll_timer, poll, NULL, 0);
        timer_set(&poll_timer, time_now_ns() + poll_ms * NS_PER_MS);
    }
}
