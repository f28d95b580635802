// SPDX-License-Identifier: Apache-2.0
// The short ways: a page fault, an invalid opcode or a system call bounced to the guest's kernel,
// and the kernel's IRET.
//
// They do what src/pv/bounce.c and src/pv/return.c do, for the plain case: nothing is owed to the
// vCPU, and the guest's stack is there. Whatever is out of the ordinary is left to the C code, with
// every register as it was. A frame is the one that src/pv/bounce.h draws.
//
// In here %rbx = the vCPU, and the stack is the CPU's, so that a fault on guest memory is an
// ordinary one of Pavise's own.

#include "asm-offsets.h"
#include "entry_macros.h"
#include "percpu.h"
#include "selectors.h"

    .text

/* Pavise's part of the address space, by the bits above 43. */
#define HV_RANGE_SHIFT 43
#define HV_RANGE       0x1ffff0

/* Where %rsp points into the vCPU when an exception has pushed its code. */
#define EXCEPTION_BASE (VCPU_RIP-8)

/* Registers that the code below uses, stored; %rbx = the vCPU, which lies at `base`(%rsp). */
.macro store_used base
    movq %rax, VCPU_RAX - \base(%rsp)
    movq %rdx, VCPU_RDX - \base(%rsp)
    movq %rsi, VCPU_RSI - \base(%rsp)
    movq %rdi, VCPU_RDI - \base(%rsp)
    movq %r11, VCPU_R11 - \base(%rsp)
    movq %rbx, VCPU_RBX - \base(%rsp)
    .if \base == 0
    movq %rsp, %rbx
    .else
    movq %rcx, VCPU_RCX - \base(%rsp)
    leaq -\base(%rsp), %rbx
    .endif
    movq VCPU_STACK_TOP(%rbx), %rsp
.endm

.macro restore_used
    movq VCPU_RAX(%rbx), %rax
    movq VCPU_RCX(%rbx), %rcx
    movq VCPU_RDX(%rbx), %rdx
    movq VCPU_RSI(%rbx), %rsi
    movq VCPU_RDI(%rbx), %rdi
    movq VCPU_R11(%rbx), %r11
.endm

/* From user mode to the kernel: the mode, GS, the page tables. Uses %rcx and %rdx. */
.macro enter_kernel_mode
    orl $MODE_KERNEL_BIT, VCPU_MODE(%rbx)
    swapgs
    movq VCPU_KERNEL_CR3(%rbx), %rdx
    movq %rdx, %cr3
    movq VCPU_CPU(%rbx), %rcx
    movq %rdx, CPU_CURRENT_CR3(%rcx)
.endm

/*
 * Go to `slow` if [address, + 72) may touch Pavise's range. A processor that guesses that it does not
 * goes on with the register made HV_RANGE, an address of the guest's. Uses %rdx.
 */
.macro check_range address, slow
    movq \address, %rdx
    shrq $HV_RANGE_SHIFT, %rdx
    cmpq $HV_RANGE, %rdx
    je \slow
    cmoveq %rdx, \address
.endm

.macro store_or_crash source, target
9:  movq \source, \target
    fixup 9b, bounce_without_stack
.endm

/*
 * Write the frame at %rcx and enter the handler at %rax, with %rsi = vcpu_info. `at` is the offset
 * of the part above the code, if there is one. RFLAGS of a running guest has IF set and IOPL
 * clear, so the pushed value differs from it only where events are masked.
 */
.macro bounce at, from_kernel
    STAC
    store_or_crash %r11, 8(%rcx)
    movq VCPU_RCX(%rbx), %rdx
    store_or_crash %rdx, (%rcx)
    .if \at == 24
    movl VCPU_ERROR_CODE(%rbx), %edx
    store_or_crash %rdx, 16(%rcx)
    .endif
    movq VCPU_RIP(%rbx), %rdx
    store_or_crash %rdx, \at(%rcx)
    xorl %edx, %edx
    cmpb $0, INFO_MASK(%rsi)
    setne %dl
    movzwl VCPU_CS(%rbx), %r11d
    .if \from_kernel
    andl $~3, %r11d
    .endif
8:  movl %r11d, \at + 8(%rcx)
7:  movl %edx, \at + 12(%rcx)
    fixup 8b, bounce_without_stack
    fixup 7b, bounce_without_stack
    shll $9, %edx
    xorq VCPU_RFLAGS(%rbx), %rdx
    store_or_crash %rdx, \at + 16(%rcx)
    movq VCPU_RSP(%rbx), %rdx
    store_or_crash %rdx, \at + 24(%rcx)
    movzwl VCPU_SS(%rbx), %edx
    store_or_crash %rdx, \at + 32(%rcx)
    CLAC
