// SPDX-License-Identifier: Apache-2.0
// The decoder and insn_compute() against the processor that runs this: effective addresses through
// LEA, then the instruction itself on memory of ours, comparing memory, registers and flags.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pv/operand.h"
#include "operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUFFER_BYTES = 8192, MIDDLE = BUFFER_BYTES / 2 };

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, DF = 1024, OF = 2048 };

/* Lie in the low 4 GiB, so that 32-bit addresses reach them. */
static uint8_t *code, *buffer, *source;

/* Enter `at` with the registers and arithmetic flags of `regs` but rSP; run_back ends the run. */
void run_code(struct cpu_user_regs *regs, const void *at);
extern const char run_back[];
uint64_t run_regs, run_stack, run_at, run_sp;

#define EACH_REG(op)                                                                              \
    op(r15, 0) op(r14, 8) op(r13, 16) op(r12, 24) op(rbp, 32) op(rbx, 40) op(r11, 48) op(r10, 56) \
        op(r9, 64) op(r8, 72) op(rax, 80) op(rcx, 88) op(rdx, 96) op(rsi, 104)
#define LOAD(reg, at)  "mov " #at "(%rdi), %" #reg "\n"
#define STORE(reg, at) "mov %" #reg ", " #at "(%rdi)\n"

_Static_assert(offsetof(struct cpu_user_regs, rsi) == 104, "as EACH_REG has it");
_Static_assert(offsetof(struct cpu_user_regs, rdi) == 112, "as run_code has it");
_Static_assert(offsetof(struct cpu_user_regs, rflags) == 144, "as run_code has it");
_Static_assert(offsetof(struct cpu_user_regs, rsp) == 152, "as run_code has it");

