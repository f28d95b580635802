// SPDX-License-Identifier: Apache-2.0
// Macros that the assembly files of entry code share.
#pragma once

#ifdef __ASSEMBLY__
// clang-format off

/*
 * Where `when` holds (base/patch.h), the code from `first` to `last` is replaced by up to two
 * instructions at start of day. It is at least as long as these.
 */
.macro alternative first, last, when, one, two
    .pushsection .patch_code, "a"
771: \one
    \two
772:
    .popsection
    .pushsection patch_sites, "a"
    .balign 4
    .long \first - ., 771b - .
    .byte \when, \last - \first, 772b - 771b, 0
    .popsection
.endm

/* A place where SMAP's guard is opened or closed; patched to nothing where there is no SMAP. */
.macro guard_user bytes:vararg
773: .byte \bytes
774: alternative 773b, 774b, NO_SMAP_PATCH
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

/* An exception's stub: the error code where the processor gives none, the vector above it, and on. */
.macro stub has_code, target
    .balign 16
    .if \has_code == 0
    pushq $0
    .endif
    movl $vector, 4(%rsp)
    jmp \target
.endm

/* JMP with a 32-bit displacement, whatever the distance is here: for code that is copied. */
.macro jmp_far_enough target
    .byte 0xe9
    .long \target - . - 4
.endm

/* The last of a way out: %rbx = the vCPU, all other registers are the guest's. */
.macro guest_sysret
778: movq VCPU_RBX(%rbx), %rbx
    sysretq
779: alternative 778b, 779b, GUARDED_PATCH, "jmp guarded_sysret"
.endm

/* Go to `slow` if something is to be done before the vCPU in %rbx runs on. Uses %rcx and %rsi. */
.macro jump_if_work slow
    movq VCPU_CPU(%rbx), %rcx
    cmpl $0, CPU_PENDING(%rcx)
    jne \slow
    cmpl $0, VCPU_EXIT_WORK(%rbx)
    jne \slow
    movq VCPU_INFO(%rbx), %rsi
    cmpb $0, INFO_PENDING(%rsi)
    je 9f
    cmpb $0, INFO_MASK(%rsi)
    je \slow
9:
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
