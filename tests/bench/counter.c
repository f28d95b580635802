// SPDX-License-Identifier: Apache-2.0
// A plugin for QEMU's translator that counts instructions between the marks of guest/lib/marker.h:
// all of them, those of the hypervisor, and of those the ones that cost a real processor more than
// an instruction (writes of control registers, TLB flushes, MSRs, returns, ...), by kind.
//
//   -plugin counter.so,out=FILE[,low=HEX,high=HEX][,profile=ROW]
//
// low and high bound the hypervisor's addresses (default: what the PV interface reserves for it).
// A row's line in FILE is that of its shortest round:
//   row NUMBER INSTRUCTIONS IN_HYPERVISOR KIND=COUNT...
// before them, from a Linux's first instruction to the first mark,
//   boot INSTRUCTIONS IN_HYPERVISOR KIND=COUNT...
// and for the row that `profile` numbers, a line for each address that ran in that round:
//   pc HEX COUNT, all 16 digits
//
// One virtual CPU only: counters are plain words. QEMU has no header for plugins in Debian, so what
// is used of its documented interface (version 1) is declared here.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marker.h"

// ---- QEMU's interface ---------------------------------------------------------------------------
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_INLINE_ADD_U64 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*cb)(unsigned vcpu, void *data), int registers,
                                            void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation,
                                                void *counter, uint64_t addend);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *),
                                    void *data);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

// ---- what is counted ----------------------------------------------------------------------------
enum kind {
    KIND_CR0,
    KIND_CR3,
    KIND_CR4,
    KIND_XCR0,
    KIND_INVLPG,
    KIND_INVPCID,
    KIND_WRMSR,
    KIND_RDMSR,
    KIND_SEGMENT_BASE,
    KIND_SWAPGS,
    KIND_IRET,
    KIND_SYSRET,
    KIND_CPUID,
    KIND_PORT,
    KIND_DESCRIPTOR_TABLE,
    KIND_FPU_STATE,
    KIND_VERW,
    KIND_FENCE,
    KIND_ATOMIC,
    KINDS,
    KIND_NONE = KINDS,
};

static const char *const kind_names[KINDS] = {
    [KIND_CR0] = "cr0",         [KIND_CR3] = "cr3",       [KIND_CR4] = "cr4",
    [KIND_XCR0] = "xcr0",       [KIND_INVLPG] = "invlpg", [KIND_INVPCID] = "invpcid",
    [KIND_WRMSR] = "wrmsr",     [KIND_RDMSR] = "rdmsr",   [KIND_SEGMENT_BASE] = "wrbase",
    [KIND_SWAPGS] = "swapgs",   [KIND_IRET] = "iret",     [KIND_SYSRET] = "sysret",
    [KIND_CPUID] = "cpuid",     [KIND_PORT] = "port",     [KIND_DESCRIPTOR_TABLE] = "lgdt",
    [KIND_FPU_STATE] = "xsave", [KIND_VERW] = "verw",     [KIND_FENCE] = "fence",
    [KIND_ATOMIC] = "lock",
};

struct counts {
    uint64_t all, hypervisor, kinds[KINDS];
};

// Run on from power-on; a round is the difference of two readings.
static struct counts now;
static struct counts round_start, best;
static unsigned row;

// Where Linux's text is linked to run (x86 memory layout, Documentation/x86 of Linux); the boot is
// from there to the first mark.
static const uint64_t kernel_low = 0xffffffff80000000;
static struct counts boot_start;
static enum { BOOT_FIRMWARE, BOOT_KERNEL, BOOT_DONE } boot_stage;

static FILE *out;
static uint64_t low = 0xffff800000000000, high = 0xffff87ffffffffff;

// ---- decoding, as far as it goes ----------------------------------------------------------------
struct code {
    const uint8_t *bytes;
    size_t size;
    bool locked, operand_size, repeat;
};

static void skip(struct code *code)
{
    code->bytes++;
    code->size--;
}

// Legacy prefixes in any order, then REX (processor manuals, instruction format). Leaves at least
// one byte.
static void take_prefixes(struct code *code)
{
    for (; code->size > 1; skip(code)) {
        uint8_t byte = *code->bytes;
        if (byte == 0xf0) {
            code->locked = true;
        } else if (byte == 0x66) {
            code->operand_size = true;
        } else if (byte == 0xf2 || byte == 0xf3) {
            code->repeat = true;
        } else if (byte != 0x67 && (byte & 0xe7) != 0x26 && byte != 0x64 && byte != 0x65) {
            break;
        }
    }
    if (code->size > 1 && (*code->bytes & 0xf0) == 0x40) {
        skip(code);
    }
}

static unsigned modrm_reg(uint8_t modrm)
{
    return modrm >> 3 & 7;
}

static bool modrm_memory(uint8_t modrm)
{
    return modrm >> 6 != 3;
}

