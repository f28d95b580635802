// SPDX-License-Identifier: Apache-2.0
// The decoder proper: prefixes, then a row of the table, then what the row says follows.
#include "pv/decode.h"

#include "lib/string.h"
#include "pv/decode_table.h"

enum { REX_B = 1 << 0, REX_X = 1 << 1, REX_R = 1 << 2, REX_W = 1 << 3 };

struct decoder {
    struct insn *insn;
    const uint8_t *bytes;
    unsigned at;
    unsigned limit;          /* bytes that are there, or that an instruction can have */
    enum insn_status status; /* stays at the first failure */
    uint8_t opcode;          /* its last byte */
    uint8_t modrm;
    uint8_t rex;
    bool has_rex;
    bool operand_prefix; /* 66 */
    bool address_prefix; /* 67 */
    uint8_t segment;     /* INSN_SEGMENTS unless overridden */
};

/* Nothing is fetched any more: what the rest of the decoder sees is 0. */
static cold_fn void end_of_bytes(struct decoder *d, unsigned wanted)
{
    if (d->status == INSN_OK) {
        d->status = d->at + wanted > INSN_MAX_BYTES ? INSN_TOO_LONG : INSN_TRUNCATED;
    }
    d->limit = d->at;
}

static inline uint8_t fetch_byte(struct decoder *d)
{
    if (unlikely(d->at == d->limit)) {
        end_of_bytes(d, 1);
        return 0;
    }
    return d->bytes[d->at++];
}

static uint64_t fetch(struct decoder *d, unsigned bytes)
{
    uint64_t value = 0;

    if (unlikely(bytes > d->limit - d->at)) {
        end_of_bytes(d, bytes);
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)d->bytes[d->at + i] << (8 * i);
    }
    d->at += bytes;
    return value;
}

static int64_t fetch_signed(struct decoder *d, unsigned bytes)
{
    const unsigned spare = 64 - 8 * bytes;

    return (int64_t)(fetch(d, bytes) << spare) >> spare;
}

static bool in_64bit_code(const struct decoder *d)
{
    return d->insn->mode == INSN_MODE_64;
}

/* 64-bit code has a base for FS and GS only; the other overrides do nothing there. */
static void take_segment_prefix(struct decoder *d, enum insn_segment segment)
{
    if (!in_64bit_code(d) || segment >= INSN_FS) {
        d->segment = segment;
    }
}

static bool take_legacy_prefix(struct decoder *d, uint8_t byte)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        take_segment_prefix(d, byte >> 3 & 3);
        return true;
    case 0x64:
    case 0x65:
        take_segment_prefix(d, byte & 7);
        return true;
    case 0x66:
        d->operand_prefix = true;
        return true;
    case 0x67:
        d->address_prefix = true;
        return true;
    case 0xf0:
        d->insn->lock = true;
        return true;
    case 0xf2: /* of F2 and F3, the last one counts */
    case 0xf3:
        d->insn->repne = byte == 0xf2;
        d->insn->rep = byte == 0xf3;
        return true;
    default:
        return false;
    }
}

/* Leaves the first byte that is no prefix in d->opcode. */
static void take_prefixes(struct decoder *d)
{
    while (d->status == INSN_OK) {
        const uint8_t byte = fetch_byte(d);

        if (in_64bit_code(d) && (byte & 0xf0) == 0x40) {
            d->rex = byte & 0xf;
            d->has_rex = true;
        } else if (take_legacy_prefix(d, byte)) {
            d->rex = 0; /* REX counts only right before the opcode */
            d->has_rex = false;
        } else {
            d->opcode = byte;
            return;
        }
    }
}

static const struct insn_row *opcode_row(struct decoder *d)
{
    if (d->opcode != 0x0f) {
        return &insn_one_byte[d->opcode];
    }
    d->opcode = fetch_byte(d);
    if (d->opcode != 0x38) {
        return &insn_two_byte[d->opcode];
    }
    d->opcode = fetch_byte(d);
    return d->opcode == 0x82 ? &insn_invpcid_row : NULL;
}

