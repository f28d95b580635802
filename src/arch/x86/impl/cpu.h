// SPDX-License-Identifier: Apache-2.0
// this_cpu() on the machine: each CPU's area is aligned to its size and holds the CPU's stack.
#pragma once

#include <stdint.h>

/* Size and alignment of a per-CPU area; struct cpu lies at its start, the stack below its end. */
#define CPU_AREA_BYTES 0x10000UL

struct cpu;
void cpu_serve_flush_request(void);
void cpu_serve_call(void);

static inline struct cpu *this_cpu(void)
{
    uint64_t sp;
    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu *)(sp & ~(CPU_AREA_BYTES - 1));
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
    cpu_serve_flush_request();
    cpu_serve_call();
}
