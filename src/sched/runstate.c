// SPDX-License-Identifier: Apache-2.0
// Accounting of vCPU states.
#include "sched/runstate.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "arch/vcpu.h"
#include "domain/domain.h"
#include "sched/record.h"
#include "sched/sched.h"

void runstate_init(struct runstate *r, int state, uint64_t now)
{
    *r = (struct runstate){.info = {.state = state, .state_entry_time = now}};
}

/* CPUs' clocks may differ by a few nanoseconds: time never counts backwards. */
static uint64_t time_in_state(const struct runstate *r, uint64_t now)
{
    return now > r->info.state_entry_time ? now - r->info.state_entry_time : 0;
}

void runstate_change(struct runstate *r, int state, uint64_t now)
{
    sched_record_state(container_of(r, struct vcpu_sched, runstate), state, now);
    r->info.time[r->info.state] += time_in_state(r, now);
    r->info.state_entry_time = MAX(now, r->info.state_entry_time);
    r->info.state = state;
}

struct vcpu_runstate_info runstate_report(const struct runstate *r, uint64_t now)
{
    struct vcpu_runstate_info info = r->info;

    info.time[info.state] += time_in_state(r, now);
    return info;
}

int runstate_register_area(struct runstate *r, gva_t area)
{
    if (!gva_is_null(area) && !guest_range_ok(area, sizeof(r->info))) {
        return -EFAULT;
    }
    WRITE_ONCE(r->area.a, area.a);
    return 0;
}

static gva_t entry_time_address(gva_t area)
{
    return gva_add(area, offsetof(struct vcpu_runstate_info, state_entry_time));
}

/*
 * A guest that asked for it (VMASST_TYPE_runstate_update_flag) finds a flag in state_entry_time
 * while the rest changes. A guest whose area faults gets nothing.
 */
static void publish_with_flag(gva_t area, const struct vcpu_runstate_info *info)
{
    struct vcpu_runstate_info changing = *info;
    gva_t entry_time = entry_time_address(area);

    changing.state_entry_time |= XEN_RUNSTATE_UPDATE;
    if (arch_copy_to_guest_kernel(entry_time, &changing.state_entry_time, sizeof(uint64_t)) != 0) {
        return;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (arch_copy_to_guest_kernel(area, &changing, sizeof(changing)) != 0) {
        return;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    (void)!arch_copy_to_guest_kernel(entry_time, &info->state_entry_time, sizeof(uint64_t));
}

void runstate_publish(struct vcpu *v, const struct vcpu_runstate_info *info)
{
    gva_t area = v->sched->runstate.area;

    if (gva_is_null(area)) {
        return;
    }
    if ((READ_ONCE(v->domain->vm_assist) & (1UL << VMASST_TYPE_runstate_update_flag)) != 0) {
        publish_with_flag(area, info);
    } else {
        (void)!arch_copy_to_guest_kernel(area, info, sizeof(*info));
    }
}
