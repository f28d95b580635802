// SPDX-License-Identifier: Apache-2.0
// insn_compute(): the arithmetic of data operations, bit for bit as the processor does it.
#include "abi/errno.h"
#include "pv/operand.h"

enum { RAX, RCX, RDX, RBX };

enum {
    FLAG_CF = 1 << 0,
    FLAG_PF = 1 << 2,
    FLAG_AF = 1 << 4,
    FLAG_ZF = 1 << 6,
    FLAG_SF = 1 << 7,
    FLAG_OF = 1 << 11,
    FLAGS_ARITHMETIC = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF,
};

/* One computation: the operands as the form names them, and where the result goes. */
struct step {
    const struct insn *insn;
    const struct cpu_user_regs *regs;
    const uint64_t *memory;
    struct insn_effect *effect;
    uint8_t destination; /* general register, or INSN_NO_REG for memory */
    uint64_t old;        /* of the destination */
    uint64_t source;
};

static uint64_t width_mask(const struct step *s)
{
    return s->insn->width >= 8 ? UINT64_MAX : (1ULL << (8 * s->insn->width)) - 1;
}

static bool top_bit(const struct step *s, uint64_t value)
{
    return value >> (8 * s->insn->width - 1) & 1;
}

static void write_reg(struct step *s, uint8_t reg, unsigned width, uint64_t value)
{
    const unsigned i = s->effect->writes++;

    s->effect->write[i].reg = reg;
    s->effect->write[i].width = (uint8_t)width;
    s->effect->write[i].value = value;
}

static void set_result(struct step *s, uint64_t value)
{
    if (s->destination != INSN_NO_REG) {
        write_reg(s, s->destination, s->insn->width, value & width_mask(s));
        return;
    }
    s->effect->stores = true;
    s->effect->value[0] = value & width_mask(s);
}

static void set_flags(struct step *s, unsigned which, unsigned values)
{
    s->effect->rflags = (s->effect->rflags & ~(uint64_t)which) | (values & which);
}

/* SF, ZF and PF follow from the result in the same way everywhere. */
static unsigned flags_of_value(const struct step *s, uint64_t value)
{
    unsigned flags = 0;

    if (top_bit(s, value)) {
        flags |= FLAG_SF;
    }
    if ((value & width_mask(s)) == 0) {
        flags |= FLAG_ZF;
    }
    if (!__builtin_parity((unsigned)(value & 0xff))) {
        flags |= FLAG_PF;
    }
    return flags;
}

static uint64_t add(struct step *s, uint64_t a, uint64_t b, bool carry, unsigned which)
{
    const uint64_t sum = a + b + carry;
    unsigned flags = flags_of_value(s, sum);

    if (top_bit(s, (a & b) | ((a | b) & ~sum))) {
        flags |= FLAG_CF;
    }
    if (top_bit(s, (a ^ sum) & (b ^ sum))) {
        flags |= FLAG_OF;
    }
    flags |= (a ^ b ^ sum) & FLAG_AF;
    set_flags(s, which, flags);
    return sum;
}

static uint64_t subtract(struct step *s, uint64_t a, uint64_t b, bool borrow, unsigned which)
{
    const uint64_t difference = a - b - borrow;
    unsigned flags = flags_of_value(s, difference);

    if (top_bit(s, (~a & b) | ((~a | b) & difference))) {
        flags |= FLAG_CF;
    }
    if (top_bit(s, (a ^ b) & (a ^ difference))) {
        flags |= FLAG_OF;
    }
    flags |= (a ^ b ^ difference) & FLAG_AF;
    set_flags(s, which, flags);
    return difference;
}

/* AF is undefined after these; processors clear it. */
static uint64_t logic(struct step *s, uint64_t value)
{
    set_flags(s, FLAGS_ARITHMETIC, flags_of_value(s, value));
    return value;
}

static uint64_t arithmetic(struct step *s)
{
    const bool carry = s->regs->rflags & FLAG_CF;
    const unsigned all = FLAGS_ARITHMETIC, all_but_carry = FLAGS_ARITHMETIC & ~FLAG_CF;
    const uint64_t a = s->old, b = s->source;

    switch (s->insn->op) {
    case INSN_ADD:
        return add(s, a, b, false, all);
    case INSN_ADC:
        return add(s, a, b, carry, all);
    case INSN_SUB:
        return subtract(s, a, b, false, all);
    case INSN_SBB:
        return subtract(s, a, b, carry, all);
    case INSN_AND:
        return logic(s, a & b);
    case INSN_OR:
        return logic(s, a | b);
    case INSN_XOR:
        return logic(s, a ^ b);
    case INSN_INC:
        return add(s, a, 1, false, all_but_carry);
    case INSN_DEC:
        return subtract(s, a, 1, false, all_but_carry);
    case INSN_NEG:
        return subtract(s, 0, a, false, all);
    default:
        return ~a;
    }
}

