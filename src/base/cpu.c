// SPDX-License-Identifier: Apache-2.0
// The table of CPUs and the work that pends on each.
#include "base/cpu.h"

#include "base/panic.h"

struct cpu *cpus[MAX_CPUS];
unsigned int cpu_count;
uint64_t cpu_online_bits;

static void (*work_handler[WORK_KINDS])(void);

void cpu_register_work(enum cpu_work work, void (*handler)(void))
{
    ASSERT(!work_handler[work]);
    work_handler[work] = handler;
}

void cpu_raise(unsigned int id, enum cpu_work work)
{
    uint32_t bit = 1U << work;
    uint32_t before = __atomic_fetch_or(&cpus[id]->pending, bit, __ATOMIC_SEQ_CST);

    if ((before & bit) == 0 && cpus[id] != this_cpu()) {
        arch_kick_cpu(id);
    }
}

void cpu_do_work(void)
{
    struct cpu *cpu = this_cpu();
    uint32_t pending;

    while ((pending = READ_ONCE(cpu->pending)) != 0) {
        unsigned int work = (unsigned int)__builtin_ctz(pending);
        __atomic_fetch_and(&cpu->pending, ~(1U << work), __ATOMIC_SEQ_CST);
        if (work_handler[work]) {
            work_handler[work]();
        }
    }
}
