// SPDX-License-Identifier: Apache-2.0
// Ways in and out for guests that run on tables of their own, or where a defence has work to do on
// each way (base/speculation.h). This page is all of Pavise's code that such tables map.
//
// The processor stores a guest's frame in the entry page (percpu.h), which both sets of tables map.
// The way in loads Pavise's tables, moves the frame into the vCPU, and goes on at the ordinary entry
// as if the processor had stored it there. The way out is prepared in guarded.S. What may be read
// in the entry page is the guest's own.
//
// Nothing here is patched but VERW, and the window is never entered where no defence needs it.

#include "asm-offsets.h"
#include "entry_macros.h"
#include "percpu.h"

    .section .text.window, "ax", @progbits

/* The region's offset `to` as seen from the offset `from` in it that %rsp points to. */
#define REACH(to, from) ((to) - (from))(%rsp)
#define CURRENT         CPU_CURRENT

/* Load Pavise's tables, where the guest ran on others. %rsp points to region offset `at`. */
.macro load_own_tables at
    movq REACH(ENTRY_OWN_CR3, \at), %rax
    testq %rax, %rax
    jz 8f
    movq %rax, %cr3
8:
.endm

// ---- Exceptions and interrupts ---------------------------------------------------------------

/* At the top of what the processor pushes: SS, RSP, RFLAGS, CS, RIP; below, code and RAX. */
#define PUSHED 56
    .set at_exception, ENTRY_EXCEPTION_TOP - PUSHED
    .set at_frame, ENTRY_FRAME - PUSHED

.macro way_in name, target
\name:
    testb $3, 16(%rsp)
    jz 1f
    pushq %rax
    load_own_tables at_exception
    movq REACH(CURRENT, at_exception), %rax
    popq VCPU_FAULT_SPARE(%rax)
    popq VCPU_RIP - 8(%rax)
    popq VCPU_RIP(%rax)
    popq VCPU_RIP + 8(%rax)
    popq VCPU_RFLAGS(%rax)
    popq VCPU_RSP(%rax)
    popq VCPU_SS(%rax)
    leaq VCPU_RIP - 8(%rax), %rsp
    movq VCPU_FAULT_SPARE(%rax), %rax
    jmp guarded_\target
    // Pavise itself, unless it is the last instruction of a way out.
1:  pushq %rax
    leaq window_iretq(%rip), %rax
    cmpq %rax, 16(%rsp)
    popq %rax
    je window_iret_fault
    jmp \target
.endm

    way_in window_page_fault, page_fault_entry
    way_in window_invalid_opcode, invalid_opcode_entry
    way_in window_exception, exception_entry
    way_in window_interrupt, interrupt_entry

/* All registers are the guest's again; the frame that was to be loaded is in the vCPU still. */
window_iret_fault:
    pushq %rax
    load_own_tables at_frame
    movq REACH(CURRENT, at_frame), %rax
    popq VCPU_FAULT_SPARE(%rax)
    popq VCPU_FAULT_CODE(%rax)
    leaq VCPU_RIP(%rax), %rsp
    movq VCPU_FAULT_SPARE(%rax), %rax
    jmp guarded_iret_fault

// ---- Exceptions with a stack of their own ------------------------------------------------------
// They may come while Pavise runs on a guest's tables here, so the place in the entry page is only
// where the processor's frame arrives and leaves; `stack` is where it is dealt with.

#define IST_SAVED_CR3 64 // below the top, and below what is pushed

#define IST_RAX   0
#define IST_CODE  8
#define IST_RIP   16
#define IST_CS    24
#define IST_FLAGS 32
#define IST_RSP   40
#define IST_SS    48

.macro way_in_ist name, top, stack
    .set at_ist, \top - PUSHED
\name:
    testb $3, 16(%rsp)
    pushq %rax
    jz 1f
    load_own_tables at_ist
    movq %rsp, %rax
    leaq REACH(\stack, at_ist), %rsp
    pushq IST_SS(%rax)
    pushq IST_RSP(%rax)
    pushq IST_FLAGS(%rax)
    pushq IST_CS(%rax)
    pushq IST_RIP(%rax)
    pushq IST_CODE(%rax)
    movq IST_RAX(%rax), %rax
    jmp guarded_ist_entry

1:  movq %cr3, %rax
    movq %rax, REACH(\top - IST_SAVED_CR3, at_ist)
    cmpq %rax, REACH(ENTRY_GUEST_CR3, at_ist)
    jne 2f
    load_own_tables at_ist
