// SPDX-License-Identifier: Apache-2.0
// The decoder against Zydis: the same length, operation and operands, or a refusal; and a refusal
// of what is ours only where Zydis refuses too. First byte of the input: mode; then the
// instruction.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <Zydis/Zydis.h>

#include "lib/compiler.h"
#include "pv/decode.h"
#include "operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sample {
    const uint8_t *bytes;
    size_t size;
    enum insn_mode mode;
    enum insn_status status;
    struct insn ours;
    bool valid; /* whether Zydis accepts it */
    ZyanStatus zydis_status;
    ZydisDecodedInstruction theirs;
    ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
};

static void fail(const struct sample *s, const char *what)
{
    fprintf(stderr, "%s: mode %d, status %d, op %d form %d width %d length %d; Zydis %#x %s %d\n",
            what, s->mode, s->status, s->ours.op, s->ours.form, s->ours.width, s->ours.length,
            s->zydis_status, s->valid ? ZydisMnemonicGetString(s->theirs.mnemonic) : "-",
            s->valid ? s->theirs.length : 0);
    for (size_t i = 0; i < s->size && i < INSN_MAX_BYTES + 1; i++) {
        fprintf(stderr, "%02x ", s->bytes[i]);
    }
    fprintf(stderr, "\n");
    abort();
}

static void expect(const struct sample *s, bool truth, const char *what)
{
    if (!truth) {
        fail(s, what);
    }
}

