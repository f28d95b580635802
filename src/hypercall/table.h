// SPDX-License-Identifier: Apache-2.0
// The one table of hypercalls. Dispatch, trace names and the conformance page come from it.
#pragma once

#include "base/hypercall.h"
#include "lib/compiler.h"

/* CALL(number, name, arguments): the handler is hypercall_<name>. */
#define HYPERCALL_LIST(CALL)                   \
    CALL(0, set_trap_table, 1)                 \
    CALL(1, mmu_update, 4)                     \
    CALL(2, set_gdt, 2)                        \
    CALL(3, stack_switch, 2)                   \
    CALL(4, set_callbacks, 3)                  \
    CALL(5, fpu_taskswitch, 1)                 \
    CALL(6, sched_op_compat, 2)                \
    CALL(7, platform_op, 1)                    \
    CALL(8, set_debugreg, 2)                   \
    CALL(9, get_debugreg, 1)                   \
    CALL(10, update_descriptor, 2)             \
    CALL(12, memory_op, 2)                     \
    CALL(13, multicall, 2)                     \
    CALL(14, update_va_mapping, 3)             \
    CALL(15, set_timer_op, 1)                  \
    CALL(16, event_channel_op_compat, 1)       \
    CALL(17, xen_version, 2)                   \
    CALL(18, console_io, 3)                    \
    CALL(19, physdev_op_compat, 1)             \
    CALL(20, grant_table_op, 3)                \
    CALL(21, vm_assist, 2)                     \
    CALL(22, update_va_mapping_otherdomain, 4) \
    CALL(23, iret, 0)                          \
    CALL(24, vcpu_op, 3)                       \
    CALL(25, set_segment_base, 2)              \
    CALL(26, mmuext_op, 4)                     \
    CALL(27, xsm_op, 1)                        \
    CALL(28, nmi_op, 2)                        \
    CALL(29, sched_op, 2)                      \
    CALL(30, callback_op, 2)                   \
    CALL(31, xenoprof_op, 2)                   \
    CALL(32, event_channel_op, 2)              \
    CALL(33, physdev_op, 2)                    \
    CALL(34, hvm_op, 2)                        \
    CALL(35, sysctl, 1)                        \
    CALL(36, domctl, 1)                        \
    CALL(37, kexec_op, 2)                      \
    CALL(38, tmem_op, 1)                       \
    CALL(48, arch_0, 1)

/*
 * Handlers take up to six arguments in the guest's order. Entry code puts all six into place, so
 * a handler that declares fewer never sees the rest.
 */
typedef long (*hypercall_handler_t)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* By number; a number without a handler has one that answers -ENOSYS. */
extern const hypercall_handler_t hypercall_table[HYPERCALL_NUMBERS];

/* The table that dispatch uses: that one, or the trace's. */
extern const hypercall_handler_t *hypercall_handlers;

struct hypercall_info {
    const char *name; /* NULL: no such call */
    unsigned int arguments;
};
extern const struct hypercall_info hypercall_info[HYPERCALL_NUMBERS];

long hypercall_multicall(gva_t list, uint64_t count);
