// SPDX-License-Identifier: Apache-2.0
// Starting the other processors, each with its timers and run queue.
#include "boot/cpus.h"

#include "abi/errno.h"
#include "arch/clock.h"
#include "arch/cpu_start.h"
#include "base/cpu.h"
#include "base/cpu_call.h"
#include "base/log.h"
#include "base/param.h"
#include "boot/clocks.h"
#include "boot/idle.h"
#include "boot/machine.h"
#include "control/machine.h"
#include "lib/address.h"
#include "platform/lapic.h"
#include "platform/mtrr.h"
#include "sched/sched.h"
#include "time/time.h"
#include "time/timer.h"
#include "time/tsc_check.h"

/* Conventional memory ends here; the first page holds the BIOS's own words. */
#define CONVENTIONAL_END 0xa0000UL

#define TSC_CHECK_MS 5

static uint64_t max_cpus = MAX_CPUS;
PARAM_INTEGER("maxcpus", max_cpus);
static bool nosmp;
PARAM_BOOL("nosmp", nosmp);

/* ---- where they begin ------------------------------------------------------------------------ */

static bool module_covers(const struct boot_info *info, uint64_t page)
{
    for (uint32_t i = 0; i < info->module_count; i++) {
        const struct boot_module *m = &info->modules[i];
        if (m->base < page + PAGE_SIZE && page < m->base + m->bytes) {
            return true;
        }
    }
    return false;
}

uint64_t cpus_entry_page(const struct boot_info *info)
{
    for (uint32_t i = info->memory.count; i > 0; i--) {
        const struct memory_region *r = &info->memory.regions[i - 1];
        uint64_t end = ROUND_DOWN(MIN(r->base + r->bytes, CONVENTIONAL_END), PAGE_SIZE);

        if (r->type != MEMORY_USABLE) {
            continue;
        }
        for (uint64_t page = end - PAGE_SIZE; end != 0 && page >= MAX(r->base, PAGE_SIZE);
             page -= PAGE_SIZE) {
            if (!module_covers(info, page)) {
                return page;
            }
        }
    }
    return 0;
}

/* ---- on each new CPU ------------------------------------------------------------------------- */

static struct {
    struct tsc_check tsc;
    bool released; /* [a] */
} meeting;

static void run_new_cpu(void)
{
    tsc_check_answer(&meeting.tsc);
    while (!__atomic_load_n(&meeting.released, __ATOMIC_ACQUIRE)) {
        cpu_relax();
    }
    arch_enter_guests();
}

/* ---- on the first CPU ------------------------------------------------------------------------ */

static bool counters_agree = true;

static void check_counters(unsigned int id)
{
    struct tsc_agreement a = tsc_check_ask(&meeting.tsc, arch_tsc_hz() / 1000 * TSC_CHECK_MS);
    uint64_t ns = time_scale_apply(&time_common_line()->to_ns, a.within_ticks);

    if (a.warp_ticks != 0) {
        log_warning("CPU %u: its time-stamp counter differs by %ld ticks", id, (long)a.ahead_ticks);
        counters_agree = false;
    } else {
        log_debug("CPU %u: time-stamp counters agree to %lu ns", id, (unsigned long)ns);
    }
}

static void read_mtrrs(void *to)
{
    mtrrs_read(to);
}

static void write_mtrrs(void *from)
{
    mtrrs_write(from);
}

/* It has run nothing but Pavise's own code so far, in memory that is of one type to both. */
static void settle_memory_types(unsigned int id)
{
    uint64_t cpu = 1ULL << id;
    struct mtrrs first, own;

    mtrrs_read(&first);
    cpu_call(cpu, read_mtrrs, &own);
    if (mtrrs_agree(&first, &own)) {
        return;
    }
    cpu_call(cpu, write_mtrrs, &first);
    cpu_call(cpu, read_mtrrs, &own);
    if (mtrrs_agree(&first, &own)) {
        log_info("CPU %u: its MTRRs were not the first CPU's, and are now", id);
    } else {
        log_warning("CPU %u: its MTRRs can't be made the first CPU's; memory may seem to forget",
                    id);
    }
}

/* What a CPU has beside its region. Made once: a processor that fails leaves it to the next. */
static bool prepare(unsigned int id)
{
    if (cpus[id]) {
        return true;
    }
    return arch_create_cpu(id) == 0 && timers_init_cpu(id) == 0 && sched_init_cpu(id) == 0;
}

static const char *reason(int error)
{
    switch (error) {
    case -ETIME:
        return "does not answer";
    case -EIO:
        return "can't be reached";
    default:
        return "is not like the first";
    }
}

static void start_one(const struct madt_cpu *processor, uint64_t entry)
{
    unsigned int id = cpu_count;
    int error;

    if (!prepare(id)) {
        log_warning("no memory for CPU %u", id);
        return;
    }
    meeting = (typeof(meeting)){0};
    error = arch_start_cpu(id, processor->apic_id, entry, run_new_cpu);
    if (error != 0) {
        log_warning("the processor with APIC ID %u %s: it is left out", processor->apic_id,
                    reason(error));
        return;
    }
    check_counters(id);
    cpu_count = id + 1;
    settle_memory_types(id);
    cpu_set_online(id, true);
    __atomic_store_n(&meeting.released, true, __ATOMIC_RELEASE);
}

static void tell_of(unsigned int id, const struct madt_cpu *processor)
{
    machine_facts.cpu[id].acpi_id = processor->acpi_uid;
    machine_facts.cpu[id].socket = id;
}

static void tell_of_all(void)
{
    for (unsigned int id = 0; id < cpu_count; id++) {
        for (unsigned int i = 0; i < machine.madt.cpu_count; i++) {
            if (machine.madt.cpu[i].apic_id == cpus[id]->apic_id) {
                tell_of(id, &machine.madt.cpu[i]);
            }
        }
    }
}

void cpus_start(const struct boot_info *info)
{
    bool counters_stop = idle_settle();
    unsigned int limit = nosmp ? 1 : (unsigned int)MIN(MAX(max_cpus, 1UL), 0UL + MAX_CPUS);
    uint64_t entry = cpus_entry_page(info);
    unsigned int unused = 0;

    for (unsigned int i = 0; i < machine.madt.cpu_count; i++) {
        const struct madt_cpu *processor = &machine.madt.cpu[i];

        if (!processor->enabled || processor->apic_id == cpus[0]->apic_id) {
            continue;
        }
        if (cpu_count < limit && entry != 0) {
            start_one(processor, entry);
        } else {
            unused++;
        }
    }
    if (entry == 0 && limit > 1) {
        log_warning("no memory below 640 KiB for other processors to start in");
    }
    clocks_settle(counters_agree, counters_stop);
    tell_of_all();
    log_info("%u CPUs run, %u are not used", cpu_count, unused);
}
