// SPDX-License-Identifier: Apache-2.0
// The table of hypercalls, built from the one list.
#include "hypercall/table.h"

#include "console/hypercalls.h"
#include "control/hypercalls.h"
#include "event/event.h"
#include "grant/grant.h"
#include "mmu/hypercalls.h"
#include "pv/hypercalls.h"
#include "sched/sched.h"
#include "time/vcpu_timer.h"

static long unknown(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    return -ENOSYS;
}

#define ENTRY(number, name, arguments) [number] = (hypercall_handler_t)(void *)hypercall_##name,
#define INFO(number, name, arguments)  [number] = {#name, arguments},

/* Numbers that have a handler replace the one that all start with. */
#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
const hypercall_handler_t hypercall_table[HYPERCALL_NUMBERS] = {
    [0 ... HYPERCALL_NUMBERS - 1] = unknown, HYPERCALL_LIST(ENTRY)};
#pragma GCC diagnostic pop

const struct hypercall_info hypercall_info[HYPERCALL_NUMBERS] = {HYPERCALL_LIST(INFO)};

void hypercall_set_argument(unsigned int index, uint64_t value)
{
    struct vcpu *v = current_vcpu();

    if (v->multicall) {
        v->multicall->args[index] = value;
        return;
    }
    switch (index) {
    case 0:
        v->regs.rdi = value;
        break;
    case 1:
        v->regs.rsi = value;
        break;
    case 2:
        v->regs.rdx = value;
        break;
    case 3:
        v->regs.r10 = value;
        break;
    case 4:
        v->regs.r8 = value;
        break;
    default:
        v->regs.r9 = value;
        break;
    }
}
