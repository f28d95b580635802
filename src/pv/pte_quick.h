// SPDX-License-Identifier: Apache-2.0
// The few instructions with which kernels write page-table entries, recognised without the decoder.
//
// Linux unmaps with XCHG, sets with MOV and compares with CMPXCHG, 8 bytes each. Decoding one in
// general costs more than all the rest of a trapped write; so these are told apart by their first
// 8 bytes, and everything else goes to the decoder.
#pragma once

#include "lib/compiler.h"

enum pte_quick_op { PTE_QUICK_MOV, PTE_QUICK_XCHG, PTE_QUICK_CMPXCHG };

struct pte_quick {
    enum pte_quick_op op;
    unsigned int reg;    /* number of the register operand, 0 to 15 */
    unsigned int length; /* bytes */
};

/*
 * Whether `code`, the first 8 bytes of an instruction in 64-bit code (lowest first), is one of them
 * with 8-byte operands, a memory operand without a segment prefix, and no more than 8 bytes long.
 */
must_check bool pte_quick_recognise(uint64_t code, struct pte_quick *quick);