2:  movq %rsp, %rax
    leaq REACH(\stack, at_ist), %rsp
    pushq IST_SS(%rax)
    pushq IST_RSP(%rax)
    pushq IST_FLAGS(%rax)
    pushq IST_CS(%rax)
    pushq IST_RIP(%rax)
    pushq IST_CODE(%rax)
    movq IST_RAX(%rax), %rax
    cld
    push_general
    movq %rsp, %rdi
    call exception_from_hypervisor
    pop_general
    // The handler may have changed where to go on, and the flags.
    movq 8(%rsp), %rax
    movq %rax, REACH(at_ist + IST_RIP, \stack - 48)
    movq 24(%rsp), %rax
    movq %rax, REACH(at_ist + IST_FLAGS, \stack - 48)
    leaq REACH(\top - PUSHED, \stack - 48), %rsp
    movq REACH(\top - IST_SAVED_CR3, at_ist), %rax
    movq %rax, %cr3
    popq %rax
    addq $8, %rsp
    iretq
.endm

    way_in_ist window_nmi, ENTRY_NMI_TOP, PERCPU_NMI_TOP
    way_in_ist window_double_fault, ENTRY_FAULT_TOP, PERCPU_FAULT_TOP
    way_in_ist window_machine_check, ENTRY_MCE_TOP, PERCPU_MCE_TOP
    way_in_ist window_debug, ENTRY_DEBUG_TOP, PERCPU_DEBUG_TOP

// ---- Ways out --------------------------------------------------------------------------------
// %rax = the CPU's region; the rest of what the guest gets is in the entry page or in place.

.macro load_guests_tables
    movq ENTRY_GUEST_CR3(%rax), %rcx
    testq %rcx, %rcx
    jz 1f
    movq %rcx, %cr3
1:  verw ENTRY_SELECTOR(%rax)
2:  alternative 1b, 2b, NO_VERW_PATCH
    movq ENTRY_RBX(%rax), %rbx
    movq ENTRY_RCX(%rax), %rcx
.endm

    .globl window_sysret
window_sysret:
    load_guests_tables
    movq ENTRY_RSP(%rax), %rsp
    movq ENTRY_RAX(%rax), %rax
    sysretq

    .globl window_iret
window_iret:
    load_guests_tables
    leaq ENTRY_FRAME(%rax), %rsp
    movq ENTRY_RAX(%rax), %rax
window_iretq:
    iretq

// ---- A stub a vector ---------------------------------------------------------------------------

    .balign 16
    .globl window_stubs
window_stubs:
    .set vector, 0
    .rept 256
    .if vector == 14
    stub 1, window_page_fault
    .elseif vector == 6
    stub 0, window_invalid_opcode
    .elseif vector == 8
    stub 1, window_double_fault
    .elseif (vector >= 10 && vector <= 13) || vector == 17 || vector == 21
    stub 1, window_exception
    .elseif vector == 1
    stub 0, window_debug
    .elseif vector == 2
    stub 0, window_nmi
    .elseif vector == 18
    stub 0, window_machine_check
    .elseif vector < 32
    stub 0, window_exception
    .else
    stub 0, window_interrupt
    .endif
    .set vector, vector + 1
    .endr

// ---- System calls --------------------------------------------------------------------------
// Copied to each CPU's trampoline, like those of entry.S.

.macro guarded_trampoline target
    movq %rsp, (guarded_trampolines - PERCPU_TRAMPOLINE + ENTRY_RSP)(%rip)
    movq (guarded_trampolines - PERCPU_TRAMPOLINE + ENTRY_OWN_CR3)(%rip), %rsp
    testq %rsp, %rsp
    jz 1f
    movq %rsp, %cr3
1:  movq (guarded_trampolines - PERCPU_TRAMPOLINE + CPU_CURRENT)(%rip), %rsp
    movq %rcx, VCPU_RIP(%rsp)
    movq %rcx, VCPU_RCX(%rsp)
    movq (guarded_trampolines - PERCPU_TRAMPOLINE + ENTRY_RSP)(%rip), %rcx
    movq %rcx, VCPU_RSP(%rsp)
    jmp_far_enough \target
.endm

    .text
    .globl guarded_trampolines, guarded_trampoline_jump
    .globl guarded_trampoline_32, guarded_trampoline_32_jump, guarded_trampolines_end
    .balign 16
guarded_trampolines:
    guarded_trampoline guarded_syscall_entry
guarded_trampoline_jump:
    .balign 16
guarded_trampoline_32:
    guarded_trampoline guarded_syscall32_entry
guarded_trampoline_32_jump:
guarded_trampolines_end:

    .section .note.GNU-stack, "", @progbits
