// SPDX-License-Identifier: Apache-2.0
// INS and OUTS.
#include "pv/string_io.h"

#include "arch/guest.h"
#include "base/cpu.h"
#include "pv/bounce.h"
#include "pv/control.h"
#include "pv/fetch.h"
#include "pv/flags.h"
#include "pv/operand.h"
#include "pv/ports.h"

static bool memory_side(const struct vcpu *v, const struct insn *insn, uint64_t *linear)
{
    bool reads = insn->op == INSN_OUTS;
    uint64_t offset = reads ? insn_string_source(insn, &v->regs) : insn_offset(insn, &v->regs);

    return operand_linear(v, insn, offset, insn->width, reads ? SEGMENT_READ : SEGMENT_WRITE,
                          linear);
}

/* One turn. False: memory faulted, and the guest has been told. */
static bool turn(struct vcpu *v, const struct insn *insn, uint16_t port, uint64_t linear)
{
    uint32_t value = 0;
    bool reads_memory = insn->op == INSN_OUTS;
    int error;

    if (reads_memory) {
        error = copy_from_guest(&value, gva(linear), insn->width);
        if (error == 0) {
            port_write(v->domain, port, insn->width, value);
        }
    } else {
        value = port_read(v->domain, port, insn->width);
        error = copy_to_guest(gva(linear), &value, insn->width);
    }
    if (error != 0) {
        pv_bounce_page_fault(v, linear, reads_memory ? 0 : PAGE_FAULT_WRITE);
    }
    return error == 0;
}

bool string_io(struct vcpu *v, const struct insn *insn)
{
    uint16_t port = (uint16_t)v->regs.rdx;
    uint64_t turns = insn_string_turns(insn, &v->regs);

    if (!ports_allowed(v, port, insn->width)) {
        return false;
    }
    for (; turns > 0; turns--) {
        uint64_t linear;
        if (!memory_side(v, insn, &linear)) {
            return false;
        }
        if (!turn(v, insn, port, linear)) {
            return true;
        }
        insn_string_step(insn, &v->regs, 1);
        if (turns > 1 && should_stop()) {
            return true;
        }
    }
    v->regs.rip += insn->length;
    pv_after_instruction(v);
    return true;
}