.endm

/* RCX and R11 lie on the guest's stack, so SYSRET may spend them. */
.macro enter_handler
    movq VCPU_RFLAGS(%rbx), %r11
    andq $~RFLAGS_CLEARED, %r11
    movq %rcx, %rsp
    movq %rax, %rcx
    movq VCPU_RAX(%rbx), %rax
    movq VCPU_RDX(%rbx), %rdx
    movq VCPU_RSI(%rbx), %rsi
    movq VCPU_RDI(%rbx), %rdi
    guest_sysret
.endm

/* The handler in %rax, the gate in %rdi, vcpu_info in %rsi, for `vector`. */
.macro load_gate vector
    movq VCPU_TRAPS(%rbx), %rdi
    addq $(\vector * GATE_BYTES), %rdi
    movq VCPU_INFO(%rbx), %rsi
    movq GATE_ADDRESS(%rdi), %rax
    testq %rax, %rax
    jz exception_slowly
.endm

.macro bounce_by_gate at, from_kernel
    .if \from_kernel
    movq VCPU_RSP(%rbx), %rcx
    .else
    movq VCPU_KERNEL_SP(%rbx), %rcx
    .endif
    andq $~15, %rcx
    subq $(\at + 40), %rcx
    check_range %rcx, exception_slowly
    .if !\from_kernel
    movq %rcx, %r10
    enter_kernel_mode
    movq %r10, %rcx
    movq VCPU_R10(%rbx), %r10
    .endif
    bounce \at, \from_kernel
    testb $GATE_MASKS_EVENTS, GATE_FLAGS(%rdi)
    jz 6f
    movb $1, INFO_MASK(%rsi)
6:  enter_handler
.endm

/* As the processor left it: everything of the guest's where it was. */
exception_slowly:
    restore_used
    leaq VCPU_RIP - 8(%rbx), %rsp
    movq VCPU_RBX(%rbx), %rbx
    jmp exception_of_guest

// ---- Page faults -----------------------------------------------------------------------------

#define CODE_PRESENT_WRITE 3
#define CODE_USER          4
#define CODE_RESERVED      8

    .globl page_fault_entry
page_fault_entry:
    testb $3, 16(%rsp)
    jz exception_in_hypervisor
    CLAC
    store_used EXCEPTION_BASE
    cmpl $0, VCPU_CAREFUL(%rbx)
    jne exception_slowly
    movl VCPU_ERROR_CODE(%rbx), %ecx
    movl %ecx, %edx
    andl $(CODE_USER | CODE_RESERVED), %edx
    cmpl $CODE_USER, %edx
    jne exception_slowly
    load_gate 14
    testb $MODE_KERNEL_BIT, VCPU_MODE(%rbx)
    jz 1f
    // A kernel's write to a page that is there may be to a page table.
    andl $CODE_PRESENT_WRITE, %ecx
    cmpl $CODE_PRESENT_WRITE, %ecx
    je exception_slowly
    movq %cr2, %rdx
    movq %rdx, VCPU_FAULT_ADDRESS(%rbx)
    movq %rdx, INFO_CR2(%rsi)
    andl $~CODE_USER, VCPU_ERROR_CODE(%rbx)
    bounce_by_gate 24, 1

1:  movq %cr2, %rdx
    movq %rdx, VCPU_FAULT_ADDRESS(%rbx)
    movq %rdx, INFO_CR2(%rsi)
    movq %r10, VCPU_R10(%rbx)
    bounce_by_gate 24, 0

// ---- Invalid opcodes -------------------------------------------------------------------------

/* UD2 and "xe" of "xen": the forced-emulation prefix. */
#define FORCED_PREFIX 0x65780b0f

    .globl invalid_opcode_entry
invalid_opcode_entry:
    testb $3, 16(%rsp)
    jz exception_in_hypervisor
    CLAC
    store_used EXCEPTION_BASE
    cmpl $0, VCPU_CAREFUL(%rbx)
    jne exception_slowly
    movq VCPU_RIP(%rbx), %rax
    check_range %rax, exception_slowly
    STAC
