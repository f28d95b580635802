// SPDX-License-Identifier: Apache-2.0
// Waiting for work.
#include "idle.h"

#include "arch/clock.h"
#include "arch/idle.h"
#include "base/cpu.h"
#include "ipi.h"
#include "platform/broadcast.h"
#include "platform/lapic.h"

static struct idle_state idle;
static uint64_t alarm[MAX_CPUS]; /* each its own CPU's; counter value, UINT64_MAX: none */

void arch_set_idle_state(const struct idle_state *state)
{
    idle = *state;
}

uint8_t arch_broadcast_vector(void)
{
    return VECTOR_BROADCAST;
}

void idle_note_alarm(uint64_t tsc)
{
    alarm[this_cpu()->id] = tsc;
}

/* STI takes effect after the next instruction has begun: what comes in between ends the wait. */
static void wait(void)
{
    if (idle.by_mwait) {
        asm volatile("monitor" : : "a"(&this_cpu()->pending), "c"(0), "d"(0));
        asm volatile("sti; mwait; cli" : : "a"(idle.hint), "c"(0) : "memory");
    } else {
        asm volatile("sti; hlt; cli" ::: "memory");
    }
}

/* The local timer is off for the time, as it would be in a deep state. */
static void wait_without_timer(void)
{
    unsigned int cpu = this_cpu()->id;

    lapic_set_alarm(UINT64_MAX);
    broadcast_sleep(cpu, alarm[cpu]);
    if (READ_ONCE(this_cpu()->pending) == 0) {
        wait();
    }
    broadcast_wake(cpu);
    /* One that went off goes off once: nobody sets another while no timer needs it. */
    if (alarm[cpu] <= arch_read_tsc()) {
        alarm[cpu] = UINT64_MAX;
        cpu_raise(cpu, WORK_TIMER);
    }
    lapic_set_alarm(alarm[cpu]);
}

void arch_idle(void)
{
    if (READ_ONCE(this_cpu()->pending) != 0) {
        return;
    }
    if (unlikely(idle.timer_stops)) {
        wait_without_timer();
    } else {
        wait();
    }
}