// 0F 01: descriptor tables, LMSW, INVLPG and what shares their register forms.
static enum kind kind_of_group7(uint8_t modrm)
{
    if (modrm_memory(modrm)) {
        static const enum kind kinds[8] = {
            KIND_NONE, KIND_NONE, KIND_DESCRIPTOR_TABLE, KIND_DESCRIPTOR_TABLE, KIND_NONE,
            KIND_NONE, KIND_CR0,  KIND_INVLPG,
        };
        return kinds[modrm_reg(modrm)];
    }
    return modrm == 0xd1           ? KIND_XCR0
           : modrm == 0xf8         ? KIND_SWAPGS
           : modrm_reg(modrm) == 6 ? KIND_CR0
                                   : KIND_NONE;
}

static enum kind kind_of_control_register(uint8_t modrm)
{
    switch (modrm_reg(modrm)) {
    case 0:
        return KIND_CR0;
    case 3:
        return KIND_CR3;
    case 4:
        return KIND_CR4;
    default:
        return KIND_NONE;
    }
}

// 0F AE: states of the FPU, bases of segments, fences.
static enum kind kind_of_group15(const struct code *code, uint8_t modrm)
{
    if (!modrm_memory(modrm)) {
        bool writes_base = modrm_reg(modrm) == 2 || modrm_reg(modrm) == 3;
        return code->repeat ? writes_base ? KIND_SEGMENT_BASE : KIND_NONE
               : modrm_reg(modrm) >= 5 && !code->operand_size ? KIND_FENCE
                                                              : KIND_NONE;
    }
    static const enum kind kinds[8] = {
        KIND_FPU_STATE, KIND_FPU_STATE, KIND_NONE,      KIND_NONE,
        KIND_FPU_STATE, KIND_FPU_STATE, KIND_FPU_STATE, KIND_NONE,
    };
    return kinds[modrm_reg(modrm)];
}

static enum kind kind_of_two_bytes(const struct code *code)
{
    uint8_t opcode = code->bytes[1], modrm = code->size > 2 ? code->bytes[2] : 0;

    switch (opcode) {
    case 0x00:
        return modrm_reg(modrm) == 2 || modrm_reg(modrm) == 3 ? KIND_DESCRIPTOR_TABLE
               : modrm_reg(modrm) == 5                        ? KIND_VERW
                                                              : KIND_NONE;
    case 0x01:
        return kind_of_group7(modrm);
    case 0x06:
        return KIND_CR0;
    case 0x07:
        return KIND_SYSRET;
    case 0x22:
        return kind_of_control_register(modrm);
    case 0x30:
        return KIND_WRMSR;
    case 0x32:
        return KIND_RDMSR;
    case 0x38:
        return modrm == 0x82 && code->operand_size ? KIND_INVPCID : KIND_NONE;
    case 0xa2:
        return KIND_CPUID;
    case 0xae:
        return kind_of_group15(code, modrm);
    case 0xc7:
        return modrm_memory(modrm) && modrm_reg(modrm) >= 3 && modrm_reg(modrm) <= 5
                   ? KIND_FPU_STATE
                   : KIND_NONE;
    default:
        return KIND_NONE;
    }
}

static enum kind kind_of(const uint8_t *bytes, size_t size)
{
    struct code code = {.bytes = bytes, .size = size};

    take_prefixes(&code);
    uint8_t opcode = code.bytes[0];
    // XCHG with memory locks without being told.
    if (code.locked || ((opcode & 0xfe) == 0x86 && code.size > 1 && modrm_memory(code.bytes[1]))) {
        return KIND_ATOMIC;
    }
    if (opcode == 0xcf) {
        return KIND_IRET;
    }
    // INS and OUTS; E4 to E7 and EC to EF, between which calls and jumps lie.
    if ((opcode & 0xfc) == 0x6c || (opcode & 0xf4) == 0xe4) {
        return KIND_PORT;
    }
    return opcode == 0x0f && code.size > 1 ? kind_of_two_bytes(&code) : KIND_NONE;
}

static uint32_t mark_of(const uint8_t *bytes, size_t size)
{
    uint32_t number = 0;

    if (size == 7 && bytes[0] == 0x0f && bytes[1] == 0x1f && bytes[2] == 0x80) {
        memcpy(&number, bytes + 3, sizeof(number));
    }
    return number;
}

// ---- a profile ----------------------------------------------------------------------------------
// A hash table from addresses to counters, which stay where they are, as translated code adds to
// them.
#define PROFILE_SLOTS (1u << 21)

static unsigned profiled_row;
static uint64_t *profile_pc, *profile_count, *profile_best;

static void profile_setup(unsigned number)
{
    profiled_row = number;
    profile_pc = calloc(PROFILE_SLOTS, sizeof(*profile_pc));
    profile_count = calloc(PROFILE_SLOTS, sizeof(*profile_count));
    profile_best = calloc(PROFILE_SLOTS, sizeof(*profile_best));
    if (profile_pc == NULL || profile_count == NULL || profile_best == NULL) {
        abort();
    }
}

