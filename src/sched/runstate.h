// SPDX-License-Identifier: Apache-2.0
// How long a vCPU ran, could have run, slept: struct vcpu_runstate_info of <xen/vcpu.h>.
//
// All functions but the last two are called with the lock of the vCPU's run queue held.
#pragma once

#include "domain/vcpu.h"

struct runstate {
    struct vcpu_runstate_info info;
    gva_t area; /* [v] guest address of the guest's own copy, 0 for none */
};

/* Everything up to now was spent in this state. */
void runstate_init(struct runstate *r, int state, uint64_t now);

/* The vCPU changes to `state` (RUNSTATE_*) now. */
void runstate_change(struct runstate *r, int state, uint64_t now);

/* What a guest or toolstack is told now: the present state's time up to now is included. */
struct vcpu_runstate_info runstate_report(const struct runstate *r, uint64_t now);

/*
 * VCPUOP_register_runstate_memory_area: from now on the vCPU's info is also kept at `area`, in its
 * kernel's address space; 0 ends it. -EFAULT where that is no guest range. No lock.
 */
must_check int runstate_register_area(struct runstate *r, gva_t area);

/* Whether there is one now. */
static inline bool runstate_has_area(const struct runstate *r)
{
    return READ_ONCE(r->area.a) != 0;
}

/* Write this into the current vCPU's area, if it has one. No lock held. */
void runstate_publish(struct vcpu *v, const struct vcpu_runstate_info *info);
