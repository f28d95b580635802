// SPDX-License-Identifier: Apache-2.0
// Processors go offline and come back. What waits for all CPUs (flushes, calls) needs no part in
// it: one that is offline still answers; it only has nothing to run.
#include "control/cpu_hotplug.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/panic.h"
#include "control/irq.h"
#include "event/event.h"
#include "sched/sched.h"
#include "time/timer.h"

#define CPU_THAT_STAYS 0 /* where all finds a place that has lost its own */

/* One change at a time; held over the whole of it, for callers that change the same CPU. */
static spinlock_t hotplug_lock = SPINLOCK(RANK_DOMCTL);

static void move_all_away(unsigned int cpu)
{
    BUG_ON(sched_cpu_stop(cpu) != 0); /* the one that stays is another */
    timers_move_all(cpu, CPU_THAT_STAYS);
    irq_leave_cpu(cpu);
    log_info("CPU %u is offline", cpu);
}

/* Its vCPU leaves on its way back to the guest: of the calling CPU, only if this call returns. */
static long wait_until_left(unsigned int cpu)
{
    while (!sched_cpu_is_quiet(cpu)) {
        if (cpu == this_cpu()->id || should_stop()) {
            return HYPERCALL_RESTART;
        }
        cpu_relax();
    }
    return 0;
}

long cpu_take_offline(unsigned int cpu)
{
    bool changes;

    if (cpu >= cpu_count || cpu == CPU_THAT_STAYS) {
        return -EINVAL;
    }
    spin_lock(&hotplug_lock);
    changes = cpu_is_online(cpu);
    if (changes) {
        move_all_away(cpu);
    }
    spin_unlock(&hotplug_lock);
    if (changes) {
        event_send_global_virq(VIRQ_PCPU_STATE);
    }
    return wait_until_left(cpu);
}

long cpu_bring_online(unsigned int cpu)
{
    bool changes;

    if (cpu >= cpu_count) {
        return -EINVAL;
    }
    spin_lock(&hotplug_lock);
    changes = !cpu_is_online(cpu);
    if (changes) {
        sched_cpu_start(cpu);
        log_info("CPU %u is online", cpu);
    }
    spin_unlock(&hotplug_lock);
    if (changes) {
        event_send_global_virq(VIRQ_PCPU_STATE);
    }
    return 0;
}
