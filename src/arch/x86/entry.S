// SPDX-License-Identifier: Apache-2.0
// Ways in and out: system calls, exceptions, interrupts; the return to a guest.
//
// From a guest, registers go straight into its vCPU (struct vcpu, regs), by the processor or by
// pushes, and then the CPU's own stack is taken. From Pavise itself, they go onto the stack in use.
// Convention in the parts below: %rbx = the current vCPU once registers are stored.

#include "asm-offsets.h"
#include "entry_macros.h"
#include "percpu.h"
#include "selectors.h"

    .text

// ---- System calls --------------------------------------------------------------------------
// Each CPU's copy of these lines lies in its own region, where `current` is a fixed distance away:
// so neither GS nor a stack is needed to find out who calls. Copied by percpu_create().

.macro trampoline_code target
    movq %rsp, (trampolines_start - PERCPU_TRAMPOLINE + CPU_SCRATCH)(%rip)
    movq (trampolines_start - PERCPU_TRAMPOLINE + CPU_CURRENT)(%rip), %rsp
    movq %rcx, VCPU_RIP(%rsp)
    movq %rcx, VCPU_RCX(%rsp)
    movq (trampolines_start - PERCPU_TRAMPOLINE + CPU_SCRATCH)(%rip), %rcx
    movq %rcx, VCPU_RSP(%rsp)
    jmp_far_enough \target
.endm

    .globl trampolines_start, trampoline_jump, trampoline_32, trampoline_32_jump, trampolines_end
    .balign 16
trampolines_start:
    trampoline_code syscall_entry
trampoline_jump:
    .balign 16
trampoline_32:
    trampoline_code syscall32_entry
trampoline_32_jump:
trampolines_end:

// %rsp = the vCPU, with RIP, RCX and RSP stored; %r11 = RFLAGS. Afterwards %rbx = the vCPU, and the
// stack is the CPU's. What C keeps (%rbp, %r12 to %r15) stays the guest's in the processor: it is
// stored only where a return is not the shortest.
.macro store_syscall cs, vector
    movq %r11, VCPU_RFLAGS(%rsp)
    movq %r11, VCPU_R11(%rsp)
    movq $\cs, VCPU_CS(%rsp)
    movq $SELECTOR_GUEST_DATA, VCPU_SS(%rsp)
    movl $\vector, VCPU_VECTOR(%rsp)
    movq %rdi, VCPU_RDI(%rsp)
    movq %rsi, VCPU_RSI(%rsp)
    movq %rdx, VCPU_RDX(%rsp)
    movq %rax, VCPU_RAX(%rsp)
    movq %r8, VCPU_R8(%rsp)
    movq %r9, VCPU_R9(%rsp)
    movq %r10, VCPU_R10(%rsp)
    movq %rbx, VCPU_RBX(%rsp)
    movq %rsp, %rbx
    movq VCPU_STACK_TOP(%rsp), %rsp
.endm

.macro store_kept
    movq %rbp, VCPU_RBP(%rbx)
    movq %r12, VCPU_R12(%rbx)
    movq %r13, VCPU_R13(%rbx)
    movq %r14, VCPU_R14(%rbx)
    movq %r15, VCPU_R15(%rbx)
.endm

    .globl syscall_entry
syscall_entry:
    testb $MODE_KERNEL_BIT, VCPU_MODE(%rsp)
    jz fast_syscall_from_user
    cmpq $HYPERCALL_IRET, %rax
    je fast_iret
    .globl hypercall_entry
hypercall_entry:
    store_syscall SELECTOR_GUEST_CS64, ENTRY_SYSCALL_NR
    cmpq $HYPERCALLS, %rax
    jae unknown_hypercall
    // The same bound once more, for a processor that guessed the other way.
    andl $(HYPERCALLS - 1), %eax
    movq %r10, %rcx
    movq hypercall_handlers(%rip), %r11
1:  movq (%r11, %rax, 8), %rax
    call __x86_indirect_thunk_rax
2:  alternative 1b, 2b, THUNK_JUMP_PATCH, "cs; cs; cs; cs; cs; call *(%r11, %rax, 8)"
    cmpq $RESTART_VALUE, %rax
    je restart_hypercall
store_result:
    movq %rax, VCPU_RAX(%rbx)

/* Return by SYSRET where nothing else is to be done and the frame is still the call's own. */
return_from_syscall:
    movq VCPU_CPU(%rbx), %rcx
    cmpl $0, CPU_PENDING(%rcx)
    jne return_slowly
    cmpl $0, VCPU_EXIT_WORK(%rbx)
    jne return_slowly
    movq VCPU_INFO(%rbx), %rsi
    cmpb $0, INFO_PENDING(%rsi)
    jne upcall_pends
    .globl return_by_sysret
return_by_sysret:
    movq VCPU_RIP(%rbx), %rcx
    // A return address out of the guest's halves would fault in ring 0 on some processors.
    movq %rcx, %rax
    sarq $47, %rax
    incq %rax
    cmpq $1, %rax
    ja return_by_iret
    movq VCPU_RFLAGS(%rbx), %r11
    movq VCPU_RAX(%rbx), %rax
    movq VCPU_RDI(%rbx), %rdi
    movq VCPU_RSI(%rbx), %rsi
    movq VCPU_RDX(%rbx), %rdx
    movq VCPU_R8(%rbx), %r8
    movq VCPU_R9(%rbx), %r9
    movq VCPU_R10(%rbx), %r10
    movq VCPU_RSP(%rbx), %rsp
    guest_sysret

upcall_pends:
    cmpb $0, INFO_MASK(%rsi)
    je bounce_event
    jmp return_by_sysret

unknown_hypercall:
    movq $-ENOSYS_VALUE, %rax
    jmp store_result

/* Issue the same call again: back over the two-byte SYSCALL; RAX still holds its number. */
restart_hypercall:
    subq $2, VCPU_RIP(%rbx)
    jmp return_from_syscall

    .globl syscall_from_user
/* The long way, from fast_syscall_from_user. */
syscall_from_user:
    store_syscall SELECTOR_GUEST_CS64, ENTRY_SYSCALL_NR
    store_kept
    xorl %ebp, %ebp
    movq %rbx, %rdi
    call pv_syscall
    jmp return_to_guest

/* SYSCALL from compatibility mode, which only AMD processors have. */
    .globl syscall32_entry
syscall32_entry:
    store_syscall SELECTOR_GUEST_CS32, ENTRY_NONE_NR
    store_kept
    xorl %ebp, %ebp
    movq %rbx, %rdi
    call pv_syscall32
    jmp return_to_guest

// ---- Return to a guest -----------------------------------------------------------------------

    .globl return_slowly
return_slowly:
    store_kept
    xorl %ebp, %ebp
    movl $0, VCPU_EXIT_WORK(%rbx)

    .globl return_to_guest
/* Do what is pending, perhaps for another vCPU; then restore whoever is current. */
return_to_guest:
    call exit_to_guest
    movq %rax, %rbx
restore_guest:
    cmpl $ENTRY_SYSCALL_NR, VCPU_VECTOR(%rbx)
    jne return_by_full_iret
    movq VCPU_RBP(%rbx), %rbp
    movq VCPU_R12(%rbx), %r12
    movq VCPU_R13(%rbx), %r13
    movq VCPU_R14(%rbx), %r14
    movq VCPU_R15(%rbx), %r15
    jmp return_by_sysret

/* After an exception: straight back, on the same conditions as after a system call. */
return_from_exception:
    jump_if_work return_to_guest
    jmp restore_guest

/* A system call's return that SYSRET can't make. */
return_by_iret:
    store_kept
return_by_full_iret:
    leaq VCPU_REGS(%rbx), %rsp
    pop_general
    addq $8, %rsp
    .globl guest_iretq
guest_iretq:
    iretq
    int3
    int3
    int3
1:  alternative guest_iretq, 1b, GUARDED_PATCH, "jmp guarded_iret"

/*
 * That IRET faulted, with the guest's registers live and %rsp = the vCPU + IRET_FAULT_OFFSET: the
 * processor pushed its frame over registers that had been restored. Store them again, then let C
 * decide what the guest gets.
 */
iret_fault:
    movq %rax, VCPU_FAULT_SPARE - IRET_FAULT_OFFSET(%rsp)
    movq (%rsp), %rax
    movq %rax, VCPU_FAULT_CODE - IRET_FAULT_OFFSET(%rsp)
    movq VCPU_FAULT_SPARE - IRET_FAULT_OFFSET(%rsp), %rax
    leaq VCPU_RIP - IRET_FAULT_OFFSET(%rsp), %rsp
    .globl iret_fault_noted
iret_fault_noted:
    pushq $0
    push_general
    leaq -VCPU_REGS(%rsp), %rbx
    movq VCPU_STACK_TOP(%rbx), %rsp
    xorl %ebp, %ebp
    movq %rbx, %rdi
    call pv_iret_fault
    jmp return_to_guest