static const struct {
    enum insn_op op;
    ZydisMnemonic mnemonic;
} names[] = {
    {INSN_MOV, ZYDIS_MNEMONIC_MOV},
    {INSN_MOVNTI, ZYDIS_MNEMONIC_MOVNTI},
    {INSN_XCHG, ZYDIS_MNEMONIC_XCHG},
    {INSN_XADD, ZYDIS_MNEMONIC_XADD},
    {INSN_CMPXCHG, ZYDIS_MNEMONIC_CMPXCHG},
    {INSN_CMPXCHG_PAIR, ZYDIS_MNEMONIC_CMPXCHG8B},
    {INSN_CMPXCHG_PAIR, ZYDIS_MNEMONIC_CMPXCHG16B},
    {INSN_ADD, ZYDIS_MNEMONIC_ADD},
    {INSN_OR, ZYDIS_MNEMONIC_OR},
    {INSN_ADC, ZYDIS_MNEMONIC_ADC},
    {INSN_SBB, ZYDIS_MNEMONIC_SBB},
    {INSN_AND, ZYDIS_MNEMONIC_AND},
    {INSN_SUB, ZYDIS_MNEMONIC_SUB},
    {INSN_XOR, ZYDIS_MNEMONIC_XOR},
    {INSN_INC, ZYDIS_MNEMONIC_INC},
    {INSN_DEC, ZYDIS_MNEMONIC_DEC},
    {INSN_NOT, ZYDIS_MNEMONIC_NOT},
    {INSN_NEG, ZYDIS_MNEMONIC_NEG},
    {INSN_BT, ZYDIS_MNEMONIC_BT},
    {INSN_BTS, ZYDIS_MNEMONIC_BTS},
    {INSN_BTR, ZYDIS_MNEMONIC_BTR},
    {INSN_BTC, ZYDIS_MNEMONIC_BTC},
    {INSN_MOVS, ZYDIS_MNEMONIC_MOVSB},
    {INSN_MOVS, ZYDIS_MNEMONIC_MOVSW},
    {INSN_MOVS, ZYDIS_MNEMONIC_MOVSD},
    {INSN_MOVS, ZYDIS_MNEMONIC_MOVSQ},
    {INSN_STOS, ZYDIS_MNEMONIC_STOSB},
    {INSN_STOS, ZYDIS_MNEMONIC_STOSW},
    {INSN_STOS, ZYDIS_MNEMONIC_STOSD},
    {INSN_STOS, ZYDIS_MNEMONIC_STOSQ},
    {INSN_INS, ZYDIS_MNEMONIC_INSB},
    {INSN_INS, ZYDIS_MNEMONIC_INSW},
    {INSN_INS, ZYDIS_MNEMONIC_INSD},
    {INSN_OUTS, ZYDIS_MNEMONIC_OUTSB},
    {INSN_OUTS, ZYDIS_MNEMONIC_OUTSW},
    {INSN_OUTS, ZYDIS_MNEMONIC_OUTSD},
    {INSN_READ_CR, ZYDIS_MNEMONIC_MOV},
    {INSN_WRITE_CR, ZYDIS_MNEMONIC_MOV},
    {INSN_READ_DR, ZYDIS_MNEMONIC_MOV},
    {INSN_WRITE_DR, ZYDIS_MNEMONIC_MOV},
    {INSN_CLTS, ZYDIS_MNEMONIC_CLTS},
    {INSN_LMSW, ZYDIS_MNEMONIC_LMSW},
    {INSN_SMSW, ZYDIS_MNEMONIC_SMSW},
    {INSN_SGDT, ZYDIS_MNEMONIC_SGDT},
    {INSN_SIDT, ZYDIS_MNEMONIC_SIDT},
    {INSN_SLDT, ZYDIS_MNEMONIC_SLDT},
    {INSN_STR, ZYDIS_MNEMONIC_STR},
    {INSN_LGDT, ZYDIS_MNEMONIC_LGDT},
    {INSN_LIDT, ZYDIS_MNEMONIC_LIDT},
    {INSN_LLDT, ZYDIS_MNEMONIC_LLDT},
    {INSN_LTR, ZYDIS_MNEMONIC_LTR},
    {INSN_RDMSR, ZYDIS_MNEMONIC_RDMSR},
    {INSN_WRMSR, ZYDIS_MNEMONIC_WRMSR},
    {INSN_XGETBV, ZYDIS_MNEMONIC_XGETBV},
    {INSN_XSETBV, ZYDIS_MNEMONIC_XSETBV},
    {INSN_SWAPGS, ZYDIS_MNEMONIC_SWAPGS},
    {INSN_READ_FSBASE, ZYDIS_MNEMONIC_RDFSBASE},
    {INSN_READ_GSBASE, ZYDIS_MNEMONIC_RDGSBASE},
    {INSN_WRITE_FSBASE, ZYDIS_MNEMONIC_WRFSBASE},
    {INSN_WRITE_GSBASE, ZYDIS_MNEMONIC_WRGSBASE},
    {INSN_INVLPG, ZYDIS_MNEMONIC_INVLPG},
    {INSN_INVPCID, ZYDIS_MNEMONIC_INVPCID},
    {INSN_INVD, ZYDIS_MNEMONIC_INVD},
    {INSN_WBINVD, ZYDIS_MNEMONIC_WBINVD},
    {INSN_HLT, ZYDIS_MNEMONIC_HLT},
    {INSN_MONITOR, ZYDIS_MNEMONIC_MONITOR},
    {INSN_MWAIT, ZYDIS_MNEMONIC_MWAIT},
    {INSN_CPUID, ZYDIS_MNEMONIC_CPUID},
    {INSN_RDTSC, ZYDIS_MNEMONIC_RDTSC},
    {INSN_RDTSCP, ZYDIS_MNEMONIC_RDTSCP},
    {INSN_RDPMC, ZYDIS_MNEMONIC_RDPMC},
    {INSN_IN, ZYDIS_MNEMONIC_IN},
    {INSN_OUT, ZYDIS_MNEMONIC_OUT},
    {INSN_CLI, ZYDIS_MNEMONIC_CLI},
    {INSN_STI, ZYDIS_MNEMONIC_STI},
    {INSN_CLAC, ZYDIS_MNEMONIC_CLAC},
    {INSN_STAC, ZYDIS_MNEMONIC_STAC},
    {INSN_PUSHF, ZYDIS_MNEMONIC_PUSHF},
    {INSN_PUSHF, ZYDIS_MNEMONIC_PUSHFD},
    {INSN_PUSHF, ZYDIS_MNEMONIC_PUSHFQ},
    {INSN_POPF, ZYDIS_MNEMONIC_POPF},
    {INSN_POPF, ZYDIS_MNEMONIC_POPFD},
    {INSN_POPF, ZYDIS_MNEMONIC_POPFQ},
    {INSN_INT, ZYDIS_MNEMONIC_INT},
    {INSN_INT1, ZYDIS_MNEMONIC_INT1},
    {INSN_INT3, ZYDIS_MNEMONIC_INT3},
    {INSN_INTO, ZYDIS_MNEMONIC_INTO},
    {INSN_IRET, ZYDIS_MNEMONIC_IRET},
    {INSN_IRET, ZYDIS_MNEMONIC_IRETD},
    {INSN_IRET, ZYDIS_MNEMONIC_IRETQ},
    {INSN_SYSCALL, ZYDIS_MNEMONIC_SYSCALL},
    {INSN_SYSRET, ZYDIS_MNEMONIC_SYSRET},
    {INSN_SYSENTER, ZYDIS_MNEMONIC_SYSENTER},
    {INSN_SYSEXIT, ZYDIS_MNEMONIC_SYSEXIT},
    {INSN_CALL_FAR, ZYDIS_MNEMONIC_CALL},
    {INSN_JMP_FAR, ZYDIS_MNEMONIC_JMP},
    {INSN_RET_FAR, ZYDIS_MNEMONIC_RET},
    {INSN_READ_SREG, ZYDIS_MNEMONIC_MOV},
    {INSN_WRITE_SREG, ZYDIS_MNEMONIC_MOV},
    {INSN_PUSH_SREG, ZYDIS_MNEMONIC_PUSH},
    {INSN_POP_SREG, ZYDIS_MNEMONIC_POP},
    {INSN_LAR, ZYDIS_MNEMONIC_LAR},
    {INSN_LSL, ZYDIS_MNEMONIC_LSL},
    {INSN_VERR, ZYDIS_MNEMONIC_VERR},
    {INSN_VERW, ZYDIS_MNEMONIC_VERW},
};

