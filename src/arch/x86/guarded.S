// SPDX-License-Identifier: Apache-2.0
// What defences do on each way in and out, on Pavise's own tables (window.S has the part on the
// guest's). Each block is skipped, by a patched jump, where the processor does not need it.

#include "asm-offsets.h"
#include "entry_macros.h"
#include "percpu.h"

    .text

#define MSR_SPEC_CTRL 0x48
#define MSR_PRED_CMD  0x49
#define PRED_CMD_IBPB 1

/* Where `when` holds, go on at `end` at once. Five bytes of no-op else. */
.macro skip_if when, end
776: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00
777: alternative 776b, 777b, \when, "jmp \end"
.endm

// ---- In ----------------------------------------------------------------------------------------

/* Calls that never return fill the return predictor with places that lead nowhere. */
.macro stuff_return_predictor
    movl $16, %eax
1:  call 3f
2:  pause
    lfence
    jmp 2b
3:  call 5f
4:  pause
    lfence
    jmp 4b
5:  decl %eax
    jnz 1b
    addq $(32 * 8), %rsp
.endm

    .globl fill_return_predictor
fill_return_predictor:
    stuff_return_predictor
    ret

/* On a stack of Pavise's; keeps all registers. */
defend_entry:
    pushq %rax
    pushq %rcx
    pushq %rdx
    skip_if NO_SPEC_CTRL_PATCH, 1f
    movl $MSR_SPEC_CTRL, %ecx
    movl speculation + PLAN_SPEC_CTRL(%rip), %eax
    xorl %edx, %edx
    wrmsr
1:  skip_if NO_IBPB_ENTRY_PATCH, 2f
    movl $MSR_PRED_CMD, %ecx
    movl $PRED_CMD_IBPB, %eax
    xorl %edx, %edx
    wrmsr
2:  skip_if NO_RSB_PATCH, 9f
    stuff_return_predictor
9:  popq %rdx
    popq %rcx
    popq %rax
    ret

/* The same, with %rsp = `base` in the vCPU. */
.macro defend base
    skip_if NO_ENTRY_WORK_PATCH, 9f
    movq %rbx, VCPU_RBX - (\base)(%rsp)
    leaq -(\base)(%rsp), %rbx
    movq VCPU_STACK_TOP(%rbx), %rsp
    call defend_entry
    leaq \base(%rbx), %rsp
    movq VCPU_RBX(%rbx), %rbx
9:
.endm

.macro guarded_way base, target
    .globl guarded_\target
guarded_\target:
    defend \base
    jmp \target
.endm

    .set at_code, VCPU_RIP - 8
    guarded_way 0, syscall_entry
    guarded_way 0, syscall32_entry
    guarded_way at_code, invalid_opcode_entry
    guarded_way at_code, exception_entry
    guarded_way at_code, interrupt_entry

    .globl guarded_iret_fault
guarded_iret_fault:
    defend VCPU_RIP
    jmp iret_fault_noted

/*
 * The copy of the root that the guest ran on may be older than an entry that another vCPU has added
 * since. A processor keeps no record of entries that are not there, so the guest must not see such
 * a fault: on the way out the copy is renewed.
 */
    .globl guarded_page_fault_entry
guarded_page_fault_entry:
    defend at_code
    skip_if NO_XPTI_PATCH, page_fault_entry
    movq %rax, VCPU_RAX - at_code(%rsp)
    movq %rcx, VCPU_RCX - at_code(%rsp)
    movq VCPU_DOMAIN - at_code(%rsp), %rax
    cmpb $0, DOMAIN_ISOLATED(%rax)
    je 1f
    movq DOMAIN_ROOT_EDITS(%rax), %rax
    movq VCPU_CPU - at_code(%rsp), %rcx
    cmpq %rax, CPU_ROOT_EDITS_USED(%rcx)
1:  movq VCPU_RAX - at_code(%rsp), %rax
    movq VCPU_RCX - at_code(%rsp), %rcx
    je page_fault_entry
    CLAC
    cld
    push_general
    leaq -VCPU_REGS(%rsp), %rbx
    movq VCPU_STACK_TOP(%rbx), %rsp
    xorl %ebp, %ebp
    jmp return_to_guest

    .globl guarded_ist_entry
