// SPDX-License-Identifier: Apache-2.0
// The start of the processors beside the first (manual 3A, 9.4): INIT, a pause, the start-up
// interrupt, and a second one for who has missed the first. Their first steps: ap_entry.S.
#include "abi/errno.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/cpu_start.h"
#include "arch/frames.h"
#include "arch/interrupts.h"
#include "arch/tlb.h"
#include "base/cpu.h"
#include "base/log.h"
#include "base/panic.h"
#include "cpu_features.h"
#include "lib/string.h"
#include "paging.h"
#include "percpu.h"
#include "platform/lapic.h"
#include "speculation.h"
#include "platform/tsc.h"

#define LAST_XAPIC_ID    254
#define AFTER_INIT_US    10000
#define AFTER_STARTUP_US 200
/* Microseconds on a machine; an emulated processor may get no time from its host for long. */
#define PATIENCE_US 2000000

extern const char ap_trampoline[], ap_trampoline_end[];
uint64_t ap_page_tables;    /* what ap_entry.S loads */
uint64_t ap_stack_on_offer; /* [a] taken by one processor; 0: none */
void cpu_arrived(void);

static struct {
    enum { COMING, ARRIVED, UNFIT } state; /* [a] */
    const char *why;
    void (*function)(void);
} start;

/* ---- on the new CPU -------------------------------------------------------------------------- */

static noreturn_fn void leave_out(const char *why)
{
    start.why = why;
    __atomic_store_n(&start.state, UNFIT, __ATOMIC_RELEASE);
    for (;;) {
        asm volatile("cli; hlt");
    }
}

/* From ap_entry.S. Control registers come after the comparison: setting an absent bit faults. */
void cpu_arrived(void)
{
    void (*function)(void) = start.function;
    const char *lack;

    percpu_load();
    lack = cpu_features_compare();
    if (lack) {
        leave_out(lack);
    }
    cpu_control_init();
    speculation_start_cpu();
    arch_start_local_interrupts();
    arch_tlb_flush_local();
    this_cpu()->holds_no_guest = true;
    __atomic_store_n(&start.state, ARRIVED, __ATOMIC_RELEASE);
    function();
    panic("a CPU has nothing left to do");
}

/* ---- on the first CPU ------------------------------------------------------------------------ */

static bool settled_within(uint64_t us)
{
    uint64_t begin = arch_read_tsc(), ticks = us * (arch_tsc_hz() / 1000000);

    while (__atomic_load_n(&start.state, __ATOMIC_ACQUIRE) == COMING) {
        if (arch_read_tsc() - begin > ticks) {
            return false;
        }
        cpu_relax();
    }
    return true;
}

static void offer_stack(unsigned int id, void (*function)(void))
{
    start.state = COMING;
    start.function = function;
    ap_page_tables = paging_root();
    __atomic_store_n(&ap_stack_on_offer, cpus[id]->stack_top, __ATOMIC_RELEASE);
}

/* One that took the stack just now will say so soon. */
static bool withdraw_offer(void)
{
    return __atomic_exchange_n(&ap_stack_on_offer, 0, __ATOMIC_ACQ_REL) != 0;
}

static int send_start(uint32_t apic_id, uint64_t entry)
{
    int error = lapic_send_init(apic_id);

    if (error != 0) {
        return error;
    }
    tsc_wait_us(arch_tsc_hz(), AFTER_INIT_US);
    error = lapic_send_startup(apic_id, (uint32_t)entry);
    if (error == 0 && !settled_within(AFTER_STARTUP_US)) {
        error = lapic_send_startup(apic_id, (uint32_t)entry);
    }
    return error;
}

static int wait_for_arrival(void)
{
    while (!settled_within(PATIENCE_US)) {
        if (withdraw_offer()) {
            return -ETIME;
        }
    }
    if (start.state == UNFIT) {
        log_warning("a processor is %s", start.why);
        return -EOPNOTSUPP;
    }
    return 0;
}

int arch_start_cpu(unsigned int id, uint32_t apic_id, uint64_t entry, void (*function)(void))
{
    int error;

    BUG_ON(entry % PAGE_SIZE != 0 || entry >= CPU_ENTRY_LIMIT);
    if (apic_id > LAST_XAPIC_ID && !lapic_in_x2apic_mode()) {
        return -EIO;
    }
    memcpy(frame_to_virt(maddr_to_mfn(maddr(entry))), ap_trampoline,
           (size_t)(ap_trampoline_end - ap_trampoline));
    offer_stack(id, function);
    error = send_start(apic_id, entry);
    if (error == 0) {
        error = wait_for_arrival();
    }
    if (error != 0) {
        (void)withdraw_offer();
        (void)!lapic_send_init(apic_id);
    }
    return error;
}