static uint64_t *profile_counter(uint64_t pc)
{
    size_t slot = pc * 0x9e3779b97f4a7c15 >> 32 & (PROFILE_SLOTS - 1);

    while (profile_pc[slot] != 0 && profile_pc[slot] != pc) {
        slot = (slot + 1) & (PROFILE_SLOTS - 1);
    }
    profile_pc[slot] = pc;
    return &profile_count[slot];
}

static bool profiling(void)
{
    return profiled_row != 0 && profiled_row == row + 1;
}

static void profile_print(void)
{
    for (size_t slot = 0; slot < PROFILE_SLOTS; slot++) {
        if (profile_best[slot] != 0) {
            fprintf(out, "pc %016lx %lu\n", profile_pc[slot], profile_best[slot]);
        }
    }
}

// ---- rounds and rows ----------------------------------------------------------------------------
static struct counts since(const struct counts *start)
{
    struct counts passed = {.all = now.all - start->all,
                            .hypervisor = now.hypervisor - start->hypervisor};

    for (unsigned kind = 0; kind < KINDS; kind++) {
        passed.kinds[kind] = now.kinds[kind] - start->kinds[kind];
    }
    return passed;
}

static void print_counts(const struct counts *counts)
{
    fprintf(out, "%lu %lu", counts->all, counts->hypervisor);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (counts->kinds[kind] != 0) {
            fprintf(out, " %s=%lu", kind_names[kind], counts->kinds[kind]);
        }
    }
    fputc('\n', out);
}

static void end_boot(void)
{
    struct counts boot = since(&boot_start);

    fprintf(out, "boot ");
    print_counts(&boot);
    boot_stage = BOOT_DONE;
}

static void start_round(unsigned vcpu, void *data)
{
    (void)vcpu, (void)data;
    if (boot_stage == BOOT_KERNEL) {
        end_boot();
    }
    if (profiling()) {
        memset(profile_count, 0, PROFILE_SLOTS * sizeof(*profile_count));
    }
    round_start = now;
}

static void end_round(unsigned vcpu, void *data)
{
    (void)vcpu, (void)data;
    struct counts this = since(&round_start);

    if (best.all == 0 || this.all < best.all) {
        best = this;
        if (profiling()) {
            memcpy(profile_best, profile_count, PROFILE_SLOTS * sizeof(*profile_count));
        }
    }
}

static void end_row(unsigned vcpu, void *data)
{
    (void)vcpu, (void)data;
    fprintf(out, "row %u ", row + 1);
    print_counts(&best);
    if (profiling()) {
        profile_print();
    }
    fflush(out);
    best = (struct counts){0};
    row++;
}

// ---- translation --------------------------------------------------------------------------------
static void count(struct qemu_plugin_insn *insn, uint64_t *counter)
{
    qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, counter, 1);
}

static void instrument(struct qemu_plugin_insn *insn)
{
    const uint8_t *bytes = qemu_plugin_insn_data(insn);
    size_t size = qemu_plugin_insn_size(insn);
    uint64_t pc = qemu_plugin_insn_vaddr(insn);
    uint32_t mark = mark_of(bytes, size);
    void (*marked)(unsigned, void *) = mark == MARK_ROUND_START ? start_round
                                       : mark == MARK_ROUND_END ? end_round
                                       : mark == MARK_ROW_END   ? end_row
                                                                : NULL;

    if (marked != NULL) {
        qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, QEMU_PLUGIN_CB_NO_REGS, NULL);
        return;
    }
    count(insn, &now.all);
    if (pc >= low && pc <= high) {
        enum kind kind = kind_of(bytes, size);
        count(insn, &now.hypervisor);
        if (kind != KIND_NONE) {
            count(insn, &now.kinds[kind]);
        }
    }
    if (profiled_row != 0) {
        count(insn, profile_counter(pc));
    }
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    // Code is translated when it first runs.
    if (boot_stage == BOOT_FIRMWARE &&
        qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0)) >= kernel_low) {
        boot_start = now;
        boot_stage = BOOT_KERNEL;
    }
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        instrument(qemu_plugin_tb_get_insn(tb, i));
    }
}

static void finish(qemu_plugin_id_t id, void *data)
{
    (void)id, (void)data;
    fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(argv[i] + 4, "w");
        } else if (strncmp(argv[i], "low=", 4) == 0) {
            low = strtoull(argv[i] + 4, NULL, 16);
        } else if (strncmp(argv[i], "high=", 5) == 0) {
            high = strtoull(argv[i] + 5, NULL, 16);
        } else if (strncmp(argv[i], "profile=", 8) == 0) {
            profile_setup((unsigned)strtoul(argv[i] + 8, NULL, 10));
        }
    }
    if (out == NULL) {
        fprintf(stderr, "counter: no out=FILE that can be written\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