static bool is_named(enum insn_op op, ZydisMnemonic mnemonic)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].op == op && names[i].mnemonic == mnemonic) {
            return true;
        }
    }
    return false;
}

static unsigned register_number(ZydisRegister r)
{
    if (r >= ZYDIS_REGISTER_AL && r <= ZYDIS_REGISTER_BL) {
        return r - ZYDIS_REGISTER_AL;
    }
    if (r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH) {
        return r - ZYDIS_REGISTER_AH + INSN_REG_AH;
    }
    if (r >= ZYDIS_REGISTER_SPL && r <= ZYDIS_REGISTER_R15B) {
        return r - ZYDIS_REGISTER_SPL + 4;
    }
    if (r == ZYDIS_REGISTER_NONE || r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP) {
        return INSN_NO_REG;
    }
    return (unsigned)ZydisRegisterGetId(r);
}

static uint64_t truncate_to(uint64_t value, unsigned bytes)
{
    return bytes >= 8 ? value : value & ((1ULL << (8 * bytes)) - 1);
}

/*
 * With a 67 prefix, Zydis 4.0 takes "no base, disp32" for r13d when REX.B is set. Processors do not
 * (decode_run_fuzz.c executes such addresses).
 */
static bool is_misread_by_zydis(const struct sample *s)
{
    const ZydisDecodedInstruction *i = &s->theirs;

    return s->mode == INSN_MODE_64 && i->address_width == 32 && i->raw.modrm.mod == 0 &&
           i->raw.modrm.rm == 4 && i->raw.sib.base == 5 && i->raw.rex.B;
}

static void check_memory(const struct sample *s, const ZydisDecodedOperand *o)
{
    const struct insn_mem *mem = &s->ours.mem;
    const int64_t disp = o->mem.disp.has_displacement ? o->mem.disp.value : 0;
    const bool rip = o->mem.base == ZYDIS_REGISTER_RIP || o->mem.base == ZYDIS_REGISTER_EIP;

    expect(s, s->ours.has_mem, "memory operand missed");
    expect(s, s->ours.offset_width * 8 == s->theirs.address_width, "address width");
    if (is_misread_by_zydis(s)) {
        return;
    }
    expect(s, mem->base == register_number(o->mem.base), "base");
    expect(s, mem->index == register_number(o->mem.index), "index");
    expect(s, mem->index == INSN_NO_REG || 1U << mem->shift == o->mem.scale, "scale");
    expect(s, mem->rip_relative == rip, "rip-relative");
    expect(s, mem->segment == (unsigned)ZydisRegisterGetId(o->mem.segment), "segment");
    expect(s, truncate_to(disp ^ mem->disp, s->ours.offset_width) == 0, "displacement");
}

static void check_rm(const struct sample *s, const ZydisDecodedOperand *o)
{
    if (o->type == ZYDIS_OPERAND_TYPE_MEMORY) {
        check_memory(s, o);
    } else {
        expect(s, o->type == ZYDIS_OPERAND_TYPE_REGISTER && !s->ours.has_mem, "register r/m");
        expect(s, s->ours.rm == register_number(o->reg.value), "r/m register");
    }
}

