// SPDX-License-Identifier: Apache-2.0
// Where long work on page tables looks whether it should stop.
#pragma once

#include "arch/cpu.h"
#include "base/cpu.h"

/*
 * Interrupts are off, so one that waits is taken first: what it asks for may be to stop. No spin
 * lock may be held; a locked page table may be, as no interrupt's work touches one.
 */
static inline bool should_stop(void)
{
    arch_poll_interrupts();
    return preempt_wanted();
}
