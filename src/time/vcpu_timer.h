// SPDX-License-Identifier: Apache-2.0
// A vCPU's two timers: their beginning, and the call that every guest makes most.
#pragma once

#include "domain/vcpu.h"

/* Both stopped. `v->time` was just allocated. */
void vcpu_timers_init(struct vcpu *v);

/*
 * set_timer_op: one VIRQ_TIMER for the caller at system time `timeout`, at once where that is past;
 * 0 stops the timer. The value is signed, as system time is in guests: a negative one is past.
 */
long hypercall_set_timer_op(uint64_t timeout);
