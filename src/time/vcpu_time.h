// SPDX-License-Identifier: Apache-2.0
// A vCPU's time: the words that let it compute system time, and its timers.
//
// Legend: [v] as in domain/vcpu.h; [t] guarded by being the timer's function or the vCPU itself.
#pragma once

#include "domain/vcpu.h"
#include "time/timer.h"

struct vcpu_time {
    uint64_t published_ns; /* [v] when the words were last written; 0: never */
    uint64_t line_id;      /* [v] the line they describe */
    uint32_t version;      /* [v] even; what the guest makes of its copy does not matter */
    gva_t area;            /* [v] secondary copy of the words, 0 for none */
    struct timer single_shot;
    struct timer periodic;
    uint64_t period_ns; /* [a] 0: stopped */
};

/* Start of day: the part of a domain. time_init() calls it. */
void vcpu_time_init(void);

/*
 * Called with a vCPU whose timer went off; the event room sets it and sends VIRQ_TIMER. It may be
 * called for a vCPU of a dying domain.
 */
extern void (*time_timer_fired)(struct vcpu *v);

/*
 * Write the current vCPU's time words where they are older than a second (at `now`, which may be a
 * moment ago), describe another line than this CPU's, or were never written: with such words its
 * clock is Pavise's to a nanosecond. The scheduler calls it whenever the vCPU gets the CPU and at
 * least once a second while it keeps it.
 */
void vcpu_time_refresh(struct vcpu *v, uint64_t now);

/* The same, always: the words moved (VCPUOP_register_vcpu_info) or the parameters changed. */
void vcpu_time_publish(struct vcpu *v);

/*
 * VCPUOP_register_vcpu_time_memory_area: from now on the words are also written at `area`, in the
 * current vCPU's own space; 0 ends it. -EFAULT where that is no guest range.
 */
must_check int vcpu_time_register_area(struct vcpu *v, gva_t area);

/* The vCPU runs on `cpu` now: its timers follow. */
void vcpu_time_moved(struct vcpu *v, unsigned int cpu);

/* VCPUOP_set_singleshot_timer: -ETIME where `flags` ask for a future time and it is not. */
must_check int vcpu_time_set_single_shot(struct vcpu *v, uint64_t expires_ns, uint32_t flags);
void vcpu_time_stop_single_shot(struct vcpu *v);

/* The shortest period offered, as <xen/vcpu.h> lets a hypervisor refuse shorter ones. */
#define VCPU_TIMER_MIN_PERIOD_NS 1000000ULL

/* VCPUOP_set_periodic_timer: -EINVAL for a period that is too short or absurdly long. */
must_check int vcpu_time_set_periodic(struct vcpu *v, uint64_t period_ns);
void vcpu_time_stop_periodic(struct vcpu *v);