static struct insn_row group_row(struct decoder *d, const struct insn_row *opcode)
{
    const unsigned group = opcode->op - ROW_GROUP(0);
    const struct insn_row *member = &insn_groups[group][d->modrm >> 3 & 7];
    struct insn_row row = {0};

    if (group == GROUP_SYSTEM && d->modrm >= 0xc0) {
        member = insn_system_row(d->modrm);
    }
    if (member != NULL && member->op != INSN_NONE) {
        row = *member;
        row.flags |= opcode->flags;
        if (row.form == ROW_INHERIT) {
            row.form = opcode->form;
            row.width = opcode->width;
        }
    }
    return row;
}

static bool form_has_modrm(uint8_t form)
{
    switch (form) {
    case INSN_FORM_RM:
    case INSN_FORM_RM_REG:
    case INSN_FORM_REG_RM:
    case INSN_FORM_RM_IMM:
    case ROW_IMM8_SIGNED:
    case ROW_CR:
    case ROW_DR:
    case ROW_RM_SREG:
    case ROW_SREG_RM:
        return true;
    default:
        return false;
    }
}

/* The row of the instruction at hand, with op INSN_NONE where there is none; fetches ModRM too. */
static struct insn_row find_row(struct decoder *d)
{
    const struct insn_row *row = opcode_row(d);

    if (d->status != INSN_OK || row == NULL || row->op == INSN_NONE) {
        return (struct insn_row){0};
    }
    if (form_has_modrm(row->form)) {
        d->modrm = fetch_byte(d);
    }
    return row->op < ROW_GROUP(0) ? *row : group_row(d, row);
}

/* Prefixes that are part of the opcode: with the wrong ones it is another instruction. */
static bool prefixes_match(const struct decoder *d, uint8_t flags)
{
    const bool repeat = d->insn->rep || d->insn->repne;

    if (flags & ROW_NO_PREFIX) {
        return !repeat && !d->operand_prefix;
    }
    if (flags & ROW_66) {
        return !repeat && d->operand_prefix;
    }
    return !(flags & ROW_F3) || d->insn->rep;
}

static uint8_t offset_width(const struct decoder *d)
{
    switch (d->insn->mode) {
    case INSN_MODE_64:
        return d->address_prefix ? 4 : 8;
    case INSN_MODE_32:
        return d->address_prefix ? 2 : 4;
    default:
        return d->address_prefix ? 4 : 2;
    }
}

static uint8_t operand_width(const struct decoder *d)
{
    if (d->rex & REX_W) {
        return 8;
    }
    return (d->insn->mode == INSN_MODE_16) == d->operand_prefix ? 4 : 2;
}

static uint8_t data_width(const struct decoder *d, enum row_width rule)
{
    const uint8_t width = operand_width(d);

    switch (rule) {
    case WIDTH_BYTE:
        return 1;
    case WIDTH_WORD:
        return 2;
    case WIDTH_WORD_MEM:
        return d->insn->has_mem ? 2 : width;
    case WIDTH_OPERAND_32:
        return MIN(width, (uint8_t)4);
    case WIDTH_REX:
        return d->rex & REX_W ? 8 : 4;
    case WIDTH_STACK:
        return in_64bit_code(d) && width == 4 ? 8 : width;
    case WIDTH_NATIVE:
        return in_64bit_code(d) ? 8 : 4;
    case WIDTH_PAIR:
        return d->rex & REX_W ? 16 : 8;
    default:
        return width;
    }
}

/* Without REX, the byte registers 4 to 7 are the high halves of 0 to 3. */
static uint8_t general_register(const struct decoder *d, enum row_width rule, uint8_t number)
{
    if (rule == WIDTH_BYTE && !d->has_rex && number >= 4) {
        return number - 4 + INSN_REG_AH;
    }
    return number;
}

static void take_memory_16(struct decoder *d)
{
    enum { BX = 3, BP = 5, SI = 6, DI = 7 };
    static const uint8_t base[8] = {BX, BX, BP, BP, SI, DI, BP, BX};
    static const uint8_t index[4] = {SI, DI, SI, DI};
    const unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
    struct insn_mem *mem = &d->insn->mem;

    if (mod == 0 && rm == 6) {
        mem->disp = fetch_signed(d, 2);
        return;
    }
    mem->base = base[rm];
    mem->index = rm < 4 ? index[rm] : INSN_NO_REG;
    mem->disp = mod == 0 ? 0 : fetch_signed(d, mod);
}

