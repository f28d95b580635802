// SPDX-License-Identifier: Apache-2.0
// The first instruction, the ELF notes, and every way the hypervisor enters the kernel: 256 trap
// stubs, the event, system-call and failsafe callbacks, and the way back by the iret hypercall.

#include <xen/elfnote.h>

// Vectors beyond the 256 of the trap table; trap.h has the same.
#define VECTOR_EVENT     256
#define VECTOR_SYSCALL   257
#define VECTOR_FAILSAFE  258
#define VECTOR_NMI       259
#define VECTOR_SYSENTER  260
#define VECTOR_SYSCALL32 261

#define HYPERCALL_IRET (hypercall_page + 23 * 32)

// ---- ELF notes --------------------------------------------------------------------------------
.macro note_string type, text
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  .asciz "\text"
2:  .balign 4
.endm
.macro note_quad type, value
    .balign 4
    .long 4, 8, \type
    .asciz "Xen"
    .quad \value
.endm

    .section .note.Xen, "a", @note
    note_string XEN_ELFNOTE_GUEST_OS, "pavise-guest"
    note_string XEN_ELFNOTE_GUEST_VERSION, "1"
    note_string XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
    note_string XEN_ELFNOTE_LOADER, "generic"
    note_string XEN_ELFNOTE_PAE_MODE, "yes"
    note_string XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb"
    note_quad XEN_ELFNOTE_VIRT_BASE, image_virt_base_value
    note_quad XEN_ELFNOTE_ENTRY, _start
    note_quad XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page

// ---- start of day -----------------------------------------------------------------------------
    .section .text.entry, "ax"
    .globl _start, hypercall_page
    .balign 4096
hypercall_page:
    .fill 4096, 1, 0xcc

_start:
    mov %rsi, boot_registers + 0
    mov %rsp, boot_registers + 8
    mov %cs, boot_registers + 16
    mov %ss, boot_registers + 24
    mov $boot_stack_end, %rsp
    pushf
    pop boot_registers + 32
    cld
    xor %ebp, %ebp
    mov boot_registers, %rdi
    call guest_start
    ud2

// ---- trap stubs -------------------------------------------------------------------------------
// A bounce frame has RCX and R11 at the top of the stack, then the error code if the vector has
// one, then RIP CS RFLAGS RSP SS. A stub brings all of them to one shape: struct trap_frame.
.macro stub_without_error vector
    pop %rcx
    pop %r11
    push $0
    push $\vector
    jmp trap_enter
.endm
.macro stub_with_error vector
    pop %rcx
    pop %r11
    push $\vector
    jmp trap_enter
.endm

    .globl trap_stubs
    .balign 16
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
    stub_with_error vector
    .else
    stub_without_error vector
    .endif
    .set vector, vector + 1
    .endr

.macro callback name, vector
    .globl \name
\name:
    stub_without_error \vector
.endm
    callback event_entry, VECTOR_EVENT
    callback syscall_entry, VECTOR_SYSCALL
    callback nmi_entry, VECTOR_NMI
    callback sysenter_entry, VECTOR_SYSENTER
    callback syscall32_entry, VECTOR_SYSCALL32

// The failsafe callback has DS ES FS GS between R11 and RIP.
    .globl failsafe_entry
failsafe_entry:
    pop %rcx
    pop %r11
    pop failsafe_selectors + 0
    pop failsafe_selectors + 8
    pop failsafe_selectors + 16
    pop failsafe_selectors + 24
    push $0
    push $VECTOR_FAILSAFE

trap_enter:
    cld
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    call trap_dispatch
    movq $0, 16 * 8(%rsp)

// Leaves through the frame at RSP; its error field holds the VGCF_ flags of the iret hypercall,
// whose entry in the hypercall page pushes RCX, R11 and RAX itself.
trap_leave:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $8, %rsp
    jmp HYPERCALL_IRET

// void frame_resume(struct trap_frame *frame): with events masked, as frames pushed below the
// structure would overwrite its neighbours.
    .globl frame_resume
frame_resume:
    mov %rdi, %rsp
    jmp trap_leave

// int fault_try(struct fault *): trap.h; the layout is asserted in trap.c.
    .globl fault_try
fault_try:
    mov %rbx, 0(%rdi)
    mov %rbp, 8(%rdi)
    mov %r12, 16(%rdi)
    mov %r13, 24(%rdi)
    mov %r14, 32(%rdi)
    mov %r15, 40(%rdi)
    lea 8(%rsp), %rax
    mov %rax, 48(%rdi)
    mov (%rsp), %rax
    mov %rax, 56(%rdi)
    mov fault_innermost, %rax
    mov %rax, 64(%rdi)
    movq $0, 72(%rdi)
    mov %rdi, fault_innermost
    xor %eax, %eax
    ret

// ---- memory the entry paths own ---------------------------------------------------------------
    .bss
    .balign 16
    .globl boot_registers, failsafe_selectors
boot_registers:
    .fill 5, 8, 0
failsafe_selectors:
    .fill 4, 8, 0
    .balign 4096
    .skip 32768
boot_stack_end:
    .globl bounce_stack_end
    .skip 32768
bounce_stack_end:

    .section .note.GNU-stack, "", @progbits
