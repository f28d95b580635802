// SPDX-License-Identifier: Apache-2.0
// this_cpu() in a process: a thread plays a CPU.
#pragma once

#include <sched.h>
#include <stdbool.h>

#include "impl/race.h"

struct cpu;
extern _Thread_local struct cpu *host_this_cpu;
extern bool host_cpus_are_threads;
void cpu_serve_call(void);

static inline struct cpu *this_cpu(void)
{
    return host_this_cpu;
}

static inline void cpu_relax(void)
{
    if (host_race_window != NULL) {
        host_race_window(true);
    } else {
        sched_yield();
    }
    if (host_cpus_are_threads) {
        cpu_serve_call();
    }
}