static void take_sib(struct decoder *d)
{
    const uint8_t sib = fetch_byte(d);
    struct insn_mem *mem = &d->insn->mem;
    const uint8_t index = (uint8_t)((sib >> 3 & 7) | (d->rex & REX_X ? 8 : 0));

    if (index != 4) { /* rSP is no index */
        mem->index = index;
        mem->shift = sib >> 6;
    }
    if ((sib & 7) == 5 && d->modrm < 0x40) {
        mem->disp = fetch_signed(d, 4);
    } else {
        mem->base = (uint8_t)((sib & 7) | (d->rex & REX_B ? 8 : 0));
    }
}

static void take_memory_32(struct decoder *d)
{
    const unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
    struct insn_mem *mem = &d->insn->mem;

    if (mod == 0 && rm == 5) {
        mem->rip_relative = in_64bit_code(d);
        mem->disp = fetch_signed(d, 4);
        return;
    }
    if (rm == 4) {
        take_sib(d);
    } else {
        mem->base = (uint8_t)(rm | (d->rex & REX_B ? 8 : 0));
    }
    if (mod != 0) {
        mem->disp = fetch_signed(d, mod == 1 ? 1 : 4);
    }
}

/* Addresses on the stack registers default to the stack segment, all others to the data segment. */
static uint8_t memory_segment(const struct decoder *d)
{
    const uint8_t base = d->insn->mem.base;

    if (d->segment != INSN_SEGMENTS) {
        return d->segment;
    }
    return base == 4 || base == 5 ? INSN_SS : INSN_DS;
}

static void take_rm(struct decoder *d, const struct insn_row *row)
{
    if (d->modrm >= 0xc0 || row->form == ROW_CR || row->form == ROW_DR) {
        const uint8_t number = (uint8_t)((d->modrm & 7) | (d->rex & REX_B ? 8 : 0));

        d->insn->rm = general_register(d, row->width, number);
        return;
    }
    d->insn->has_mem = true;
    if (d->insn->offset_width == 2) {
        take_memory_16(d);
    } else {
        take_memory_32(d);
    }
    d->insn->mem.segment = memory_segment(d);
}

static void take_reg(struct decoder *d, const struct insn_row *row)
{
    const uint8_t low = d->modrm >> 3 & 7;
    const uint8_t number = (uint8_t)(low | (d->rex & REX_R ? 8 : 0));

    switch (row->form) {
    case INSN_FORM_RM_REG:
    case INSN_FORM_REG_RM:
        d->insn->reg = general_register(d, row->width, number);
        break;
    case ROW_RM_SREG:
    case ROW_SREG_RM:
        d->insn->reg = low; /* REX has no say here */
        break;
    default:
        d->insn->reg = number;
        break;
    }
}

/* MOV's absolute offset is as wide as an address. */
static void take_absolute(struct decoder *d)
{
    d->insn->has_mem = true;
    d->insn->mem.disp = (int64_t)fetch(d, d->insn->offset_width);
    d->insn->mem.segment = memory_segment(d);
}

static void take_string(struct decoder *d)
{
    const bool from_source = d->insn->op == INSN_OUTS;

    d->insn->has_mem = true;
    d->insn->mem.base = from_source ? 6 : 7;
    d->insn->mem.segment = from_source ? d->insn->segment : INSN_ES;
}

/* What follows ModRM; `row->form` becomes one of the public forms. */
static void take_immediate(struct decoder *d, struct insn_row *row)
{
    switch (row->form) {
    case INSN_FORM_RM_IMM:
        d->insn->imm = fetch_signed(d, MIN(d->insn->width, (uint8_t)4));
        break;
    case ROW_IMM8_SIGNED:
        d->insn->imm = fetch_signed(d, 1);
        row->form = INSN_FORM_RM_IMM;
        break;
    case ROW_IMM8_UNSIGNED:
        d->insn->imm = (int64_t)fetch(d, 1);
        row->form = INSN_FORM_IMM;
        break;
    case ROW_IMM16:
        d->insn->imm = (int64_t)fetch(d, 2);
        row->form = INSN_FORM_IMM;
        break;
    case INSN_FORM_FAR:
        d->insn->imm = (int64_t)fetch(d, d->insn->width);
        d->insn->selector = (uint16_t)fetch(d, 2);
        break;
    default:
        break;
    }
}

