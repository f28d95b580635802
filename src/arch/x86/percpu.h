// SPDX-License-Identifier: Apache-2.0
// The per-CPU region: each CPU's stacks, descriptor tables and entry trampoline, at PERCPU_BASE.
//
//   + 0x00000  struct cpu, then a guard page
//   + 0x02000  stacks for NMI, double fault, machine check and debug traps, a guard page below each
//   + 0x0b000  the stack, to + 0x10000 (below it a guard page)
//   + 0x10000  GDT window: 14 pages of the guest's, then Pavise's descriptors, then an empty page
//   + 0x20000  LDT window: 16 pages of the guest's, those that it has used
//   + 0x30000  TSS
//   + 0x31000  trampoline: the system call's first instructions (the only executable page)
//
// The guest's descriptor pages appear here, in every address space at the same place, so that a
// switch of vCPUs only exchanges window pages and a vCPU on its CPU never needs its own mapping.
#pragma once

#ifndef __ASSEMBLY__
#include "base/cpu.h"
#include "domain/vcpu.h"
#endif

#define PERCPU_STRIDE     0x40000
#define PERCPU_NMI_TOP    0x04000
#define PERCPU_FAULT_TOP  0x06000
#define PERCPU_MCE_TOP    0x08000
#define PERCPU_DEBUG_TOP  0x0a000
#define PERCPU_STACK_LOW  0x0b000
#define PERCPU_STACK_TOP  0x10000
#define PERCPU_GDT        0x10000
#define PERCPU_LDT        0x20000
#define PERCPU_TSS        0x30000
#define PERCPU_TRAMPOLINE 0x31000

#ifndef __ASSEMBLY__

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_bitmap_offset;
} __attribute__((packed));

enum ist { IST_NONE, IST_NMI, IST_FAULT, IST_MCE, IST_DEBUG };

static inline uint64_t percpu_base(unsigned int id)
{
    return 0xffff820000000000UL + (uint64_t)id * PERCPU_STRIDE;
}

static inline struct tss *this_tss(void)
{
    return (struct tss *)((char *)this_cpu() + PERCPU_TSS);
}

/* Map and fill CPU `id`'s region. NULL: out of memory. */
must_check struct cpu *percpu_create(unsigned int id);

/* On the CPU itself, once its stack lies in its region: descriptor tables, TSS, system-call MSRs.
 */
void percpu_load(void);

/* Continue in `function` on the stack of `cpu`; the old stack is left for good. */
noreturn_fn void percpu_run_on_stack(struct cpu *cpu, void (*function)(void));

/* Show the vCPU's descriptor pages in this CPU's windows. The caller flushes the TLB. */
void percpu_show_gdt(const struct vcpu *v);
void percpu_show_ldt_page(unsigned int page, uint64_t mfn_or_invalid);
void percpu_load_ldt(unsigned int entries);

/* The vCPU whose registers exceptions from ring 3 are stored to. */
void percpu_set_entry(struct vcpu *v);

#endif