// clang-format off
asm(".text\n"
    ".globl run_code, run_back\n"
    "run_code:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rdi, run_regs(%rip)\n"
    "mov %rsi, run_at(%rip)\n"
    "mov %rsp, run_stack(%rip)\n"
    "mov %rsp, 152(%rdi)\n"
    "push 144(%rdi); popf\n"
    EACH_REG(LOAD)
    "mov 112(%rdi), %rdi\n"
    "jmp *run_at(%rip)\n"
    "run_back:\n"
    "mov %rsp, run_sp(%rip)\n"
    "mov run_stack(%rip), %rsp\n"
    "pushf; push %rdi\n"
    "mov run_regs(%rip), %rdi\n"
    "pop 112(%rdi); pop 144(%rdi)\n"
    EACH_REG(STORE)
    "cld\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "ret\n");
// clang-format on

/* The fuzzer's bytes, stripped down to what matters for the run. */
struct sample {
    uint8_t bytes[INSN_MAX_BYTES];
    struct insn insn;
    uint8_t rex; /* 0 if none */
    bool operand_prefix, address_prefix;
    unsigned opcode, modrm; /* where they start */
    unsigned imm_bytes;
};

static uint64_t seed;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Often near the ends of the ranges of each width, where carries and signs change. */
static uint64_t next_value(void)
{
    static const uint64_t edges[] = {0,     0x80,    0x8000,     1ULL << 31, 1ULL << 63,
                                     0x100, 0x10000, 1ULL << 32, 0x10,       0x7f};
    const uint64_t r = next_random();

    switch (r >> 60) {
    case 0 ... 5:
        return edges[(r >> 8) % ARRAY_SIZE(edges)] + (r & 3) - 1;
    case 6:
        return edges[(r >> 8) % ARRAY_SIZE(edges)] * 0x0101010101010101;
    default:
        return next_random();
    }
}

static void fail(const struct sample *s, const char *what, uint64_t ours, uint64_t theirs)
{
    fprintf(stderr, "%s: op %d width %d: computed %#lx, processor %#lx;", what, s->insn.op,
            s->insn.width, ours, theirs);
    for (unsigned i = 0; i < s->insn.length; i++) {
        fprintf(stderr, " %02x", s->bytes[i]);
    }
    fprintf(stderr, "\n");
    abort();
}

static void expect(const struct sample *s, const char *what, uint64_t ours, uint64_t theirs)
{
    if (ours != theirs) {
        fail(s, what, ours, theirs);
    }
}

static void *map_low(int protection)
{
    void *p = mmap(NULL, BUFFER_BYTES, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return p;
}

/* Run `length` bytes of code; registers and flags come back in `regs`. */
static void run(const uint8_t *bytes, size_t length, struct cpu_user_regs *regs)
{
    static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
    const void *back = run_back;

    memcpy(code, bytes, length);
    memcpy(code + length, jump, sizeof(jump));
    memcpy(code + length + sizeof(jump), &back, sizeof(back));
    run_code(regs, code);
}

static void find_parts(struct sample *s)
{
    unsigned at = 0;

    for (;; at++) {
        const uint8_t b = s->bytes[at];

        if ((b & 0xf0) == 0x40) {
            s->rex = b;
        } else if (memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", b, 11) != NULL) {
            s->rex = 0;
            s->operand_prefix |= b == 0x66;
            s->address_prefix |= b == 0x67;
        } else {
            break;
        }
    }
    s->opcode = at;
    s->modrm = at + (s->bytes[at] == 0x0f ? 2 : 1);
    if (s->insn.form == INSN_FORM_RM_IMM) {
        const bool byte = s->bytes[at] == 0x83 || s->bytes[at] == 0x0f;

        s->imm_bytes = byte ? 1 : MIN(s->insn.width, (uint8_t)4);
    }
}

static void fill_regs(struct cpu_user_regs *regs)
{
    memset(regs, 0, sizeof(*regs));
    for (unsigned i = 0; i < 16; i++) {
        insn_write_reg(regs, i, 8, next_value());
    }
    regs->rflags = 0x202 | (next_random() & (CF | PF | AF | ZF | SF | OF));
}

/* LEA r8 (or rAX) with the same ModRM, SIB and displacement tells the effective address. */
static void check_address(const struct sample *s)
{
    const unsigned tail = s->insn.length - s->modrm - s->imm_bytes;
    uint8_t lea[INSN_MAX_BYTES + 3];
    struct insn plain = s->insn;
    struct cpu_user_regs regs, before;
    unsigned n = 0;

    if (s->address_prefix) {
        lea[n++] = 0x67;
    }
    lea[n++] = 0x48 | 4 | (s->rex & 3);
    lea[n++] = 0x8d;
    memcpy(lea + n, s->bytes + s->modrm, tail);
    lea[n] &= 0xc7;
    n += tail;
    fill_regs(&regs);
    regs.rip = (uint64_t)code + n - s->insn.length;
    before = regs;
    run(lea, n, &regs);
    before.rsp = regs.rsp;
    plain.op = INSN_MOV; /* LEA knows no bit strings */
    expect(s, "address", insn_offset(&plain, &before), regs.r8);
}

/* Flags that the manuals leave undefined are not compared. */
static uint64_t defined_flags(enum insn_op op)
{
    switch (op) {
    case INSN_AND:
    case INSN_OR:
    case INSN_XOR:
        return CF | PF | ZF | SF | OF;
    case INSN_BT:
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC:
        return CF | ZF;
    default:
        return CF | PF | AF | ZF | SF | OF;
    }
}

static void compare_regs(const struct sample *s, const struct cpu_user_regs *ours,
                         const struct cpu_user_regs *theirs)
{
    const uint64_t flags = defined_flags(s->insn.op);

    for (unsigned i = 0; i < 16; i++) {
        if (i != 4) {
            expect(s, "register", insn_read_reg(ours, i, 8), insn_read_reg(theirs, i, 8));
        }
    }
    expect(s, "flags", ours->rflags & flags, theirs->rflags & flags);
}

static void compute(const struct sample *s, const struct insn *insn, struct cpu_user_regs *regs,
                    const uint8_t *from, uint8_t *to)
{
    uint64_t memory[2] = {0, 0};
    struct insn_effect effect;

    if (from != NULL) {
        memcpy(memory, from, insn->width);
    }
    if (insn_compute(insn, regs, memory, &effect) != 0) {
        fail(s, "not computed", 0, 0);
    }
    insn_commit(&effect, regs);
    if (effect.stores) {
        memcpy(to, effect.value, insn->width);
    }
}

/* With no memory operand, the bytes run as they are. */
static void check_registers(const struct sample *s)
{
    struct cpu_user_regs ours, theirs;

    if (s->insn.rm == 4 || s->insn.reg == 4) {
        return; /* would move the stack that we run on */
    }
    fill_regs(&theirs);
    ours = theirs;
    compute(s, &s->insn, &ours, NULL, NULL);
    run(s->bytes, s->insn.length, &theirs);
    compare_regs(s, &ours, &theirs);
}

/* The same operation on [rDI] or [rSI], whichever is not an operand. */
static unsigned retarget(const struct sample *s, uint8_t *to, unsigned pointer)
{
    const uint8_t modrm = s->bytes[s->modrm];
    unsigned n = 0;

    if (s->operand_prefix) {
        to[n++] = 0x66;
    }
    if (s->insn.lock) {
        to[n++] = 0xf0;
    }
    if (s->rex != 0) {
        to[n++] = s->rex & 0x4c;
    }
    memcpy(to + n, s->bytes + s->opcode, s->modrm - s->opcode);
    n += s->modrm - s->opcode;
    to[n++] = (modrm & 0x38) | (uint8_t)pointer;
    memcpy(to + n, s->bytes + s->insn.length - s->imm_bytes, s->imm_bytes);
    return n + s->imm_bytes;
}

/* Make comparisons succeed half of the time, and keep bit strings inside of the buffer. */
static void steer(const struct sample *s, struct cpu_user_regs *regs, const uint8_t *operand)
{
    uint64_t memory[2];

    memcpy(memory, operand, 16);
    if (s->insn.op == INSN_CMPXCHG && (next_random() & 1)) {
        regs->rax = memory[0];
    }
    if (s->insn.op == INSN_CMPXCHG_PAIR && (next_random() & 1)) {
        regs->rax = s->insn.width == 16 ? memory[0] : (uint32_t)memory[0];
        regs->rdx = s->insn.width == 16 ? memory[1] : memory[0] >> 32;
    }
    if (s->insn.op >= INSN_BT && s->insn.op <= INSN_BTC && s->insn.form == INSN_FORM_RM_REG) {
        insn_write_reg(regs, s->insn.reg, 8, (uint64_t)((int64_t)next_random() >> 50));
    }
}

static void check_memory(const struct sample *s)
{
    const unsigned pointer = s->insn.form != INSN_FORM_RM_IMM && s->insn.reg == 7 ? 6 : 7;
    uint8_t bytes[INSN_MAX_BYTES + 2], expected[BUFFER_BYTES];
    struct cpu_user_regs ours, theirs;
    struct sample r = *s;
    unsigned n;

    if (s->insn.reg == 4 && s->insn.form != INSN_FORM_RM_IMM) {
        return;
    }
    n = retarget(s, bytes, pointer);
    if (insn_decode(&r.insn, bytes, n, INSN_MODE_64) != INSN_OK || r.insn.length != n) {
        fail(s, "retargeted", n, r.insn.length);
    }
    fill_regs(&theirs);
    insn_write_reg(&theirs, pointer, 8, (uint64_t)buffer + MIDDLE);
    for (unsigned i = 0; i < 16; i += 8) {
        const uint64_t v = next_value();
        memcpy(buffer + MIDDLE + i, &v, 8);
    }
    steer(s, &theirs, buffer + MIDDLE);
    memcpy(expected, buffer, BUFFER_BYTES);
    ours = theirs;
    {
        const uint64_t at = insn_offset(&r.insn, &ours) - (uint64_t)buffer;

        compute(s, &r.insn, &ours, expected + at, expected + at);
    }
    run(bytes, n, &theirs);
    compare_regs(s, &ours, &theirs);
    if (memcmp(expected, buffer, BUFFER_BYTES) != 0) {
        fail(s, "memory", 0, 0);
    }
}

/* STOS and MOVS, with and without REP, both ways. */
static void check_string(const struct sample *s)
{
    const bool repeat = s->insn.rep || s->insn.repne;
    uint8_t expected[BUFFER_BYTES];
    struct cpu_user_regs ours, theirs;

    if (s->insn.segment >= INSN_FS) {
        return;
    }
    fill_regs(&theirs);
    theirs.rdi = (uint64_t)buffer + MIDDLE;
    theirs.rsi = (uint64_t)source + MIDDLE;
    theirs.rcx = repeat ? 1 + next_random() % 20 : next_random();
    theirs.rflags |= next_random() & DF;
    ours = theirs;
    memcpy(expected, buffer, BUFFER_BYTES);
    for (uint64_t turns = insn_string_turns(&s->insn, &ours); turns > 0; turns--) {
        const uint64_t from = insn_string_source(&s->insn, &ours) - (uint64_t)source;
        const uint64_t to = insn_offset(&s->insn, &ours) - (uint64_t)buffer;

        compute(s, &s->insn, &ours, s->insn.op == INSN_MOVS ? source + from : NULL, expected + to);
        insn_string_step(&s->insn, &ours, 1);
    }
    run(s->bytes, s->insn.length, &theirs);
    compare_regs(s, &ours, &theirs);
    if (memcmp(expected, buffer, BUFFER_BYTES) != 0) {
        fail(s, "memory", 0, 0);
    }
}

static void check(const struct sample *s)
{
    if (s->insn.form == INSN_FORM_STRING) {
        check_string(s);
        return;
    }
    if (s->insn.form == INSN_FORM_RM_ACC || s->insn.form == INSN_FORM_ACC_RM) {
        return;
    }
    for (int i = 0; i < 4; i++) {
        if (!s->insn.has_mem) {
            check_registers(s);
        } else {
            check_memory(s);
            check_address(s);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample s = {.bytes = {0}};

    fuzz_operations++;
    if (code == NULL) {
        code = map_low(PROT_READ | PROT_WRITE | PROT_EXEC);
        buffer = map_low(PROT_READ | PROT_WRITE);
        source = map_low(PROT_READ | PROT_WRITE);
    }
    if (size < 2 || insn_decode(&s.insn, data + 1, size - 1, INSN_MODE_64) != INSN_OK ||
        s.insn.op > INSN_STOS) {
        return 0;
    }
    memcpy(s.bytes, data + 1, s.insn.length);
    find_parts(&s);
    seed = data[0] * 0x9e3779b97f4a7c15 + 1;
    for (unsigned i = 0; i < BUFFER_BYTES; i++) {
        source[i] = (uint8_t)next_random();
    }
    memcpy(buffer, source + 1, BUFFER_BYTES - 1);
    check(&s);
    return 0;
}
