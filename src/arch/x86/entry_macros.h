// SPDX-License-Identifier: Apache-2.0
// Macros that the assembly files of entry code share.
#pragma once

#ifdef __ASSEMBLY__
// clang-format off

/* A place where SMAP's guard is opened or closed; patched to nothing where there is no SMAP. */
.macro guard_user bytes:vararg
0:  .byte \bytes
    .pushsection smap_sites, "a"
    .long 0b - .
    .popsection
.endm
#define CLAC guard_user 0x0f, 0x01, 0xca
#define STAC guard_user 0x0f, 0x01, 0xcb

/* The general registers, in the order of struct cpu_user_regs, below the vector word. */
.macro push_general
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro pop_general
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
.endm

/* `fault` may fault, and goes on at `target` then (exception_table.h). */
.macro fixup fault, target
    .pushsection .ex_table, "a"
    .balign 4
    .long \fault - .
    .long \target - .
    .popsection
.endm

// clang-format on
#endif
