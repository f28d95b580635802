// SPDX-License-Identifier: Apache-2.0
// Per-CPU data and pending work.
//
// Work is deferred by raising a bit on a CPU; it is done before that CPU next enters a guest, or
// in its idle loop. Handlers run with interrupts off and no lock held, lowest bit first.
#pragma once

#include "arch/cpu.h"
#include "lib/compiler.h"

#define MAX_CPUS 64

struct vcpu;

enum cpu_work {
    WORK_TIMER,      /* expired timers to run */
    WORK_SCHEDULE,   /* choose which vCPU runs */
    WORK_CONSOLE,    /* received bytes to hand on */
    WORK_NMI,        /* a hardware NMI to tell of */
    WORK_MEMORY_LOW, /* that memory runs out, to tell */
    WORK_MCA,        /* errors that the processor has noted, perhaps */
    WORK_KINDS,
};

/*
 * Legend: [c] only this CPU, [a] atomic, any CPU, [I] set at start and never changed.
 * Assembly knows some members by offset (asm-offsets.c.in).
 */
struct cpu {
    struct cpu *self;         /* [I] */
    struct vcpu *current;     /* [c] the vCPU whose state is loaded, the idle vCPU included */
    uint64_t stack_top;       /* [I] */
    uint32_t pending;         /* [a] bit per enum cpu_work */
    uint32_t id;              /* [I] */
    uint64_t flush_stamp;     /* [c] value of the flush clock at this CPU's last complete flush */
    uint64_t current_cr3;     /* [c] what the base register holds */
    bool holds_no_guest;      /* [c] on Pavise's own tables, all translations of guests forgotten */
    uint32_t lock_rank_bits;  /* [c] ranks of locks held, debug builds */
    uint32_t apic_id;         /* [I] */
    uint64_t scratch;         /* [c] system-call entry's spare word */
    uint64_t *region_entries; /* [I] the page-table entries of its region, which one table holds */
    uint32_t gdt_shown;       /* [c] pages of the GDT window that are a guest's */
    uint32_t ldt_shown;       /* [c] pages of the LDT's window that are there */
    bool ldt_loaded;          /* [c] not the null selector */
    uint64_t xcr0;            /* [c] what the register holds; 0: not known yet */
    uint64_t states_used;     /* [c] extended registers that may not be as after a reset */
    void *arch;               /* [c] the machine's own part */
    void *sched;              /* [c] the scheduler's run queue */
    void *timers;             /* [c] the timer heap */
};

extern struct cpu *cpus[MAX_CPUS]; /* by id; NULL where none has started */
extern unsigned int cpu_count;     /* CPUs that have started; ids 0 to cpu_count - 1 */

/*
 * CPUs that guests may run on, a bit each. One that is offline is parked: it has no vCPUs, timers
 * or device interrupts, but still takes interrupts from other CPUs, so nothing that waits for all
 * CPUs has to know. CPU 0 is always online.
 */
extern uint64_t cpu_online_bits; /* [a] */

static inline uint64_t cpus_online(void)
{
    return __atomic_load_n(&cpu_online_bits, __ATOMIC_SEQ_CST);
}
static inline bool cpu_is_online(unsigned int id)
{
    return (cpus_online() >> id & 1) != 0;
}
static inline void cpu_set_online(unsigned int id, bool online)
{
    if (online) {
        __atomic_fetch_or(&cpu_online_bits, 1ULL << id, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_and(&cpu_online_bits, ~(1ULL << id), __ATOMIC_SEQ_CST);
    }
}

/* All that have started, offline ones too: a bit each. */
static inline uint64_t cpus_started(void)
{
    return ~0ULL >> (MAX_CPUS - cpu_count);
}

static inline struct vcpu *current_vcpu(void)
{
    return this_cpu()->current;
}

/* Any CPU, any lock held. Kicks the CPU where it is another one. */
void cpu_raise(unsigned int id, enum cpu_work work);
static inline void cpu_raise_self(enum cpu_work work)
{
    __atomic_fetch_or(&this_cpu()->pending, 1U << work, __ATOMIC_SEQ_CST);
}

/* At start of day, once per kind. */
void cpu_register_work(enum cpu_work work, void (*handler)(void));

/* Do all pending work of this CPU. No lock held. May switch `current`. */
void cpu_do_work(void);

/* Work pends. Of interrupts only what those have raised that were taken: see should_stop(). */
static inline bool preempt_wanted(void)
{
    return READ_ONCE(this_cpu()->pending) != 0;
}

/*
 * Whether long work should stop, asked at each of its good places. Interrupts are off, so one that
 * waits is taken first: what it asks for may be to stop. No spin lock is held but those that no
 * interrupt's work wants (RANK_DOMCTL); a locked page table may be.
 */
static inline bool should_stop(void)
{
    arch_poll_interrupts();
    return preempt_wanted();
}
