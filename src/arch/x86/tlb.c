// SPDX-License-Identifier: Apache-2.0
// Flushes of translation caches: this CPU's, and by interrupt those of others.
#include "arch/tlb.h"

#include "base/cpu.h"
#include "cpu_features.h"
#include "instructions.h"
#include "ipi.h"
#include "memory/flush.h"

/* One request at a time; the others serve it in interrupts and while they wait for locks. */
static struct {
    uint32_t busy;
    uint64_t waiting; /* CPUs that have not served it yet */
    uint64_t address; /* one page, or FLUSH_ALL */
} request;

#define FLUSH_ALL UINT64_MAX

/* No processor has shorter cache lines; where they are longer, some are flushed twice. */
#define LEAST_LINE 32UL

void arch_tlb_flush_local(void)
{
    uint64_t control = read_cr4();

    flush_note_local();
    /* Turning global pages off and on forgets everything, global or not. */
    write_cr4(control & ~CR4_PGE);
    write_cr4(control);
}

void arch_tlb_flush_page_local(uint64_t address)
{
    invlpg(address);
}

void cpu_serve_flush_request(void)
{
    uint64_t bit = 1ULL << this_cpu()->id;

    if ((__atomic_load_n(&request.waiting, __ATOMIC_ACQUIRE) & bit) == 0) {
        return;
    }
    if (request.address == FLUSH_ALL) {
        arch_tlb_flush_local();
    } else {
        invlpg(request.address);
    }
    __atomic_fetch_and(&request.waiting, ~bit, __ATOMIC_RELEASE);
}

static void flush_others(uint64_t others, uint64_t address)
{
    while (__atomic_exchange_n(&request.busy, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_relax();
    }
    request.address = address;
    __atomic_store_n(&request.waiting, others, __ATOMIC_RELEASE);
    for (unsigned int id = 0; id < cpu_count; id++) {
        if ((others >> id) & 1) {
            ipi_send(id, IPI_FLUSH);
        }
    }
    while (__atomic_load_n(&request.waiting, __ATOMIC_ACQUIRE) != 0) {
        cpu_relax();
    }
    __atomic_store_n(&request.busy, 0, __ATOMIC_RELEASE);
}

void arch_tlb_flush_cpus(uint64_t mask)
{
    uint64_t own = 1ULL << this_cpu()->id;

    if ((mask & own) != 0) {
        arch_tlb_flush_local();
    }
    if ((mask & ~own) != 0) {
        flush_others(mask & ~own, FLUSH_ALL);
    }
}

void arch_tlb_flush_page_cpus(uint64_t mask, uint64_t address)
{
    uint64_t own = 1ULL << this_cpu()->id;

    if ((mask & own) != 0) {
        invlpg(address);
    }
    if ((mask & ~own) != 0) {
        flush_others(mask & ~own, address);
    }
}

void arch_cache_flush_local(void)
{
    asm volatile("wbinvd" ::: "memory");
}

void arch_without_caches(void (*function)(const void *argument), const void *argument)
{
    uint64_t control = read_cr0();

    write_cr0((control | CR0_CD) & ~CR0_NW);
    arch_cache_flush_local();
    arch_tlb_flush_local();
    function(argument);
    arch_cache_flush_local();
    arch_tlb_flush_local();
    write_cr0(control);
}

void arch_cache_flush_lines(const void *from, size_t bytes)
{
    for (uint64_t line = ROUND_DOWN((uint64_t)from, LEAST_LINE); line < (uint64_t)from + bytes;
         line += LEAST_LINE) {
        asm volatile("clflush (%0)" : : "r"(line) : "memory");
    }
    asm volatile("mfence" ::: "memory");
}

uint64_t arch_fault_address(void)
{
    return read_cr2();
}
