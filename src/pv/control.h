// SPDX-License-Identifier: Apache-2.0
// Control registers as a guest's kernel sees them.
#pragma once

#include "domain/vcpu.h"

#define CONTROL0_TS  (1UL << 3)
#define CONTROL4_TSD (1UL << 2)
#define CONTROL4_DE  (1UL << 3)

/*
 * MOV between CR `number` and general register `reg`, of the current vCPU: 0 or an error (#GP). A
 * write may be preempted: HYPERCALL_RESTART, and the instruction has to be executed again.
 */
must_check int control_read(struct vcpu *v, unsigned int number, unsigned int reg);
must_check long control_write(struct vcpu *v, unsigned int number, uint64_t value);

/* CR0.TS: the next FPU instruction traps. */
void control_set_task_switched(struct vcpu *v, bool on);
/* LMSW: only TS may change. */
must_check bool control_load_status(struct vcpu *v, uint16_t status);

/* CR0 as the vCPU reads it. */
uint64_t control0_of(const struct vcpu *v);

/* CR4 of a vCPU at its start; and when its kernel asks for `value`. */
uint64_t control4_initial(void);
uint64_t control4_merge(const struct vcpu *v, uint64_t value);

/* Whether XCR0 may be this: what the machine has, x87 always, AVX only with SSE, and so on. */
must_check bool extended_states_valid(uint64_t xcr0);

/* After an instruction was carried out for the guest: a pending single step becomes due. */
void pv_after_instruction(struct vcpu *v);