1:  movl (%rax), %eax
    CLAC
    fixup 1b, unreadable_opcode
    cmpl $FORCED_PREFIX, %eax
    je forced_emulation
    load_gate 6
    testb $MODE_KERNEL_BIT, VCPU_MODE(%rbx)
    jz 2f
    bounce_by_gate 16, 1
2:  movq %r10, VCPU_R10(%rbx)
    bounce_by_gate 16, 0

unreadable_opcode:
    CLAC
    jmp exception_slowly

/* CPUID is all that the prefix is for. */
forced_emulation:
    movq %r8, VCPU_R8(%rbx)
    movq %r9, VCPU_R9(%rbx)
    movq %r10, VCPU_R10(%rbx)
    movq %rbx, %rdi
    call pv_cpuid_quickly
    movq VCPU_R8(%rbx), %r8
    movq VCPU_R9(%rbx), %r9
    movq VCPU_R10(%rbx), %r10
    testb %al, %al
    jz exception_slowly
    jump_if_work work_after_cpuid
    restore_used
    leaq VCPU_RIP(%rbx), %rsp
    movq VCPU_RBX(%rbx), %rbx
    jmp guest_iretq

work_after_cpuid:
    movq %rbp, VCPU_RBP(%rbx)
    movq %r12, VCPU_R12(%rbx)
    movq %r13, VCPU_R13(%rbx)
    movq %r14, VCPU_R14(%rbx)
    movq %r15, VCPU_R15(%rbx)
    xorl %ebp, %ebp
    jmp return_to_guest

// ---- System calls of user mode ---------------------------------------------------------------

/* %rsp = the vCPU, with RIP, RCX and RSP stored; %r11 = RFLAGS. */
    .globl fast_syscall_from_user
fast_syscall_from_user:
    movq %r11, VCPU_RFLAGS(%rsp)
    movq $SELECTOR_GUEST_CS64, VCPU_CS(%rsp)
    movq $SELECTOR_GUEST_DATA, VCPU_SS(%rsp)
    movl $ENTRY_SYSCALL_NR, VCPU_VECTOR(%rsp)
    store_used 0
    cmpl $0, VCPU_CAREFUL(%rbx)
    jne syscall_slowly
    movq VCPU_SYSCALL64(%rbx), %rax
    testq %rax, %rax
    jz syscall_slowly
    movq VCPU_KERNEL_SP(%rbx), %rdi
    andq $~15, %rdi
    subq $(16 + 40), %rdi
    check_range %rdi, syscall_slowly
    enter_kernel_mode
    movq %rdi, %rcx
    movq VCPU_INFO(%rbx), %rsi
    bounce 16, 0
    cmpb $0, VCPU_SYSCALL64_MASKS(%rbx)
    je 1f
    movb $1, INFO_MASK(%rsi)
1:  enter_handler

syscall_slowly:
    restore_used
    movq %rbx, %rsp
    movq VCPU_RBX(%rbx), %rbx
    jmp syscall_from_user

/*
 * The guest's kernel has no stack where it said: its end. Registers that were not stored are the
 * guest's still.
 */
bounce_without_stack:
    CLAC
    // An exception leaves the guest's direction flag as it was.
    cld
    movq %r8, VCPU_R8(%rbx)
    movq %r9, VCPU_R9(%rbx)
    movq %r10, VCPU_R10(%rbx)
    movq %rbp, VCPU_RBP(%rbx)
    movq %r12, VCPU_R12(%rbx)
    movq %r13, VCPU_R13(%rbx)
    movq %r14, VCPU_R14(%rbx)
    movq %r15, VCPU_R15(%rbx)
    xorl %ebp, %ebp
    movq %rbx, %rdi
    movq %rcx, %rsi
    call pv_bounce_without_stack
    jmp return_to_guest

// ---- Events ----------------------------------------------------------------------------------

/*
 * At the end of a hypercall: %rbx = the vCPU, whose registers are stored but for those that C keeps,
 * %rsi = its vcpu_info, where an upcall is pending and not masked.
 */
    .globl bounce_event
bounce_event:
    cmpl $0, VCPU_CAREFUL(%rbx)
    jne return_slowly
    testb $MODE_KERNEL_BIT, VCPU_MODE(%rbx)
    jz return_slowly
    movq VCPU_EVENT(%rbx), %rax
    testq %rax, %rax
    jz return_slowly
    movq VCPU_RSP(%rbx), %rcx
    andq $~15, %rcx
    subq $(16 + 40), %rcx
    check_range %rcx, return_slowly
    movq VCPU_R8(%rbx), %r8
    movq VCPU_R9(%rbx), %r9
    movq VCPU_R10(%rbx), %r10
    movq VCPU_R11(%rbx), %r11
    bounce 16, 1
    movb $1, INFO_MASK(%rsi)
    enter_handler

