// SPDX-License-Identifier: Apache-2.0
// The way of every other processor into Pavise: from a start-up interrupt, which leaves it in real
// mode at the beginning of a page below 1 MiB, to C on the stack that the first one offers.
//
// The image lies at the physical addresses it was linked for, and the boot tables of head.S still
// map them one to one; so only the instructions up to the jump have to lie in low memory, and they
// hold no address of their own.

#include "layout.h"

#define PHYS(symbol) ((symbol) - IMAGE_BASE)

#define CR0_WAY_UP (1 << 31 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1) // PG WP NE ET MP PE
#define CR4_PAE    (1 << 5)
#define MSR_EFER   0xc0000080
#define EFER_WAY_UP (1 << 8 | 1 << 11) // LME NXE

#define SELECTOR_CODE64 0x08 // of head.S
#define SELECTOR_DATA   0x10

// ---- Copied to low memory --------------------------------------------------------------------

    .section .text.entry, "ax", @progbits
    .code16
    .globl ap_trampoline, ap_trampoline_end
    .balign 16
ap_trampoline:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PHYS(boot_l4), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    xorl %edx, %edx
    movl $EFER_WAY_UP, %eax
    wrmsr
    lgdtl ap_gdt_pointer - ap_trampoline
    // Protection and paging at once: with LME set this is 64-bit mode's own (manual 3A, 9.8.5).
    movl $CR0_WAY_UP, %eax
    movl %eax, %cr0
    ljmpl $SELECTOR_CODE64, $PHYS(ap_long_mode_low)

    .balign 4
ap_gdt_pointer:
    .short 3 * 8 - 1
    .long PHYS(boot_gdt)
ap_trampoline_end:

// ---- In the image ------------------------------------------------------------------------------

    .code64
ap_long_mode_low:
    movabsq $ap_long_mode, %rax
    jmp *%rax

ap_long_mode:
    movl $SELECTOR_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq ap_page_tables(%rip), %rax
    movq %rax, %cr3
    // A stack is for one processor. Whoever comes late finds none, and stops.
    xorl %eax, %eax
    xchgq %rax, ap_stack_on_offer(%rip)
    testq %rax, %rax
    jz 0f
    movq %rax, %rsp
    lgdt boot_gdt_pointer_high(%rip)
    // A null frame pointer ends a backtrace.
    xorl %ebp, %ebp
    call cpu_arrived
0:  cli
    hlt
    jmp 0b

    .section .note.GNU-stack, "", @progbits
