// SPDX-License-Identifier: Apache-2.0
// A machine with a scheduler, for what tests it: CPUs without anything to run, and a clock that
// counts nanoseconds and is moved by hand.
#pragma once

#include "arch/clock.h"
#include "domain/pages.h"
#include "machine.h"
#include "sched_audit.h"
#include "time/time.h"

/* As host_machine_create(); ends with host_machine_destroy(). */
static inline void sched_machine_start(uint64_t frames, unsigned int cpus_wanted)
{
    static bool once;

    host_machine_create(frames, cpus_wanted);
    host_tsc = 0;
    host_tsc_hz = NS_PER_SECOND;
    if (!once) {
        time_init();
        domain_pages_init();
        sched_init();
        once = true;
    }
    for (unsigned int cpu = 0; cpu < cpus_wanted; cpu++) {
        SCHED_MUST(timers_init_cpu(cpu) == 0);
        SCHED_MUST(sched_init_cpu(cpu) == 0);
    }
}

/* All CPUs, which are one thread, do what is due, until none has anything to do. */
static inline void sched_machine_settle(void)
{
    bool busy = true;

    for (unsigned int i = 0; busy; i++) {
        SCHED_MUST(i < 1000); /* they keep each other busy */
        busy = false;
        for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
            host_become_cpu(cpu);
            if (host_alarms[cpu] <= host_tsc) {
                host_alarms[cpu] = UINT64_MAX;
                cpu_raise_self(WORK_TIMER);
            }
            busy = busy || this_cpu()->pending != 0;
            cpu_do_work();
        }
    }
    host_become_cpu(0);
}