// ---- IRET ------------------------------------------------------------------------------------
// The frame, from the guest's RSP on (struct iret_context): RAX, R11, RCX, flags, RIP, CS, RFLAGS,
// RSP, SS. A fault there starts the call over in C, before anything has changed.

#define FRAME_RAX    0
#define FRAME_R11    8
#define FRAME_RCX    16
#define FRAME_FLAGS  24
#define FRAME_RIP    32
#define FRAME_CS     40
#define FRAME_RFLAGS 48
#define FRAME_RSP    56
#define FRAME_SS     64

.macro load_or_slowly source, target
9:  movq \source, \target
    fixup 9b, iret_slowly
.endm

/* %rsp = the vCPU, with RIP, RCX and RSP stored; RAX, RCX and R11 are free. */
    .globl fast_iret
fast_iret:
    movq %rbx, VCPU_RBX(%rsp)
    movq %rdx, VCPU_RDX(%rsp)
    movq %rsi, VCPU_RSI(%rsp)
    movq %rdi, VCPU_RDI(%rsp)
    movq %r11, VCPU_R11(%rsp)
    movq %rsp, %rbx
    movq VCPU_STACK_TOP(%rbx), %rsp
    cmpl $0, VCPU_CAREFUL(%rbx)
    jne iret_slowly
    movq VCPU_RSP(%rbx), %rcx
    check_range %rcx, iret_slowly
    STAC
    // First and last word: then all of it is there, unless another CPU unmaps it just now; such a
    // guest gets what it asks for.
    load_or_slowly FRAME_RAX(%rcx), %rax
    load_or_slowly FRAME_SS(%rcx), %rdi
    load_or_slowly FRAME_FLAGS(%rcx), %rax
    testl $IRET_IN_SYSCALL, %eax
    jnz iret_by_sysret
    load_or_slowly FRAME_RSP(%rcx), %rsi
    load_or_slowly FRAME_RFLAGS(%rcx), %rdx
    load_or_slowly FRAME_CS(%rcx), %r11
    load_or_slowly FRAME_RIP(%rcx), %rax
    testb $3, %r11b
    jnz iret_to_user
iret_load:
    movq %rax, VCPU_RIP(%rbx)
    movq %rsi, VCPU_RSP(%rbx)
    orl $3, %r11d
    movw %r11w, VCPU_CS(%rbx)
    orl $3, %edi
    movw %di, VCPU_SS(%rbx)
    movq VCPU_INFO(%rbx), %rsi
    btl $9, %edx
    setnc INFO_MASK(%rsi)
    andq $~RFLAGS_REFUSED, %rdx
    orq $RFLAGS_ALWAYS, %rdx
    movq %rdx, VCPU_RFLAGS(%rbx)
    load_or_slowly FRAME_R11(%rcx), %r11
    load_or_slowly FRAME_RAX(%rcx), %rax
    load_or_slowly FRAME_RCX(%rcx), %rcx
    CLAC
    cmpb $0, INFO_PENDING(%rsi)
    jne iret_with_event
    movq VCPU_RDX(%rbx), %rdx
    movq VCPU_RSI(%rbx), %rsi
    movq VCPU_RDI(%rbx), %rdi
    leaq VCPU_RIP(%rbx), %rsp
    movq VCPU_RBX(%rbx), %rbx
    jmp guest_iretq

