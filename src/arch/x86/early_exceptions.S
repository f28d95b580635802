// SPDX-License-Identifier: Apache-2.0
// Exceptions while Pavise starts: one stub a vector, all registers saved for early_exception().

#define EXCEPTIONS 32
// Vectors whose exceptions push an error code: 8, 10 to 14, 17, 21, 29, 30.
#define ERROR_CODE_VECTORS 0x60227d00
#define STUB_BYTES 16

    .section .text.entry, "ax", @progbits

    .globl early_exception_stubs
    .balign STUB_BYTES
early_exception_stubs:
    .set vector, 0
    .rept EXCEPTIONS
    .balign STUB_BYTES
    .if ((ERROR_CODE_VECTORS >> vector) & 1) == 0
    pushq $0
    .endif
    pushq $vector
    jmp early_exception_common
    .set vector, vector + 1
    .endr

// The order is that of struct early_frame. An exception that has a fixup comes back.
early_exception_common:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    // 5 words of the processor's, 2 of the stub's and 15 here: the call has to find %rsp aligned.
    movq %rsp, %rbx
    andq $-16, %rsp
    call early_exception
    movq %rbx, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq
