// SPDX-License-Identifier: Apache-2.0
// IRET and far RET within ring 3 (processor manual volume 2, IRET and RET).
#include "pv/far_return.h"

#include "arch/guest.h"
#include "pv/bounce.h"
#include "pv/fetch.h"
#include "pv/flags.h"
#include "pv/operand.h"

#define VECTOR_GENERAL_PROTECTION 13

#define IRET_WORDS 5
#define RET_WORDS  2

/* Flags that IRET changes in ring 3: not IF, IOPL, VM and the virtual interrupt flags. */
#define IRET_FLAGS 0x254dd5UL /* CF PF AF ZF SF TF DF OF NT RF AC ID */

/* Pop `words` of the operand's width; on a fault the guest gets it. */
static bool pop(struct vcpu *v, const struct insn *insn, uint64_t *frame, unsigned int words)
{
    for (unsigned int i = 0; i < words; i++) {
        uint64_t at = v->regs.rsp + (uint64_t)i * insn->width;
        frame[i] = 0;
        if (copy_from_guest(&frame[i], gva(at), insn->width) != 0) {
            pv_bounce_page_fault(v, at, 0);
            return false;
        }
    }
    return true;
}

/*
 * The processor has refused to leave ring 3 itself, but other CPUs may have changed the frame (and
 * the instruction) since, and what Pavise returns to is not bound by the guest's ring.
 */
static bool stays_in_ring_3(struct vcpu *v, uint64_t selector)
{
    if ((selector & 3) == 3) {
        return true;
    }
    pv_bounce_trap(v, VECTOR_GENERAL_PROTECTION, (uint16_t)selector & ~3U);
    return false;
}

/* All else about selectors the return to the guest checks, whose fault becomes the guest's. */
static void go(struct vcpu *v, uint64_t rip, uint64_t cs)
{
    v->regs.rip = rip;
    v->regs.cs = (uint16_t)cs;
    v->regs.entry_vector = ENTRY_NONE;
}

static void interrupt_return(struct vcpu *v, const struct insn *insn)
{
    uint64_t frame[IRET_WORDS];

    /* In 64-bit code, RSP and SS are popped whether or not the ring changes. */
    if (pop(v, insn, frame, IRET_WORDS) && stays_in_ring_3(v, frame[1]) &&
        stays_in_ring_3(v, frame[4])) {
        go(v, frame[0], frame[1]);
        v->regs.rflags = (v->regs.rflags & ~IRET_FLAGS) | (frame[2] & IRET_FLAGS);
        v->regs.rsp = frame[3];
        v->regs.ss = (uint16_t)frame[4];
    }
}

static void far_return(struct vcpu *v, const struct insn *insn)
{
    uint64_t frame[RET_WORDS];

    if (pop(v, insn, frame, RET_WORDS) && stays_in_ring_3(v, frame[1])) {
        go(v, frame[0], frame[1]);
        v->regs.rsp += (uint64_t)RET_WORDS * insn->width + (uint16_t)insn->imm;
    }
}

bool pv_far_return(struct vcpu *v)
{
    struct insn insn;

    if (fetch_instruction(v, &insn) != 0 || insn.mode != INSN_MODE_64) {
        return false;
    }
    switch (insn.op) {
    case INSN_IRET:
        interrupt_return(v, &insn);
        return true;
    case INSN_RET_FAR:
        far_return(v, &insn);
        return true;
    default:
        return false;
    }
}