static void take_operands(struct decoder *d, struct insn_row *row)
{
    struct insn *insn = d->insn;

    if (form_has_modrm(row->form)) {
        take_rm(d, row);
        take_reg(d, row);
    }
    insn->width = data_width(d, row->width);
    take_immediate(d, row);
    switch (row->form) {
    case INSN_FORM_RM_ACC:
    case INSN_FORM_ACC_RM:
        take_absolute(d);
        break;
    case INSN_FORM_STRING:
        take_string(d);
        break;
    case INSN_FORM_REG:
        insn->reg = d->opcode >> 3 & 7;
        break;
    case ROW_CR:
    case ROW_DR:
    case ROW_RM_SREG:
    case ROW_SREG_RM:
        row->form =
            insn->op == INSN_WRITE_CR || insn->op == INSN_WRITE_DR || insn->op == INSN_WRITE_SREG
                ? INSN_FORM_REG_RM
                : INSN_FORM_RM_REG;
        break;
    default:
        break;
    }
    insn->form = row->form;
}

static bool special_register_exists(const struct insn *insn)
{
    const unsigned control_registers = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8;

    switch (insn->op) {
    case INSN_READ_CR:
    case INSN_WRITE_CR:
        return control_registers >> insn->reg & 1;
    case INSN_READ_DR:
    case INSN_WRITE_DR:
        return insn->reg < 8;
    case INSN_READ_SREG:
        return insn->reg < INSN_SEGMENTS;
    case INSN_WRITE_SREG:
        return insn->reg < INSN_SEGMENTS && insn->reg != INSN_CS;
    default:
        return true;
    }
}

static bool is_legal(const struct decoder *d, uint8_t flags)
{
    const struct insn *insn = d->insn;

    if (insn->lock && !(insn->has_mem && (flags & ROW_LOCK))) {
        return false;
    }
    if (flags & (insn->has_mem ? ROW_REG : ROW_MEM)) {
        return false;
    }
    return special_register_exists(insn);
}

enum insn_status insn_decode(struct insn *insn, const uint8_t *bytes, size_t available,
                             enum insn_mode mode)
{
    struct decoder d = {.insn = insn, .bytes = bytes, .segment = INSN_SEGMENTS};
    struct insn_row row;

    *insn = (struct insn){.mode = mode, .mem = {.base = INSN_NO_REG, .index = INSN_NO_REG}};
    d.limit = (unsigned)MIN(available, (size_t)INSN_MAX_BYTES);
    take_prefixes(&d);
    row = find_row(&d);
    if (d.status != INSN_OK) {
        return d.status;
    }
    if (row.op == INSN_NONE || !prefixes_match(&d, row.flags)) {
        return INSN_UNKNOWN;
    }
    if (row.flags & (mode == INSN_MODE_64 ? ROW_NOT_64 : ROW_ONLY_64)) {
        return INSN_INVALID;
    }
    insn->op = row.op;
    insn->segment = d.segment == INSN_SEGMENTS ? INSN_DS : d.segment;
    insn->offset_width = offset_width(&d);
    take_operands(&d, &row);
    insn->length = (uint8_t)d.at;
    if (d.status == INSN_OK && !is_legal(&d, row.flags)) {
        return INSN_INVALID;
    }
    return d.status;
}

bool insn_is_forced_emulation(const uint8_t *bytes, size_t available)
{
    static const uint8_t prefix[INSN_FORCED_PREFIX_BYTES] = {0x0f, 0x0b, 'x', 'e', 'n'};

    return available >= sizeof(prefix) && memcmp(bytes, prefix, sizeof(prefix)) == 0;
}