static void check_reg(const struct sample *s, const ZydisDecodedOperand *o)
{
    expect(s, o->type == ZYDIS_OPERAND_TYPE_REGISTER, "register operand");
    expect(s, s->ours.reg == register_number(o->reg.value), "register");
}

static void check_imm(const struct sample *s, const ZydisDecodedOperand *o)
{
    expect(s, o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE, "immediate operand");
    if (s->ours.op >= INSN_BT && s->ours.op <= INSN_BTC) {
        expect(s, (uint8_t)s->ours.imm == o->imm.value.u, "bit number");
    } else if (s->ours.form == INSN_FORM_IMM) {
        expect(s, (uint64_t)s->ours.imm == o->imm.value.u, "unsigned immediate");
    } else {
        expect(s, truncate_to((uint64_t)s->ours.imm ^ o->imm.value.u, s->ours.width) == 0,
               "immediate");
    }
}

static void check_far(const struct sample *s, const ZydisDecodedOperand *o)
{
    expect(s, o->type == ZYDIS_OPERAND_TYPE_POINTER, "far pointer");
    expect(s, o->ptr.segment == s->ours.selector, "selector");
    expect(s, o->ptr.offset == (uint64_t)s->ours.imm, "far offset");
}

/* The memory operand of a string operation is hidden among implied ones. */
static void check_string(const struct sample *s)
{
    const unsigned pointer = s->ours.op == INSN_OUTS ? 6 : 7;

    for (unsigned i = 0; i < s->theirs.operand_count; i++) {
        const ZydisDecodedOperand *o = &s->operand[i];

        if (o->type != ZYDIS_OPERAND_TYPE_MEMORY) {
            continue;
        }
        expect(s, o->size == 8 * s->ours.width, "string width");
        if (register_number(o->mem.base) == pointer) {
            check_memory(s, o);
        } else {
            expect(s, register_number(o->mem.base) == 6, "string source");
            expect(s, s->ours.segment == (unsigned)ZydisRegisterGetId(o->mem.segment),
                   "source segment");
        }
    }
}

static void check_operands(const struct sample *s)
{
    switch (s->ours.form) {
    case INSN_FORM_NONE:
        break;
    case INSN_FORM_RM:
        check_rm(s, &s->operand[0]);
        break;
    case INSN_FORM_RM_REG:
        check_rm(s, &s->operand[0]);
        check_reg(s, &s->operand[1]);
        break;
    case INSN_FORM_REG_RM:
        check_reg(s, &s->operand[0]);
        check_rm(s, &s->operand[1]);
        break;
    case INSN_FORM_RM_IMM:
        check_rm(s, &s->operand[0]);
        check_imm(s, &s->operand[1]);
        break;
    case INSN_FORM_RM_ACC:
        check_memory(s, &s->operand[0]);
        break;
    case INSN_FORM_ACC_RM:
        check_memory(s, &s->operand[1]);
        break;
    case INSN_FORM_REG:
        check_reg(s, &s->operand[0]);
        break;
    case INSN_FORM_IMM:
        check_imm(s, &s->operand[s->ours.op == INSN_IN ? 1 : 0]);
        break;
    case INSN_FORM_FAR:
        check_far(s, &s->operand[0]);
        break;
    case INSN_FORM_STRING:
        check_string(s);
        break;
    default:
        fail(s, "form");
    }
}

/* Size in bits that Zydis gives the first operand. */
static unsigned expected_size(const struct sample *s)
{
    const unsigned width = s->ours.width;

    switch (s->ours.op) {
    case INSN_SGDT:
    case INSN_SIDT:
    case INSN_LGDT:
    case INSN_LIDT:
        return width == 8 ? 80 : 48;
    case INSN_CALL_FAR:
    case INSN_JMP_FAR:
        return 8 * (width + 2);
    default:
        return 8 * width;
    }
}

static void check_width(const struct sample *s)
{
    switch (s->ours.form) {
    case INSN_FORM_RM:
    case INSN_FORM_RM_REG:
    case INSN_FORM_RM_IMM:
    case INSN_FORM_RM_ACC:
    case INSN_FORM_ACC_RM:
    case INSN_FORM_REG_RM:
        break;
    default:
        return;
    }
    if (s->ours.op != INSN_WRITE_SREG && s->ours.op != INSN_INVLPG) {
        expect(s, s->operand[0].size == expected_size(s), "width");
    }
}

