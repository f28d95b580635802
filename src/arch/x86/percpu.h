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
//   + 0x32000  entry page: where a guest's state arrives and leaves while guests' tables are loaded
//
// The guest's descriptor pages appear here, in every address space at the same place, so that a
// switch of vCPUs only exchanges window pages and a vCPU on its CPU never needs its own mapping.
#pragma once

#ifndef __ASSEMBLY__
#include "base/cpu.h"
#include "domain/vcpu.h"
#include "layout.h"
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
#define PERCPU_ENTRY      0x32000
#define PERCPU_ISOLATION  0x00800 /* struct isolation, in the first page */

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

/*
 * The entry page, which guests' own tables map too where there are such (isolation.h). On a
 * processor that leaks, the guest can read it: nothing in it is not the guest's.
 */
struct entry_page {
    uint64_t own_cr3;            /* Pavise's tables while a guest runs on others, else 0 */
    uint64_t guest_cr3;          /* those others */
    uint64_t rax, rbx, rcx, rdx; /* the guest's, for the last instructions of a way out */
    uint64_t rsp;                /* the same, and for the first of a way in by SYSCALL */
    uint16_t selector;           /* any that VERW may verify */
    uint8_t iret_fault[64] aligned_to(16); /* what the processor pushes when IRET faults */
    uint64_t frame[5] aligned_to(16);      /* for IRET */
    struct {
        uint8_t stack[128];
    } exception aligned_to(16), nmi, fault, machine_check, debug;
};
#define ENTRY_STACK_TOP(name) (offsetof(struct entry_page, name) + 128)

/* A CPU's copies of the guest's roots (isolation.h). Assembly knows the members. */
enum root { ROOT_USER, ROOT_KERNEL, ROOTS };
struct isolation {
    uint64_t root[ROOTS];  /* machine address of the copy */
    uint64_t base[ROOTS];  /* of what it was copied from, 0: of nothing */
    uint64_t edits[ROOTS]; /* the domain's root_edits before it was copied */
    uint64_t edits_used;   /* that of the copy that the guest ran on */
    uint32_t predictors;   /* whose branches the predictors hold: a domain's id and 1, or 0 */
    uint64_t *shadow;      /* level-1 entries of the region's table as guests' tables have it */
};

static inline uint64_t percpu_base(unsigned int id)
{
    return PERCPU_BASE + (uint64_t)id * PERCPU_STRIDE;
}

static inline struct isolation *isolation_of(struct cpu *cpu)
{
    return (struct isolation *)((char *)cpu + PERCPU_ISOLATION);
}

static inline struct tss *this_tss(void)
{
    return (struct tss *)((char *)this_cpu() + PERCPU_TSS);
}

/* Where the IDT's page is mapped. */
uint64_t percpu_idt(void);

/* Map and fill CPU `id`'s region. NULL: out of memory. */
must_check struct cpu *percpu_create(unsigned int id);

/* On the CPU itself, once its stack lies in its region: descriptor tables, TSS, system-call MSRs.
 */
void percpu_load(void);

/* Continue in `function` on the stack of `cpu`; the old stack is left for good. */
noreturn_fn void percpu_run_on_stack(struct cpu *cpu, void (*function)(void));

/* Show the vCPU's descriptor pages in this CPU's windows, and forget what was there. */
void percpu_show_gdt(const struct vcpu *v);
void percpu_show_ldt(const struct vcpu *v);
void percpu_load_ldt(unsigned int entries);

/* The vCPU whose registers exceptions from ring 3 are stored to. */
void percpu_set_entry(struct vcpu *v);

#endif
