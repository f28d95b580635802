// SPDX-License-Identifier: Apache-2.0
// Encodings: Intel SDM volume 2, 2.1 and 2.2 (ModRM, SIB, REX), MOV, XCHG, CMPXCHG.
#include "pv/pte_quick.h"

#define PREFIX_LOCK     0xf0
#define OPCODE_MOV      0x89 /* r/m64, r64 */
#define OPCODE_XCHG     0x87 /* r/m64, r64 */
#define OPCODE_TWO_BYTE 0x0f
#define OPCODE_CMPXCHG  0xb1 /* 0f b1: r/m64, r64 */
#define REX_W           0x48
#define REX_W_MASK      0xf8
#define REX_R           0x04

/* Bytes of ModRM, SIB and displacement, or 0 where the operand is a register. */
static unsigned int operand_bytes(uint64_t code)
{
    static const uint8_t displacement[4] = {0, 1, 4, 0};
    unsigned int mod = (code >> 6) & 3, rm = code & 7;
    unsigned int bytes = 1 + displacement[mod];

    if (mod == 3) {
        return 0;
    }
    if (rm == 4) {
        bytes++;
        rm = (code >> 8) & 7; /* the SIB's base: 5 without one has a displacement too */
    }
    return mod == 0 && rm == 5 ? bytes + 4 : bytes;
}

/* After the prefixes; sets the operation and returns how long the opcode is, 0: none of them. */
static unsigned int opcode_bytes(uint64_t code, bool lock, enum pte_quick_op *op)
{
    switch (code & 0xff) {
    case OPCODE_XCHG:
        *op = PTE_QUICK_XCHG;
        return 1;
    case OPCODE_MOV:
        *op = PTE_QUICK_MOV;
        return lock ? 0 : 1;
    case OPCODE_TWO_BYTE:
        *op = PTE_QUICK_CMPXCHG;
        return ((code >> 8) & 0xff) == OPCODE_CMPXCHG ? 2 : 0;
    default:
        return 0;
    }
}

bool pte_quick_recognise(uint64_t code, struct pte_quick *quick)
{
    bool lock = (code & 0xff) == PREFIX_LOCK;
    unsigned int length = lock ? 2 : 1;
    unsigned int bytes;
    uint8_t rex;

    code >>= lock ? 8 : 0;
    rex = (uint8_t)code;
    if ((rex & REX_W_MASK) != REX_W) {
        return false;
    }
    code >>= 8;
    bytes = opcode_bytes(code, lock, &quick->op);
    if (bytes == 0) {
        return false;
    }
    length += bytes;
    code >>= bytes * 8;
    bytes = operand_bytes(code);
    quick->reg = ((code >> 3) & 7) | (rex & REX_R) << 1;
    quick->length = length + bytes;
    return bytes != 0 && quick->length <= sizeof(code);
}
