// SPDX-License-Identifier: Apache-2.0
// Trapped page-table writes: lock the table, decode, compute, check, store.
#include "pv/pte_write.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "mmu/trapped_write.h"
#include "pv/control.h"
#include "pv/fetch.h"
#include "pv/operand.h"

/* Only flat 64-bit code reaches tables; the operand is the faulting address by construction. */
static const struct insn_window flat = {0, 0, 0};

static bool operand_is_at(const struct vcpu *v, const struct insn *insn, uint64_t address)
{
    uint64_t linear;

    if (!insn->has_mem || insn->mem.segment == INSN_FS || insn->mem.segment == INSN_GS) {
        return false;
    }
    return insn_linear(insn, insn_offset(insn, &v->regs), insn->width, &flat, &linear) == 0 &&
           linear == address;
}

/* The part of an entry that a narrow write leaves: one of 8 bytes leaves nothing. */
static pte_t merge(pte_t old, uint64_t address, unsigned int width, uint64_t value)
{
    unsigned int shift = (unsigned int)(address % sizeof(pte_t)) * 8;
    uint64_t mask = width == 8 ? ~0ULL : ((1ULL << (width * 8)) - 1) << shift;

    return (old & ~mask) | (value << shift & mask);
}

static uint64_t narrow(pte_t old, uint64_t address, unsigned int width)
{
    uint64_t value = old >> (address % sizeof(pte_t)) * 8;

    return width == 8 ? value : value & ((1ULL << (width * 8)) - 1);
}

static bool fits_entry(const struct insn *insn, uint64_t address)
{
    return insn->width <= sizeof(pte_t) && address % sizeof(pte_t) + insn->width <= sizeof(pte_t);
}

/* What MOVS copies into the table: read before the table is locked, as reading may fault. */
static int read_source(const struct vcpu *v, const struct insn *insn, uint64_t *source)
{
    uint64_t linear;

    if (insn->segment == INSN_FS || insn->segment == INSN_GS) {
        return -EINVAL;
    }
    if (insn_linear(insn, insn_string_source(insn, &v->regs), insn->width, &flat, &linear) != 0) {
        return -EFAULT;
    }
    *source = 0;
    return copy_from_guest(source, gva(linear), insn->width);
}

/* A string operation does one turn for each fault, and stays where it is until the last. */
static void advance(struct vcpu *v, const struct insn *insn)
{
    bool finished = true;

    if (insn->form == INSN_FORM_STRING) {
        finished = insn_string_turns(insn, &v->regs) == 1;
        insn_string_step(insn, &v->regs, 1);
    }
    if (finished) {
        v->regs.rip += insn->length;
    }
    pv_after_instruction(v);
}

/* -EAGAIN: the guest runs the instruction again, as if it had not happened yet. */
static long carry_out(struct vcpu *v, const struct insn *insn, uint64_t address, uint64_t source,
                      struct trapped_write *w)
{
    uint64_t memory[2] = {narrow(w->old, address, insn->width), 0};
    struct insn_effect effect;
    long result;

    if (insn->op == INSN_MOVS) {
        memory[0] = source;
    }
    result = insn_compute(insn, &v->regs, memory, &effect);
    if (result != 0) {
        trapped_write_abandon(w);
        return result;
    }
    result = trapped_write_commit(
        v, w, effect.stores ? merge(w->old, address, insn->width, effect.value[0]) : w->old);
    if (result == 0) {
        insn_commit(&effect, &v->regs);
        advance(v, insn);
    }
    return result;
}

/* The instruction may be another one by now than the one that faulted: nothing is believed of it.
 */
static bool writes_entry(const struct vcpu *v, const struct insn *insn, uint64_t address)
{
    if (!fits_entry(insn, address) || !operand_is_at(v, insn, address)) {
        return false;
    }
    return insn->form != INSN_FORM_STRING || insn_string_turns(insn, &v->regs) != 0;
}

bool pv_write_page_table(struct vcpu *v, uint64_t address)
{
    struct trapped_write w;
    struct insn insn;
    uint64_t source = 0;
    long result;

    /* The instruction first: reading it may fault, which must not happen under a table's lock. */
    if (fetch_instruction(v, &insn) != 0 || !writes_entry(v, &insn, address) ||
        (insn.op == INSN_MOVS && read_source(v, &insn, &source) != 0) ||
        !trapped_write_begin(v, address, &w)) {
        return false;
    }
    result = carry_out(v, &insn, address, source, &w);
    return result == 0 || result == -EAGAIN;
}
