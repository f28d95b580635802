// SPDX-License-Identifier: Apache-2.0
// The small calls about a vCPU's traps, stacks, segments and registers. Argument rules:
// base/hypercall.h.
#pragma once

#include "lib/address.h"
#include "lib/compiler.h"

long hypercall_set_trap_table(gva_t traps);
long hypercall_set_gdt(gva_t frames, uint64_t entries);
long hypercall_stack_switch(uint64_t ss, uint64_t sp);
long hypercall_set_callbacks(uint64_t event, uint64_t failsafe, uint64_t syscall);
long hypercall_fpu_taskswitch(uint64_t set);
long hypercall_set_debugreg(uint64_t number, uint64_t value);
long hypercall_get_debugreg(uint64_t number);
long hypercall_update_descriptor(uint64_t address, uint64_t descriptor);
long hypercall_callback_op(uint64_t cmd, gva_t argument);
long hypercall_set_segment_base(uint64_t which, uint64_t base);
long hypercall_iret(void);