/* CF is the bit's old value; the other flags are undefined, or unchanged (ZF): left alone. */
static void bit_operation(struct step *s)
{
    const unsigned bit = s->source & (8 * s->insn->width - 1U);
    const uint64_t mask = 1ULL << bit;

    set_flags(s, FLAG_CF, s->old & mask ? FLAG_CF : 0);
    switch (s->insn->op) {
    case INSN_BTS:
        set_result(s, s->old | mask);
        break;
    case INSN_BTR:
        set_result(s, s->old & ~mask);
        break;
    case INSN_BTC:
        set_result(s, s->old ^ mask);
        break;
    default:
        break;
    }
}

/* The source register takes the old value; where it is the destination too, the sum wins. */
static void exchange_add(struct step *s)
{
    write_reg(s, s->insn->reg, s->insn->width, s->old);
    set_result(s, add(s, s->old, s->source, false, FLAGS_ARITHMETIC));
}

static void exchange(struct step *s)
{
    set_result(s, s->source);
    write_reg(s, s->insn->reg, s->insn->width, s->old);
}

/* A failed one leaves the memory alone: writing back what was read is not seen by anyone. */
static void compare_exchange(struct step *s)
{
    const uint64_t expected = insn_read_reg(s->regs, RAX, s->insn->width);

    subtract(s, expected, s->old, false, FLAGS_ARITHMETIC);
    if (expected == s->old) {
        set_result(s, s->source);
    } else {
        write_reg(s, RAX, s->insn->width, s->old);
    }
}

/* The halves are EDX:EAX and ECX:EBX, or the 64-bit registers. ZF is the only flag. */
static void compare_exchange_pair(struct step *s)
{
    const unsigned half = s->insn->width / 2U, shift = 8 * half % 64;
    const uint64_t low = half == 8 ? s->memory[0] : (uint32_t)s->memory[0];
    const uint64_t high = half == 8 ? s->memory[1] : s->memory[0] >> shift;
    const bool equal =
        low == insn_read_reg(s->regs, RAX, half) && high == insn_read_reg(s->regs, RDX, half);
    const uint64_t new_low = insn_read_reg(s->regs, RBX, half);
    const uint64_t new_high = insn_read_reg(s->regs, RCX, half);

    set_flags(s, FLAG_ZF, equal ? FLAG_ZF : 0);
    if (!equal) {
        write_reg(s, RAX, half, low);
        write_reg(s, RDX, half, high);
        return;
    }
    s->effect->stores = true;
    s->effect->value[0] = half == 8 ? new_low : new_low | new_high << shift;
    s->effect->value[1] = half == 8 ? new_high : 0;
}

static uint64_t rm_value(const struct step *s)
{
    if (!s->insn->has_mem) {
        return insn_read_reg(s->regs, s->insn->rm, s->insn->width);
    }
    return s->memory[0] & width_mask(s);
}

static uint8_t rm_register(const struct insn *insn)
{
    return insn->has_mem ? INSN_NO_REG : insn->rm;
}

static uint64_t accumulator(const struct step *s)
{
    return insn_read_reg(s->regs, RAX, s->insn->width);
}

static void find_operands(struct step *s)
{
    const struct insn *insn = s->insn;

    s->destination = rm_register(insn);
    switch (insn->form) {
    case INSN_FORM_RM_REG:
        s->old = rm_value(s);
        s->source = insn_read_reg(s->regs, insn->reg, insn->width);
        break;
    case INSN_FORM_REG_RM:
        s->destination = insn->reg;
        s->old = insn_read_reg(s->regs, insn->reg, insn->width);
        s->source = rm_value(s);
        break;
    case INSN_FORM_RM_IMM:
        s->old = rm_value(s);
        s->source = (uint64_t)insn->imm & width_mask(s);
        break;
    case INSN_FORM_ACC_RM:
        s->destination = RAX;
        s->source = rm_value(s);
        break;
    case INSN_FORM_RM_ACC:
        s->source = accumulator(s);
        break;
    case INSN_FORM_STRING:
        s->source = insn->op == INSN_STOS ? accumulator(s) : rm_value(s);
        break;
    default: /* INSN_FORM_RM */
        s->old = insn->width <= 8 ? rm_value(s) : 0;
        break;
    }
}

int insn_compute(const struct insn *insn, const struct cpu_user_regs *regs,
                 const uint64_t memory[2], struct insn_effect *effect)
{
    struct step s = {.insn = insn, .regs = regs, .memory = memory, .effect = effect};

    if (insn->op == INSN_NONE || insn->op > INSN_STOS) {
        return -EOPNOTSUPP;
    }
    *effect = (struct insn_effect){.rflags = regs->rflags};
    find_operands(&s);
    switch (insn->op) {
    case INSN_MOV:
    case INSN_MOVNTI:
    case INSN_MOVS:
    case INSN_STOS:
        set_result(&s, s.source);
        break;
    case INSN_XCHG:
        exchange(&s);
        break;
    case INSN_XADD:
        exchange_add(&s);
        break;
    case INSN_CMPXCHG:
        compare_exchange(&s);
        break;
    case INSN_CMPXCHG_PAIR:
        compare_exchange_pair(&s);
        break;
    case INSN_BT:
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC:
        bit_operation(&s);
        break;
    default:
        set_result(&s, arithmetic(&s));
        break;
    }
    return 0;
}