/* RPL 1 and 2 are the kernel's, and nobody's: let C think. */
iret_to_user:
    movl %r11d, %edx
    andl $3, %edx
    cmpl $3, %edx
    jne iret_slowly
    load_or_slowly FRAME_RFLAGS(%rcx), %rdx
    cmpq $0, VCPU_USER_CR3(%rbx)
    je iret_slowly
    // The rest of the frame is in the kernel's space: fetch it before that goes.
    movq %rax, VCPU_RIP(%rbx)
    movq %rsi, VCPU_RSP(%rbx)
    movw %r11w, VCPU_CS(%rbx)
    orl $3, %edi
    movw %di, VCPU_SS(%rbx)
    load_or_slowly FRAME_RAX(%rcx), %rax
    load_or_slowly FRAME_R11(%rcx), %r11
    load_or_slowly FRAME_RCX(%rcx), %rcx
    CLAC
    movq VCPU_INFO(%rbx), %rsi
    btl $9, %edx
    setnc INFO_MASK(%rsi)
    andq $~RFLAGS_REFUSED, %rdx
    orq $RFLAGS_ALWAYS, %rdx
    movq %rdx, VCPU_RFLAGS(%rbx)
    andl $~MODE_KERNEL_BIT, VCPU_MODE(%rbx)
    swapgs
    movq VCPU_USER_CR3(%rbx), %rdx
    movq %rdx, %cr3
    movq VCPU_CPU(%rbx), %rdi
    movq %rdx, CPU_CURRENT_CR3(%rdi)
    cmpb $0, INFO_PENDING(%rsi)
    jne iret_with_event
    movq VCPU_RDX(%rbx), %rdx
    movq VCPU_RSI(%rbx), %rsi
    movq VCPU_RDI(%rbx), %rdi
    leaq VCPU_RIP(%rbx), %rsp
    movq VCPU_RBX(%rbx), %rbx
    jmp guest_iretq

/*
 * VGCF_in_syscall: the end of a system call, whose caller lost RCX and R11 anyway. To 64-bit user
 * mode it is a SYSRET; a return address that is not canonical would fault in ring 0.
 */
iret_by_sysret:
    load_or_slowly FRAME_CS(%rcx), %rdx
    cmpw $SELECTOR_GUEST_CS32, %dx
    je iret_slowly
    andl $3, %edx
    cmpl $3, %edx
    jne iret_slowly
    load_or_slowly FRAME_RIP(%rcx), %rax
    movq %rax, %rdx
    sarq $47, %rdx
    incq %rdx
    cmpq $1, %rdx
    ja iret_slowly
    cmpq $0, VCPU_USER_CR3(%rbx)
    je iret_slowly
    load_or_slowly FRAME_RFLAGS(%rcx), %rdx
    load_or_slowly FRAME_RSP(%rcx), %rsi
    load_or_slowly FRAME_RAX(%rcx), %rdi
    CLAC
    movq VCPU_INFO(%rbx), %r11
    btl $9, %edx
    setnc INFO_MASK(%r11)
    // An event is owed, perhaps: C reads the same frame again.
    cmpb $0, INFO_PENDING(%r11)
    jne iret_slowly
    andl $~MODE_KERNEL_BIT, VCPU_MODE(%rbx)
    swapgs
    movq VCPU_USER_CR3(%rbx), %r11
    movq %r11, %cr3
    movq VCPU_CPU(%rbx), %rcx
    movq %r11, CPU_CURRENT_CR3(%rcx)
    movq %rax, %rcx
    movq %rdx, %r11
    andq $~RFLAGS_REFUSED, %r11
    orq $RFLAGS_ALWAYS, %r11
    movq %rsi, %rsp
    movq %rdi, %rax
    movq VCPU_RDX(%rbx), %rdx
    movq VCPU_RSI(%rbx), %rsi
    movq VCPU_RDI(%rbx), %rdi
    guest_sysret

/* All is loaded, and an event may be owed at once: store the rest and take the long way out. */
iret_with_event:
    movq %rax, VCPU_RAX(%rbx)
    movq %rcx, VCPU_RCX(%rbx)
    movq %r11, VCPU_R11(%rbx)
    movq %r8, VCPU_R8(%rbx)
    movq %r9, VCPU_R9(%rbx)
    movq %r10, VCPU_R10(%rbx)
    movq %rbp, VCPU_RBP(%rbx)
    movq %r12, VCPU_R12(%rbx)
    movq %r13, VCPU_R13(%rbx)
    movq %r14, VCPU_R14(%rbx)
    movq %r15, VCPU_R15(%rbx)
    movl $ENTRY_NONE_NR, VCPU_VECTOR(%rbx)
    xorl %ebp, %ebp
    jmp return_to_guest

iret_slowly:
    CLAC
    movq VCPU_RDX(%rbx), %rdx
    movq VCPU_RSI(%rbx), %rsi
    movq VCPU_RDI(%rbx), %rdi
    movq VCPU_R11(%rbx), %r11
    movl $HYPERCALL_IRET, %eax
    movq %rbx, %rsp
    movq VCPU_RBX(%rbx), %rbx
    jmp hypercall_entry

    .section .note.GNU-stack, "", @progbits
