// SPDX-License-Identifier: Apache-2.0
// What a decoded instruction means for a register file: where its memory operand lies, which value
// it gives it, what becomes of registers and flags. Pure functions, so that a caller can decode,
// compute, check, and only then commit. Rules are those of the processor manuals' instruction
// pages.
#pragma once

#include "abi/xen.h"
#include "pv/decode.h"

/*
 * General register `reg` (0 to 15, or INSN_REG_AH and on for the high bytes), `width` bytes of it.
 * A write of 4 bytes clears the upper half, one of 1 or 2 leaves the rest.
 */
uint64_t insn_read_reg(const struct cpu_user_regs *regs, unsigned reg, unsigned width);
void insn_write_reg(struct cpu_user_regs *regs, unsigned reg, unsigned width, uint64_t value);

/*
 * Effective address of the memory operand, an offset in segment insn->mem.segment. `regs->rip` is
 * the address of the instruction's own first byte. Bit operations with the bit's number in a
 * register reach beyond the encoded address; that is included.
 */
uint64_t insn_offset(const struct insn *insn, const struct cpu_user_regs *regs);

/* A segment: its base, and the first and last offset that its limit and direction allow. */
struct insn_window {
    uint64_t base;        /* 0 for all but FS and GS in 64-bit code */
    uint32_t first, last; /* not looked at in 64-bit code */
};

/*
 * Linear address of `bytes` bytes (at least 1) at `offset`. -EFAULT where the processor raises #GP
 * or #SS instead: not canonical in 64-bit code, outside of the window elsewhere.
 */
must_check int insn_linear(const struct insn *insn, uint64_t offset, unsigned bytes,
                           const struct insn_window *segment, uint64_t *linear);

/* Everything that one execution changes; rIP is the caller's. */
struct insn_effect {
    bool stores;       /* memory becomes value[0]; value[1] is the second half of a 16-byte store */
    uint64_t value[2]; /* zero-extended from the operand's width */
    uint64_t rflags;
    unsigned writes;
    struct {
        uint8_t reg, width;
        uint64_t value;
    } write[2];
};

/*
 * Compute one execution of a data operation (INSN_MOV to INSN_STOS), one turn of it for a string
 * operation. `memory` is what the instruction reads there: insn->width bytes of its memory operand,
 * for MOVS of its source. For REP see insn_string_step(). Returns -EOPNOTSUPP for any other op.
 */
must_check int insn_compute(const struct insn *insn, const struct cpu_user_regs *regs,
                            const uint64_t memory[2], struct insn_effect *effect);

/* Take over the registers and flags of an effect. */
void insn_commit(const struct insn_effect *effect, struct cpu_user_regs *regs);

/* How often a string operation is still to be done: 1 without REP, else rCX. */
uint64_t insn_string_turns(const struct insn *insn, const struct cpu_user_regs *regs);

/* Offset of a string operation's source, segment:[rSI] with segment insn->segment. */
uint64_t insn_string_source(const struct insn *insn, const struct cpu_user_regs *regs);

/* Move rSI, rDI and rCX on after `turns` turns of a string operation, by its width and DF. */
void insn_string_step(const struct insn *insn, struct cpu_user_regs *regs, uint64_t turns);
