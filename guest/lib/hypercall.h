// SPDX-License-Identifier: Apache-2.0
// The calls, each through its slot of the hypercall page. Results are the hypervisor's own:
// negative errno values on failure. The argument registers are declared as changed although the
// specification says a call keeps them; a test of its own looks at that.
#pragma once

#include "xen.h"

extern char hypercall_page[];

#define HYPERCALL_BODY(result, ...)                     \
    __asm__ volatile("call hypercall_page + %c[offset]" \
                     : "=a"(result), __VA_ARGS__        \
                     : [offset] "i"(number * 32)        \
                     : "rcx", "r11", "memory")

static inline __attribute__((always_inline)) long hypercall0(const unsigned number)
{
    long result;
    __asm__ volatile("call hypercall_page + %c[offset]"
                     : "=a"(result)
                     : [offset] "i"(number * 32)
                     : "rcx", "r11", "memory");
    return result;
}

static inline __attribute__((always_inline)) long hypercall1(const unsigned number, uint64_t a1)
{
    long result;
    HYPERCALL_BODY(result, "+D"(a1));
    return result;
}

static inline __attribute__((always_inline)) long hypercall2(const unsigned number, uint64_t a1,
                                                             uint64_t a2)
{
    long result;
    HYPERCALL_BODY(result, "+D"(a1), "+S"(a2));
    return result;
}

static inline __attribute__((always_inline)) long hypercall3(const unsigned number, uint64_t a1,
                                                             uint64_t a2, uint64_t a3)
{
    long result;
    HYPERCALL_BODY(result, "+D"(a1), "+S"(a2), "+d"(a3));
    return result;
}

static inline __attribute__((always_inline)) long hypercall4(const unsigned number, uint64_t a1,
                                                             uint64_t a2, uint64_t a3, uint64_t a4)
{
    long result;
    register uint64_t r10 __asm__("r10") = a4;
    HYPERCALL_BODY(result, "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10));
    return result;
}

// Any number, those without a slot in the page too: the system call the slots make.
static inline long hypercall_raw(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3)
                     : "0"(number)
                     : "rcx", "r11", "memory");
    return result;
}

#define POINTER(p) ((uint64_t)(uintptr_t)(p))

static inline long set_trap_table(const struct trap_info *traps)
{
    return hypercall1(__HYPERVISOR_set_trap_table, POINTER(traps));
}

static inline long mmu_update(const struct mmu_update *requests, unsigned count, unsigned *done,
                              unsigned foreigndom)
{
    return hypercall4(__HYPERVISOR_mmu_update, POINTER(requests), count, POINTER(done), foreigndom);
}

static inline long set_gdt(const uint64_t *frames, unsigned entries)
{
    return hypercall2(__HYPERVISOR_set_gdt, POINTER(frames), entries);
}

static inline long stack_switch(uint64_t ss, uint64_t rsp)
{
    return hypercall2(__HYPERVISOR_stack_switch, ss, rsp);
}

static inline long set_callbacks(uint64_t event, uint64_t failsafe, uint64_t syscall)
{
    return hypercall3(__HYPERVISOR_set_callbacks, event, failsafe, syscall);
}

static inline long fpu_taskswitch(int set)
{
    return hypercall1(__HYPERVISOR_fpu_taskswitch, (uint64_t)set);
}

static inline long set_debugreg(int reg, uint64_t value)
{
    return hypercall2(__HYPERVISOR_set_debugreg, (uint64_t)reg, value);
}

static inline uint64_t get_debugreg(int reg)
{
    return (uint64_t)hypercall1(__HYPERVISOR_get_debugreg, (uint64_t)reg);
}

static inline long update_descriptor(uint64_t maddr, uint64_t descriptor)
{
    return hypercall2(__HYPERVISOR_update_descriptor, maddr, descriptor);
}

static inline long memory_op(unsigned command, void *argument)
{
    return hypercall2(__HYPERVISOR_memory_op, command, POINTER(argument));
}

static inline long multicall(struct multicall_entry *calls, unsigned count)
{
    return hypercall2(__HYPERVISOR_multicall, POINTER(calls), count);
}

static inline long update_va_mapping(const void *va, uint64_t pte, uint64_t flags)
{
    return hypercall3(__HYPERVISOR_update_va_mapping, POINTER(va), pte, flags);
}

static inline long update_va_mapping_otherdomain(const void *va, uint64_t pte, uint64_t flags,
                                                 domid_t domid)
{
    return hypercall4(__HYPERVISOR_update_va_mapping_otherdomain, POINTER(va), pte, flags, domid);
}

static inline long set_timer_op(uint64_t timeout_ns)
{
    return hypercall1(__HYPERVISOR_set_timer_op, timeout_ns);
}

static inline long xen_version(unsigned command, void *argument)
{
    return hypercall2(__HYPERVISOR_xen_version, command, POINTER(argument));
}

static inline long console_io(unsigned command, unsigned count, const char *buffer)
{
    return hypercall3(__HYPERVISOR_console_io, command, count, POINTER(buffer));
}

static inline long grant_table_op(unsigned command, void *operations, unsigned count)
{
    return hypercall3(__HYPERVISOR_grant_table_op, command, POINTER(operations), count);
}

static inline long vm_assist(unsigned command, unsigned type)
{
    return hypercall2(__HYPERVISOR_vm_assist, command, type);
}

static inline long vcpu_op(unsigned command, unsigned vcpu, void *argument)
{
    return hypercall3(__HYPERVISOR_vcpu_op, command, vcpu, POINTER(argument));
}

static inline long set_segment_base(unsigned which, uint64_t base)
{
    return hypercall2(__HYPERVISOR_set_segment_base, which, base);
}

static inline long mmuext_op(const struct mmuext_op *operations, unsigned count, unsigned *done,
                             unsigned foreigndom)
{
    return hypercall4(__HYPERVISOR_mmuext_op, POINTER(operations), count, POINTER(done),
                      foreigndom);
}

static inline long nmi_op(unsigned command, void *argument)
{
    return hypercall2(__HYPERVISOR_nmi_op, command, POINTER(argument));
}

static inline long sched_op(unsigned command, void *argument)
{
    return hypercall2(__HYPERVISOR_sched_op, command, POINTER(argument));
}

static inline long sched_op_compat(unsigned command, uint64_t argument)
{
    return hypercall2(__HYPERVISOR_sched_op_compat, command, argument);
}

static inline long callback_op(unsigned command, void *argument)
{
    return hypercall2(__HYPERVISOR_callback_op, command, POINTER(argument));
}

static inline long event_channel_op(unsigned command, void *argument)
{
    return hypercall2(__HYPERVISOR_event_channel_op, command, POINTER(argument));
}

static inline long event_channel_op_compat(struct evtchn_op *operation)
{
    return hypercall1(__HYPERVISOR_event_channel_op_compat, POINTER(operation));
}

static inline long physdev_op(unsigned command, void *argument)
{
    return hypercall2(__HYPERVISOR_physdev_op, command, POINTER(argument));
}
