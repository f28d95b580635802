// SPDX-License-Identifier: Apache-2.0
// The trace of hypercalls and bounces.
#include "hypercall/trace.h"

#include "base/cpu.h"
#include "base/log.h"
#include "console/console.h"
#include "domain/domain.h"
#include "hypercall/table.h"
#include "pv/bounce.h"

#define ARGUMENTS 6

const hypercall_handler_t *hypercall_handlers = hypercall_table;

static hypercall_handler_t traced_table[HYPERCALL_NUMBERS];

/* "d0v1 mmu_update(0xffff.., 0x1, 0x0, 0x7ff0) = 0" */
static void log_call(const struct vcpu *v, unsigned int number, const uint64_t *a, long result)
{
    const struct hypercall_info *info = &hypercall_info[number];
    const char *name = info->name ? info->name : "unknown";
    unsigned int n = info->name ? info->arguments : ARGUMENTS;

    log_always("d%uv%u %s(%s%#lx%s%#lx%s%#lx%s%#lx) = %ld", v->domain->id, v->id, name,
               n > 0 ? "" : "unused ", a[0], n > 1 ? ", " : "; ", a[1], n > 2 ? ", " : "; ", a[2],
               n > 3 ? ", " : "; ", a[3], result);
}

/* A batch's entries say their own number; other calls have it in RAX. */
static unsigned int number_of(const struct vcpu *v)
{
    return (unsigned int)(v->multicall ? v->multicall->op : v->regs.rax) % HYPERCALL_NUMBERS;
}

static long traced(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    const struct vcpu *v = current_vcpu();
    const uint64_t arguments[ARGUMENTS] = {a0, a1, a2, a3, a4, a5};
    unsigned int number = number_of(v);
    long result;

    /* A guest that may sleep has said what it had to say, be it half a line. */
    if (number == __HYPERVISOR_sched_op) {
        console_show_kept();
    }
    result = hypercall_table[number](a0, a1, a2, a3, a4, a5);
    /* Output is seen without being told of. */
    if (number != __HYPERVISOR_console_io) {
        log_call(v, number, arguments, result);
    }
    return result;
}

void hypercall_trace_start(void)
{
    for (unsigned int i = 0; i < HYPERCALL_NUMBERS; i++) {
        traced_table[i] = traced;
    }
    hypercall_handlers = traced_table;
    pv_trace_bounces = true;
    console_keep_lines();
}
