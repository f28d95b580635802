// SPDX-License-Identifier: Apache-2.0
// The instruction decoder: bytes to `struct insn`, for all who have to know what a guest was doing.
//
// It knows the instructions that Pavise may have to carry out in a guest's place: those that are
// privileged, and those with which kernels write page tables. Every other one is refused. Encodings
// and limits are those of the processor manuals (Intel SDM volume 2; AMD APM volume 3).
#pragma once

#include "lib/compiler.h"

/* The longest instruction that a processor executes; a longer one is a #GP. */
#define INSN_MAX_BYTES 15

/* The code segment's size, as its descriptor's L and D bits say. */
enum insn_mode { INSN_MODE_16, INSN_MODE_32, INSN_MODE_64 };

enum insn_status {
    INSN_OK,
    INSN_TRUNCATED, /* more bytes are needed to tell */
    INSN_TOO_LONG,  /* more than INSN_MAX_BYTES: #GP */
    INSN_UNKNOWN,   /* not one of ours */
    INSN_INVALID,   /* one of ours, in a form that is a #UD */
};

enum insn_op {
    INSN_NONE,

    /* Ordinary data operations: insn_compute() carries them out. */
    INSN_MOV,
    INSN_MOVNTI,
    INSN_XCHG,
    INSN_XADD,
    INSN_CMPXCHG,
    INSN_CMPXCHG_PAIR, /* CMPXCHG8B and CMPXCHG16B, by `width` */
    INSN_ADD,
    INSN_OR,
    INSN_ADC,
    INSN_SBB,
    INSN_AND,
    INSN_SUB,
    INSN_XOR,
    INSN_INC,
    INSN_DEC,
    INSN_NOT,
    INSN_NEG,
    INSN_BT,
    INSN_BTS,
    INSN_BTR,
    INSN_BTC,

    /* String operations. */
    INSN_MOVS,
    INSN_STOS,
    INSN_INS,
    INSN_OUTS,

    /* Control, debug and system registers. */
    INSN_READ_CR, /* rm = CR[reg] */
    INSN_WRITE_CR,
    INSN_READ_DR,
    INSN_WRITE_DR,
    INSN_CLTS,
    INSN_LMSW,
    INSN_SMSW,
    INSN_SGDT,
    INSN_SIDT,
    INSN_SLDT,
    INSN_STR,
    INSN_LGDT,
    INSN_LIDT,
    INSN_LLDT,
    INSN_LTR,
    INSN_RDMSR,
    INSN_WRMSR,
    INSN_XGETBV,
    INSN_XSETBV,
    INSN_SWAPGS,
    INSN_READ_FSBASE,
    INSN_READ_GSBASE,
    INSN_WRITE_FSBASE,
    INSN_WRITE_GSBASE,

    /* Caches, TLB, waiting. */
    INSN_INVLPG,
    INSN_INVPCID,
    INSN_INVD,
    INSN_WBINVD, /* and WBNOINVD */
    INSN_HLT,
    INSN_MONITOR,
    INSN_MWAIT,

    /* What the processor says of itself. */
    INSN_CPUID,
    INSN_RDTSC,
    INSN_RDTSCP,
    INSN_RDPMC,

    /* Ports and flags. */
    INSN_IN,
    INSN_OUT,
    INSN_CLI,
    INSN_STI,
    INSN_CLAC,
    INSN_STAC,
    INSN_PUSHF,
    INSN_POPF,

    /* Transfers of control. */
    INSN_INT, /* `imm` is the vector */
    INSN_INT1,
    INSN_INT3,
    INSN_INTO,
    INSN_IRET,
    INSN_SYSCALL,
    INSN_SYSRET,
    INSN_SYSENTER,
    INSN_SYSEXIT,
    INSN_CALL_FAR,
    INSN_JMP_FAR,
    INSN_RET_FAR, /* `imm` bytes are dropped from the stack */

    /* Segment registers and descriptors. */
    INSN_READ_SREG, /* rm = segment register `reg` */
    INSN_WRITE_SREG,
    INSN_PUSH_SREG,
    INSN_POP_SREG,
    INSN_LAR,
    INSN_LSL,
    INSN_VERR,
    INSN_VERW,

    INSN_OPS,
};

/* Which operands there are, destination first. What an op implies (such as rAX) is not named. */
enum insn_form {
    INSN_FORM_NONE,
    INSN_FORM_RM,
    INSN_FORM_RM_REG,
    INSN_FORM_REG_RM,
    INSN_FORM_RM_IMM,
    INSN_FORM_RM_ACC, /* `mem` is an absolute offset; the other operand is rAX */
    INSN_FORM_ACC_RM,
    INSN_FORM_REG, /* a segment register that the opcode names */
    INSN_FORM_IMM,
    INSN_FORM_FAR,    /* `selector`:`imm` */
    INSN_FORM_STRING, /* `mem` is ES:[rDI], but for OUTS, where it is segment:[rSI] */
};

/* Segment registers by their number in encodings. */
enum insn_segment { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS, INSN_SEGMENTS };

/* General registers are 0 to 15 by their number in encodings; then AH, CH, DH, BH. */
#define INSN_REG_AH 16
#define INSN_REGS   20
#define INSN_NO_REG 0xff

struct insn_mem {
    uint8_t segment; /* enum insn_segment; in 64-bit code only FS and GS have a base */
    uint8_t base;    /* register number or INSN_NO_REG */
    uint8_t index;
    uint8_t shift; /* the index counts times 1 << shift */
    bool rip_relative;
    int64_t disp;
};

struct insn {
    uint8_t op;           /* enum insn_op */
    uint8_t form;         /* enum insn_form */
    uint8_t mode;         /* enum insn_mode */
    uint8_t length;       /* bytes */
    uint8_t width;        /* bytes of the data operand: 1, 2, 4, 8 or 16 */
    uint8_t offset_width; /* bytes of an effective address, and of rCX and friends in string ops */
    uint8_t segment;      /* what a string operation's source uses: DS unless overridden */
    bool lock;
    bool rep;   /* F3 */
    bool repne; /* F2 */
    bool has_mem;
    uint8_t reg; /* number of the register operand: general, control, debug or segment, by op */
    uint8_t rm;  /* number of the general register in place of memory, unless has_mem */
    uint16_t selector;
    int64_t imm; /* sign-extended to 64 bits; a far offset, port or vector is zero-extended */
    struct insn_mem mem;
};

/*
 * Decode the instruction that starts at bytes[0], of which `available` bytes are known. Pure: no
 * state, no lock. `*insn` is meaningful only after INSN_OK, which promises that the processor,
 * given the same bytes, executes this instruction or faults for a reason other than its encoding.
 */
must_check enum insn_status insn_decode(struct insn *insn, const uint8_t *bytes, size_t available,
                                        enum insn_mode mode);

/* Bytes of the forced-emulation prefix (UD2, "xen"), which asks for emulation of what follows it.
 */
#define INSN_FORCED_PREFIX_BYTES 5

/* Whether the `available` bytes start with a whole forced-emulation prefix. */
bool insn_is_forced_emulation(const uint8_t *bytes, size_t available);
