// SPDX-License-Identifier: Apache-2.0
// Registers by number, addresses of operands, and the stepping of string operations.
#include "pv/operand.h"

#include "abi/errno.h"
#include "lib/address.h"

enum { RCX = 1, RSI = 6, RDI = 7 };

#define RFLAGS_DF (1U << 10)

static const uint8_t reg_offset[16] = {
    offsetof(struct cpu_user_regs, rax), offsetof(struct cpu_user_regs, rcx),
    offsetof(struct cpu_user_regs, rdx), offsetof(struct cpu_user_regs, rbx),
    offsetof(struct cpu_user_regs, rsp), offsetof(struct cpu_user_regs, rbp),
    offsetof(struct cpu_user_regs, rsi), offsetof(struct cpu_user_regs, rdi),
    offsetof(struct cpu_user_regs, r8),  offsetof(struct cpu_user_regs, r9),
    offsetof(struct cpu_user_regs, r10), offsetof(struct cpu_user_regs, r11),
    offsetof(struct cpu_user_regs, r12), offsetof(struct cpu_user_regs, r13),
    offsetof(struct cpu_user_regs, r14), offsetof(struct cpu_user_regs, r15),
};

static uint64_t truncate_to(uint64_t value, unsigned bytes)
{
    return bytes >= 8 ? value : value & ((1ULL << (8 * bytes)) - 1);
}

static uint64_t *reg_slot(const struct cpu_user_regs *regs, unsigned reg)
{
    return (uint64_t *)((uintptr_t)regs + reg_offset[reg & 15]);
}

uint64_t insn_read_reg(const struct cpu_user_regs *regs, unsigned reg, unsigned width)
{
    if (reg >= INSN_REG_AH) {
        return *reg_slot(regs, reg - INSN_REG_AH) >> 8 & 0xff;
    }
    return truncate_to(*reg_slot(regs, reg), width);
}

void insn_write_reg(struct cpu_user_regs *regs, unsigned reg, unsigned width, uint64_t value)
{
    const unsigned shift = reg >= INSN_REG_AH ? 8 : 0;
    uint64_t *slot = reg_slot(regs, reg >= INSN_REG_AH ? reg - INSN_REG_AH : reg);
    const uint64_t kept = width >= 4 ? 0 : ~(((1ULL << (8 * width)) - 1) << shift);

    *slot = (*slot & kept) | (truncate_to(value, width) << shift);
}

/* Bit strings: the bit's signed number, in units of the operand, moves the address. */
static uint64_t bit_string_offset(const struct insn *insn, const struct cpu_user_regs *regs)
{
    const unsigned spare = 64 - 8 * insn->width;
    const unsigned unit_bits = 8 * insn->width;
    int64_t bit;

    if (insn->op < INSN_BT || insn->op > INSN_BTC || insn->form != INSN_FORM_RM_REG) {
        return 0;
    }
    bit = (int64_t)(insn_read_reg(regs, insn->reg, insn->width) << spare) >> spare;
    return (uint64_t)((bit & -(int64_t)unit_bits) / 8);
}

uint64_t insn_offset(const struct insn *insn, const struct cpu_user_regs *regs)
{
    const struct insn_mem *mem = &insn->mem;
    uint64_t offset = (uint64_t)mem->disp + bit_string_offset(insn, regs);

    if (mem->rip_relative) {
        offset += regs->rip + insn->length;
    }
    if (mem->base != INSN_NO_REG) {
        offset += insn_read_reg(regs, mem->base, 8);
    }
    if (mem->index != INSN_NO_REG) {
        offset += insn_read_reg(regs, mem->index, 8) << mem->shift;
    }
    return truncate_to(offset, insn->offset_width);
}

static int linear_64(const struct insn_window *segment, uint64_t offset, unsigned bytes,
                     uint64_t *linear)
{
    const uint64_t first = segment->base + offset;

    if (!is_canonical(first) || !is_canonical(first + bytes - 1)) {
        return -EFAULT;
    }
    *linear = first;
    return 0;
}

int insn_linear(const struct insn *insn, uint64_t offset, unsigned bytes,
                const struct insn_window *segment, uint64_t *linear)
{
    if (insn->mode == INSN_MODE_64) {
        return linear_64(segment, offset, bytes, linear);
    }
    if (offset < segment->first || offset > segment->last || bytes - 1 > segment->last - offset) {
        return -EFAULT;
    }
    *linear = (uint32_t)(segment->base + offset);
    return 0;
}

void insn_commit(const struct insn_effect *effect, struct cpu_user_regs *regs)
{
    regs->rflags = effect->rflags;
    for (unsigned i = 0; i < effect->writes; i++) {
        insn_write_reg(regs, effect->write[i].reg, effect->write[i].width, effect->write[i].value);
    }
}

static bool repeats(const struct insn *insn)
{
    return insn->rep || insn->repne;
}

uint64_t insn_string_turns(const struct insn *insn, const struct cpu_user_regs *regs)
{
    return repeats(insn) ? insn_read_reg(regs, RCX, insn->offset_width) : 1;
}

uint64_t insn_string_source(const struct insn *insn, const struct cpu_user_regs *regs)
{
    return insn_read_reg(regs, RSI, insn->offset_width);
}

static void add_to_reg(const struct insn *insn, struct cpu_user_regs *regs, unsigned reg,
                       uint64_t difference)
{
    const unsigned width = insn->offset_width;

    insn_write_reg(regs, reg, width,
                   truncate_to(insn_read_reg(regs, reg, width) + difference, width));
}

void insn_string_step(const struct insn *insn, struct cpu_user_regs *regs, uint64_t turns)
{
    const uint64_t bytes = turns * insn->width;
    const uint64_t difference = regs->rflags & RFLAGS_DF ? -bytes : bytes;

    if (insn->op == INSN_MOVS || insn->op == INSN_OUTS) {
        add_to_reg(insn, regs, RSI, difference);
    }
    if (insn->op != INSN_OUTS) {
        add_to_reg(insn, regs, RDI, difference);
    }
    if (repeats(insn)) {
        add_to_reg(insn, regs, RCX, -turns);
    }
}
