// SPDX-License-Identifier: Apache-2.0
// Trapped page-table writes: lock the table, decode, compute, check, store.
#include "pv/pte_write.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "mmu/trapped_write.h"
#include "pv/control.h"
#include "pv/fetch.h"
#include "pv/operand.h"
#include "pv/pte_quick.h"
#include "pv/selectors.h"

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

/* ---- the short way --------------------------------------------------------------------------- */

static uint64_t *general_register(struct cpu_user_regs *regs, unsigned int number)
{
    static const uint8_t offset[16] = {
        offsetof(struct cpu_user_regs, rax), offsetof(struct cpu_user_regs, rcx),
        offsetof(struct cpu_user_regs, rdx), offsetof(struct cpu_user_regs, rbx),
        offsetof(struct cpu_user_regs, rsp), offsetof(struct cpu_user_regs, rbp),
        offsetof(struct cpu_user_regs, rsi), offsetof(struct cpu_user_regs, rdi),
        offsetof(struct cpu_user_regs, r8),  offsetof(struct cpu_user_regs, r9),
        offsetof(struct cpu_user_regs, r10), offsetof(struct cpu_user_regs, r11),
        offsetof(struct cpu_user_regs, r12), offsetof(struct cpu_user_regs, r13),
        offsetof(struct cpu_user_regs, r14), offsetof(struct cpu_user_regs, r15),
    };

    return (uint64_t *)((char *)regs + offset[number]);
}

#define FLAGS_OF_COMPARISON 0x8d5UL /* CF PF AF ZF SF OF */

/* What comparing `a` with `b` leaves in the flags (processor manual volume 1, 3.4.3.1). */
static uint64_t comparison_flags(uint64_t a, uint64_t b)
{
    uint64_t difference = a - b;

    return (uint64_t)(a < b) | (uint64_t)!__builtin_parity((unsigned int)difference & 0xff) << 2 |
           ((a ^ b ^ difference) & 0x10) | (uint64_t)(difference == 0) << 6 |
           (difference >> 63) << 7 | (((a ^ b) & (a ^ difference)) >> 63) << 11;
}

/* Registers and flags after the write was done (or, where CMPXCHG failed, was not). */
static void finish_quick(struct vcpu *v, const struct pte_quick *quick, pte_t old)
{
    struct cpu_user_regs *regs = &v->regs;

    if (quick->op == PTE_QUICK_XCHG) {
        *general_register(regs, quick->reg) = old;
    } else if (quick->op == PTE_QUICK_CMPXCHG) {
        regs->rflags = (regs->rflags & ~FLAGS_OF_COMPARISON) | comparison_flags(regs->rax, old);
        regs->rax = old;
    }
    regs->rip += quick->length;
    pv_after_instruction(v);
}

/*
 * The instruction is not compared with the address: the fault says where it wrote. One that was
 * exchanged since by another CPU is carried out as if it had been there a moment ago. Returns
 * -EOPNOTSUPP where the long way has to look.
 */
static long write_quickly(struct vcpu *v, uint64_t address)
{
    struct trapped_write w;
    struct pte_quick quick;
    uint64_t code, value;
    long result;

    if (address % sizeof(pte_t) != 0 || v->regs.cs != GUEST_CS64 ||
        copy_word_from_guest(&code, gva(v->regs.rip)) != 0 || !pte_quick_recognise(code, &quick) ||
        !trapped_write_begin(v, address, &w)) {
        return -EOPNOTSUPP;
    }
    value = *general_register(&v->regs, quick.reg);
    if (quick.op == PTE_QUICK_CMPXCHG && v->regs.rax != w.old) {
        value = w.old;
    }
    result = trapped_write_commit(v, &w, value);
    if (result == 0) {
        finish_quick(v, &quick, w.old);
    }
    return result;
}

static long write_slowly(struct vcpu *v, uint64_t address)
{
    struct trapped_write w;
    struct insn insn;
    uint64_t source = 0;

    /* The instruction first: reading it may fault, which must not happen under a table's lock. */
    if (fetch_instruction(v, &insn) != 0 || !writes_entry(v, &insn, address) ||
        (insn.op == INSN_MOVS && read_source(v, &insn, &source) != 0) ||
        !trapped_write_begin(v, address, &w)) {
        return -EOPNOTSUPP;
    }
    return carry_out(v, &insn, address, source, &w);
}

bool pv_write_page_table(struct vcpu *v, uint64_t address)
{
    long result = write_quickly(v, address);

    if (result == -EOPNOTSUPP) {
        result = write_slowly(v, address);
    }
    return result == 0 || result == -EAGAIN;
}
