// SPDX-License-Identifier: Apache-2.0
// Trapped page-table writes: lock the table, decode, compute, check, store.
#include "pv/pte_write.h"

#include "abi/errno.h"
#include "mmu/trapped_write.h"
#include "pv/fetch.h"
#include "pv/operand.h"

/* Only flat 64-bit code reaches tables; the operand is the faulting address by construction. */
static bool operand_is_at(const struct vcpu *v, const struct insn *insn, uint64_t address)
{
    static const struct insn_window flat = {0, 0, 0};
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

/* -EAGAIN: the guest runs the instruction again, as if it had not happened yet. */
static long carry_out(struct vcpu *v, const struct insn *insn, uint64_t address,
                      struct trapped_write *w)
{
    uint64_t memory[2] = {narrow(w->old, address, insn->width), 0};
    struct insn_effect effect;
    long result = insn_compute(insn, &v->regs, memory, &effect);

    if (result != 0) {
        trapped_write_abandon(w);
        return result;
    }
    result = trapped_write_commit(
        v, w, effect.stores ? merge(w->old, address, insn->width, effect.value[0]) : w->old);
    if (result == 0) {
        insn_commit(&effect, &v->regs);
        v->regs.rip += insn->length;
    }
    return result;
}

bool pv_write_page_table(struct vcpu *v, uint64_t address)
{
    struct trapped_write w;
    struct insn insn;
    long result;

    /* The instruction first: reading it may fault, which must not happen under a table's lock. */
    if (fetch_instruction(v, &insn) != 0 || insn.rep || !fits_entry(&insn, address) ||
        !operand_is_at(v, &insn, address) || !trapped_write_begin(v, address, &w)) {
        return false;
    }
    result = carry_out(v, &insn, address, &w);
    return result == 0 || result == -EAGAIN;
}