// ---- Exceptions and interrupts ---------------------------------------------------------------
// A stub a vector, 16 bytes each. On entry from ring 3 %rsp lies in the vCPU, just below `rip`.

    .balign 16
    .globl exception_stubs
exception_stubs:
    .set vector, 0
    .rept 256
    .if vector == 14
    stub 1, page_fault_entry
    .elseif vector == 6
    stub 0, invalid_opcode_entry
    .elseif vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
    stub 1, exception_entry
    .elseif vector == 1 || vector == 2 || vector == 18
    stub 0, ist_entry
    .elseif vector < 32
    stub 0, exception_entry
    .else
    stub 0, interrupt_entry
    .endif
    .set vector, vector + 1
    .endr

/* Above 8(%rsp) lies the processor's frame: RIP, CS, RFLAGS, RSP, SS. */
    .globl exception_entry, interrupt_entry, ist_entry
exception_entry:
    testb $3, 16(%rsp)
    jz exception_in_hypervisor
    CLAC
    .globl exception_of_guest
exception_of_guest:
    cld
    push_general
    leaq -VCPU_REGS(%rsp), %rbx
    movq VCPU_STACK_TOP(%rbx), %rsp
    xorl %ebp, %ebp
    movq %rbx, %rdi
    call exception_from_guest
    jmp return_from_exception

    .globl exception_in_hypervisor
exception_in_hypervisor:
    CLAC
    cld
    pushq %rax
    leaq guest_iretq(%rip), %rax
    cmpq %rax, 16(%rsp)
    popq %rax
    je iret_fault
    push_general
    movq %rsp, %rdi
    // A frame pointer for the backtrace: the interrupted function's own.
    call exception_from_hypervisor
    pop_general
    addq $8, %rsp
    iretq

interrupt_entry:
    testb $3, 16(%rsp)
    jz interrupt_in_hypervisor
    CLAC
    cld
    push_general
    leaq -VCPU_REGS(%rsp), %rbx
    movq VCPU_STACK_TOP(%rbx), %rsp
    xorl %ebp, %ebp
    movl VCPU_VECTOR(%rbx), %edi
    call interrupt_dispatch
    jmp return_to_guest

/* Only in the idle loop and in arch_poll_interrupts(). */
interrupt_in_hypervisor:
    CLAC
    cld
    push_general
    movl REGS_VECTOR(%rsp), %edi
    call interrupt_dispatch
    pop_general
    addq $8, %rsp
    iretq

/*
 * NMI, machine check and debug traps have stacks of their own, as they can come between any two
 * instructions. From ring 3, move the frame into the vCPU and go on as for any exception.
 */
ist_entry:
    testb $3, 16(%rsp)
    jz ist_in_hypervisor
    CLAC
    cld
    push_general
    movq %rsp, %rdi
    call store_guest_frame
    movq %rax, %rbx
    movq VCPU_STACK_TOP(%rbx), %rsp
    xorl %ebp, %ebp
    movq %rbx, %rdi
    call exception_from_guest
    jmp return_to_guest

ist_in_hypervisor:
    cld
    push_general
    movq %rsp, %rdi
    call exception_from_hypervisor
    pop_general
    addq $8, %rsp
    iretq

// ---- Guest memory ----------------------------------------------------------------------------

/* size_t guest_copy(void *to, const void *from, size_t bytes): the number of bytes not copied. */
    .globl guest_copy
guest_copy:
    STAC
    movq %rdx, %rcx
    shrq $3, %rcx
    andl $7, %edx
1:  rep movsq
    movl %edx, %ecx
2:  rep movsb
    CLAC
    xorl %eax, %eax
    ret
3:  leaq (%rdx, %rcx, 8), %rax
    CLAC
    ret
4:  movq %rcx, %rax
    CLAC
    ret
    fixup 1b, 3b
    fixup 2b, 4b

/* size_t guest_zero(void *to, size_t bytes): the number of bytes not cleared. */
    .globl guest_zero
guest_zero:
    movq %rsi, %rcx
    xorl %eax, %eax
    STAC
1:  rep stosb
2:  CLAC
    movq %rcx, %rax
    ret
    fixup 1b, 2b

/* noreturn void percpu_run_on_stack(struct cpu *cpu, void (*function)(void)) */
    .globl percpu_run_on_stack
percpu_run_on_stack:
    movq CPU_STACK_TOP(%rdi), %rsp
    xorl %ebp, %ebp
    call *%rsi
    ud2

    .section .note.GNU-stack, "", @progbits
