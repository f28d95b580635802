// SPDX-License-Identifier: Apache-2.0
// Replacing instructions at start of day.
#include "base/patch.h"

#include "arch/text.h"
#include "base/panic.h"
#include "lib/string.h"

#define OPCODE_CALL       0xe8
#define OPCODE_JMP        0xe9
#define OPCODE_GROUP5     0xff
#define GROUP5_CALL       0xd0 /* with a register in the low three bits */
#define GROUP5_JMP        0xe0
#define PREFIX_CS         0x2e /* means nothing before a branch by register */
#define PREFIX_REX_B      0x41
#define LONGEST_NO_OP     8
#define DISPLACEMENT_SIZE 4

/* The manuals' recommended forms (Intel volume 2, NOP): one instruction each. */
static const uint8_t no_op[LONGEST_NO_OP][LONGEST_NO_OP] = {
    {0x90},
    {0x66, 0x90},
    {0x0f, 0x1f, 0x00},
    {0x0f, 0x1f, 0x40, 0x00},
    {0x0f, 0x1f, 0x44, 0x00, 0x00},
    {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
    {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
    {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
};

static void fill_with_no_ops(uint8_t *at, size_t bytes)
{
    while (bytes != 0) {
        size_t length = MIN(bytes, (size_t)LONGEST_NO_OP);

        memcpy(at, no_op[length - 1], length);
        at += length;
        bytes -= length;
    }
}

static uint8_t *resolve(const int32_t *offset)
{
    return (uint8_t *)offset + *offset;
}

/* A branch to a fixed place, copied to another one. */
static void move_branch(uint8_t *copy, const uint8_t *from, const uint8_t *to)
{
    int32_t displacement;

    if (copy[0] != OPCODE_CALL && copy[0] != OPCODE_JMP) {
        return;
    }
    memcpy(&displacement, copy + 1, DISPLACEMENT_SIZE);
    displacement += (int32_t)(from - to);
    memcpy(copy + 1, &displacement, DISPLACEMENT_SIZE);
}

static void apply(const struct patch_site *record)
{
    uint8_t *site = resolve(&record->site);
    const uint8_t *replacement = resolve(&record->replacement);
    uint8_t code[PATCH_MAX_BYTES];

    BUG_ON(record->site_bytes > sizeof(code) || record->replacement_bytes > record->site_bytes);
    memcpy(code, replacement, record->replacement_bytes);
    if (record->replacement_bytes >= PATCH_BRANCH_BYTES) {
        move_branch(code, replacement, site);
    }
    fill_with_no_ops(code + record->replacement_bytes,
                     (size_t)record->site_bytes - record->replacement_bytes);
    arch_write_text(site, code, record->site_bytes);
}

void patch_apply(const struct patch_site *first, const struct patch_site *end, uint64_t conditions)
{
    for (const struct patch_site *record = first; record < end; record++) {
        if ((conditions >> record->when) & 1) {
            apply(record);
        }
    }
}

bool patch_branch_to_register(void *site, unsigned int number)
{
    uint8_t opcode = *(const uint8_t *)site;
    uint8_t code[PATCH_BRANCH_BYTES] = {PREFIX_CS, PREFIX_CS, PREFIX_CS, OPCODE_GROUP5, 0};

    if (opcode != OPCODE_CALL && opcode != OPCODE_JMP) {
        return false;
    }
    if (number >= 8) {
        code[2] = PREFIX_REX_B;
    }
    code[4] = (uint8_t)((opcode == OPCODE_CALL ? GROUP5_CALL : GROUP5_JMP) | number % 8);
    arch_write_text(site, code, sizeof(code));
    return true;
}