guarded_ist_entry:
    skip_if NO_ENTRY_WORK_PATCH, ist_entry
    call defend_entry
    jmp ist_entry

// ---- Out -------------------------------------------------------------------------------------

/*
 * %rbx = the vCPU, %rax = the CPU, whose stack is in use. Spends %rcx and %rdx. Leaves in the entry
 * page which tables the guest runs on, and which Pavise does.
 */
.macro prepare_exit
    skip_if NO_SPEC_CTRL_PATCH, 1f
    pushq %rax
    movq VCPU_PV(%rbx), %rdx
    movl PV_SPEC_CTRL(%rdx), %eax
    movl $MSR_SPEC_CTRL, %ecx
    xorl %edx, %edx
    wrmsr
    popq %rax
1:  skip_if NO_XPTI_PATCH, 6f
    xorl %ecx, %ecx
    movq VCPU_DOMAIN(%rbx), %rdx
    cmpb $0, DOMAIN_ISOLATED(%rdx)
    jne 2f
    movq %rcx, ENTRY_OWN_CR3(%rax)
    movq %rcx, ENTRY_GUEST_CR3(%rax)
    jmp 6f
2:  movl VCPU_MODE(%rbx), %ecx
    andl $MODE_KERNEL_BIT, %ecx
3:  movq DOMAIN_ROOT_EDITS(%rdx), %rdx
    cmpq %rdx, CPU_ROOT_EDITS(%rax, %rcx, 8)
    jne 4f
    movq CPU_CURRENT_CR3(%rax), %rdx
    cmpq %rdx, CPU_ROOT_BASE(%rax, %rcx, 8)
    jne 4f
    movq %rdx, ENTRY_OWN_CR3(%rax)
    movq CPU_ROOT_EDITS(%rax, %rcx, 8), %rdx
    movq %rdx, CPU_ROOT_EDITS_USED(%rax)
    movq CPU_ROOT(%rax, %rcx, 8), %rdx
    movq %rdx, ENTRY_GUEST_CR3(%rax)
    jmp 6f
4:  call renew_root
    movq VCPU_DOMAIN(%rbx), %rdx
    jmp 3b
6:
.endm

/* Keeps all registers but %rdx. */
renew_root:
    pushq %rax
    pushq %rcx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    movl %ecx, %edi
    cld
    call isolation_renew
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rcx
    popq %rax
    ret

/* In place of SYSRET: %rbx = the vCPU, all other registers are the guest's. */
    .globl guarded_sysret
guarded_sysret:
    movq %rax, VCPU_FAULT_SPARE(%rbx)
    movq VCPU_CPU(%rbx), %rax
    movq %rsp, ENTRY_RSP(%rax)
    movq %rcx, ENTRY_RCX(%rax)
    movq VCPU_STACK_TOP(%rbx), %rsp
    pushq %rdx
    movq VCPU_FAULT_SPARE(%rbx), %rdx
    movq %rdx, ENTRY_RAX(%rax)
    movq VCPU_RBX(%rbx), %rdx
    movq %rdx, ENTRY_RBX(%rax)
    prepare_exit
    popq %rdx
    jmp window_sysret

/* In place of IRET: %rsp = the frame in the vCPU, all other registers are the guest's. */
    .globl guarded_iret
guarded_iret:
    movq %rax, VCPU_FAULT_SPARE - VCPU_RIP(%rsp)
    movq VCPU_CPU - VCPU_RIP(%rsp), %rax
    movq %rbx, ENTRY_RBX(%rax)
    movq %rcx, ENTRY_RCX(%rax)
    movq %rdx, ENTRY_RDX(%rax)
    leaq -VCPU_RIP(%rsp), %rbx
    popq ENTRY_FRAME(%rax)
    popq ENTRY_FRAME + 8(%rax)
    popq ENTRY_FRAME + 16(%rax)
    popq ENTRY_FRAME + 24(%rax)
    popq ENTRY_FRAME + 32(%rax)
    movq VCPU_STACK_TOP(%rbx), %rsp
    movq VCPU_FAULT_SPARE(%rbx), %rdx
    movq %rdx, ENTRY_RAX(%rax)
    prepare_exit
    movq ENTRY_RDX(%rax), %rdx
    jmp window_iret

    .section .note.GNU-stack, "", @progbits
