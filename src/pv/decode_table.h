// SPDX-License-Identifier: Apache-2.0
// The decoder's table: one row an opcode. Only decode.c reads it.
#pragma once

#include "pv/decode.h"

/* How an instruction's operand width follows from its opcode, mode and prefixes. */
enum row_width {
    WIDTH_OPERAND,    /* 2, 4 or 8: code segment, 66, REX.W */
    WIDTH_BYTE,       /* 1 */
    WIDTH_WORD,       /* 2 */
    WIDTH_WORD_MEM,   /* 2 in memory, else as WIDTH_OPERAND */
    WIDTH_OPERAND_32, /* as WIDTH_OPERAND, but never 8 */
    WIDTH_REX,        /* 8 with REX.W, else 4 */
    WIDTH_STACK,      /* as WIDTH_OPERAND, but 8 for 4 in 64-bit code */
    WIDTH_NATIVE,     /* 8 in 64-bit code, else 4 */
    WIDTH_PAIR,       /* 16 with REX.W, else 8 */
};

/* What an encoding must or may have. */
enum row_flags {
    ROW_LOCK = 1 << 0,      /* LOCK is allowed, with a memory destination */
    ROW_NOT_64 = 1 << 1,    /* #UD in 64-bit code */
    ROW_ONLY_64 = 1 << 2,   /* #UD outside of it */
    ROW_MEM = 1 << 3,       /* the r/m operand must be memory */
    ROW_REG = 1 << 4,       /* the r/m operand must be a register */
    ROW_NO_PREFIX = 1 << 5, /* with 66, F2 or F3 it is another instruction, or none */
    ROW_66 = 1 << 6,        /* 66, without F2 and F3, is part of the opcode */
    ROW_F3 = 1 << 7,        /* F3 is part of the opcode */
};

/* Operand encodings: the public forms, then those that only the decoder tells apart. */
enum row_form {
    ROW_IMM8_SIGNED = INSN_FORM_STRING + 1, /* RM_IMM, one sign-extended byte */
    ROW_IMM8_UNSIGNED,                      /* IMM, one byte */
    ROW_IMM16,                              /* IMM, two bytes */
    ROW_CR,                                 /* reg is a control register, r/m always a register */
    ROW_DR,
    ROW_RM_SREG, /* reg is a segment register */
    ROW_SREG_RM,
    ROW_INHERIT, /* in a group: what the group's opcode row says */
};

/* In place of an op: bits 5:3 of ModRM choose the row from a group. Flags of both rows count. */
#define ROW_GROUP(group) (0x80 + (group))

struct insn_row {
    uint8_t op; /* enum insn_op, INSN_NONE for no such row, or ROW_GROUP() */
    uint8_t form;
    uint8_t width;
    uint8_t flags;
};

enum insn_group {
    GROUP_ARITHMETIC,   /* 80 to 83 */
    GROUP_MOV,          /* C6, C7 */
    GROUP_UNARY,        /* F6, F7 */
    GROUP_STEP_BYTE,    /* FE */
    GROUP_STEP,         /* FF */
    GROUP_DESCRIPTOR,   /* 0F 00 */
    GROUP_SYSTEM,       /* 0F 01; its register forms use all of ModRM, see insn_system_row() */
    GROUP_SEGMENT_BASE, /* 0F AE */
    GROUP_BIT,          /* 0F BA */
    GROUP_CMPXCHG_PAIR, /* 0F C7 */
    INSN_GROUPS,
};

extern const struct insn_row insn_one_byte[256];
extern const struct insn_row insn_two_byte[256]; /* after 0F */
extern const struct insn_row insn_groups[INSN_GROUPS][8];
extern const struct insn_row insn_invpcid_row; /* 0F 38 82, all of that map that is ours */

/* The row of a register form of 0F 01, by the whole ModRM byte; NULL where there is none. */
const struct insn_row *insn_system_row(uint8_t modrm);