static void check_prefixes(const struct sample *s)
{
    const bool rep = s->theirs.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE);

    expect(s, s->ours.lock == !!(s->theirs.attributes & ZYDIS_ATTRIB_HAS_LOCK), "lock");
    if (s->ours.form == INSN_FORM_STRING && rep) {
        expect(s, s->ours.rep || s->ours.repne, "rep");
    }
}

/* What was decoded must not depend on more bytes, and must need each of its own. */
static void check_available(const struct sample *s)
{
    struct insn again;

    expect(s, insn_decode(&again, s->bytes, s->ours.length, s->mode) == INSN_OK, "own bytes");
    expect(s, memcmp(&again, &s->ours, sizeof(again)) == 0, "own bytes, same");
    for (unsigned i = 0; i < s->ours.length; i++) {
        expect(s, insn_decode(&again, s->bytes, i, s->mode) == INSN_TRUNCATED, "fewer bytes");
    }
}

static void check_accepted(const struct sample *s)
{
    expect(s, s->valid, "accepted what Zydis refuses");
    expect(s, s->ours.length == s->theirs.length, "length");
    expect(s, is_named(s->ours.op, s->theirs.mnemonic), "operation");
    check_operands(s);
    check_width(s);
    check_prefixes(s);
    check_available(s);
}

/* Encodings of our operations that reach neither memory nor privilege, and so are left out. */
static bool is_left_out(const ZydisDecodedInstruction *i)
{
    if (i->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
        return true;
    }
    if (i->opcode_map == ZYDIS_OPCODE_MAP_0F && i->opcode <= 0x17 && i->opcode >= 0x10) {
        return true; /* the other MOVSD */
    }
    if (i->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT) {
        return false;
    }
    return (i->opcode < 0x40 && (i->opcode & 7) >= 4 && (i->opcode & 7) <= 5) || /* op rAX, imm */
           (i->opcode >= 0x40 && i->opcode <= 0x4f) ||                           /* inc, dec reg */
           (i->opcode >= 0x50 && i->opcode <= 0x61) ||                           /* push, pop reg */
           i->opcode == 0x68 || i->opcode == 0x6a || i->opcode == 0x8f ||        /* push, pop */
           (i->opcode >= 0x90 && i->opcode <= 0x97) ||                           /* xchg rAX, reg */
           (i->opcode >= 0xb0 && i->opcode <= 0xbf) ||                           /* mov reg, imm */
           (i->opcode >= 0xe8 && i->opcode <= 0xeb && i->opcode != 0xea) || /* near call, jmp */
           (i->opcode == 0xff && i->raw.modrm.reg != 3 && i->raw.modrm.reg != 5 &&
            i->raw.modrm.reg > 1) ||
           i->opcode == 0xc2 || i->opcode == 0xc3;
}

static bool is_ours(const ZydisDecodedInstruction *i)
{
    for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
        if (names[n].mnemonic == i->mnemonic) {
            return !is_left_out(i);
        }
    }
    return false;
}

static void check_refused(const struct sample *s)
{
    if (s->valid && is_ours(&s->theirs)) {
        fail(s, "refused one of ours");
    }
    if (s->status == INSN_TRUNCATED) {
        expect(s, s->size < INSN_MAX_BYTES, "truncated at full length");
        expect(s, !s->valid, "truncated what is whole");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ZydisMachineMode machine[] = {ZYDIS_MACHINE_MODE_LONG_COMPAT_16,
                                               ZYDIS_MACHINE_MODE_LONG_COMPAT_32,
                                               ZYDIS_MACHINE_MODE_LONG_64};
    static const ZydisStackWidth stack[] = {ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32,
                                            ZYDIS_STACK_WIDTH_64};
    struct sample s = {0};
    ZydisDecoder decoder;

    fuzz_operations++;
    if (size < 1) {
        return 0;
    }
    s.mode = data[0] % 3;
    s.bytes = data + 1;
    s.size = size - 1;
    ZydisDecoderInit(&decoder, machine[s.mode], stack[s.mode]);
    s.status = insn_decode(&s.ours, s.bytes, s.size, s.mode);
    s.zydis_status = ZydisDecoderDecodeFull(&decoder, s.bytes, s.size, &s.theirs, s.operand);
    s.valid = ZYAN_SUCCESS(s.zydis_status);
    if (s.status == INSN_OK) {
        check_accepted(&s);
    } else {
        check_refused(&s);
    }
    return 0;
}
