// SPDX-License-Identifier: Apache-2.0
// The seam to one processor: who am I, wait a little, wake another, look for interrupts.
//
// Pavise runs with interrupts off, always: they are taken in guests, in the idle loop, and where
// arch_poll_interrupts() is called. So nothing here or above ever saves or restores a flag.
#pragma once

#include "impl/cpu.h"

struct cpu;

/* The calling CPU's own area. Valid from the start of C code on every CPU. */
static inline struct cpu *this_cpu(void);

/*
 * One turn of a wait loop. Serves other CPUs' TLB-flush requests and calls (base/cpu_call.h), so a
 * waiter never stalls them.
 */
static inline void cpu_relax(void);

/* Make `id` leave its guest or idle loop and look at its pending work. Any CPU, any lock held. */
void arch_kick_cpu(unsigned int id);

/* Make `id` look at once whether a call is addressed to it: by interrupt. Any lock held. */
void arch_send_call(unsigned int id);

/* Take the interrupts that wait, if any. Call only with no lock held. */
void arch_poll_interrupts(void);

/* Sleep until the next interrupt, unless work is pending already. Only the idle loop calls it. */
void arch_idle(void);
