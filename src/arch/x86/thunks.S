// SPDX-License-Identifier: Apache-2.0
// Where the compiler's indirect branches go: __x86_indirect_thunk_REG branches to the address in REG.
//
// Linked as retpolines: the target is put in the place of a return address, so the processor predicts
// it from its return stack, which leads into a loop that does nothing. On a processor that needs
// none, each branch to a thunk becomes the plain one instead (base/patch.h).

#include "asm-offsets.h"
#include "entry_macros.h"

#define THUNK_BYTES 32

    .section .text.thunks, "ax", @progbits

.macro thunk reg
    .balign THUNK_BYTES
    .globl __x86_indirect_thunk_\reg
__x86_indirect_thunk_\reg:
1:  call 3f
2:  pause
    lfence
    jmp 2b
3:  movq %\reg, (%rsp)
    ret
4:  alternative 1b, 4b, THUNK_FENCE_PATCH, "lfence", "jmpq *%\reg"
.endm

// In the order of the registers' numbers: the table of branches counts on it. RSP has none.
    .irp reg, rax, rcx, rdx, rbx
    thunk \reg
    .endr
    .balign THUNK_BYTES
    .skip THUNK_BYTES, 0xcc
    .irp reg, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    thunk \reg
    .endr

    .section .note.GNU-stack, "", @progbits
