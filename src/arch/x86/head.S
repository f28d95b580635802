// SPDX-License-Identifier: Apache-2.0
// From power-on to C: headers for the three kinds of loaders, and the way from 32-bit protected
// mode, where all of them leave us, to 64-bit mode at the image's high address.
//
// The processor is in flat protected mode, paging off, interrupts off; the image is at the physical
// addresses it was linked for (virtual less IMAGE_BASE). Nothing else may be relied on.

#include "layout.h"

#define PHYS(symbol) ((symbol) - IMAGE_BASE)

// ---- What loaders look for -----------------------------------------------------------------

#define MULTIBOOT1_MAGIC       0x1badb002
#define MULTIBOOT1_PAGE_ALIGN  (1 << 0)
#define MULTIBOOT1_MEMORY_INFO (1 << 1)
#define MULTIBOOT1_FLAGS       (MULTIBOOT1_PAGE_ALIGN | MULTIBOOT1_MEMORY_INFO)

// A Multiboot 1 header counts only in the first 8 KiB of a file, and QEMU refuses a 64-bit ELF that
// has one there, where without it it goes by the PVH note. The linker places a segment in the file
// by its largest alignment: this one moves the header out of the first 8 KiB of pavise.elf. In
// pavise.elf32 objcopy places segments by pages, and the header is at 4 KiB.
#define MULTIBOOT1_SEARCH_BYTES 8192

    .section .head, "ax", @progbits
    .balign MULTIBOOT1_SEARCH_BYTES
multiboot1_header:
    .long MULTIBOOT1_MAGIC
    .long MULTIBOOT1_FLAGS
    .long -(MULTIBOOT1_MAGIC + MULTIBOOT1_FLAGS)

#define MULTIBOOT2_MAGIC         0xe85250d6
#define MULTIBOOT2_ARCH_I386     0
#define MULTIBOOT2_LENGTH        (multiboot2_header_end - multiboot2_header)
#define MULTIBOOT2_OPTIONAL      1
#define MULTIBOOT2_TAG_END       0
#define MULTIBOOT2_TAG_REQUEST   1
#define MULTIBOOT2_TAG_FRAMEBUFFER 5
#define MULTIBOOT2_TAG_ALIGN     6
#define MULTIBOOT2_INFO_CMDLINE  1
#define MULTIBOOT2_INFO_MODULE   3
#define MULTIBOOT2_INFO_MMAP     6

    .balign 8
multiboot2_header:
    .long MULTIBOOT2_MAGIC
    .long MULTIBOOT2_ARCH_I386
    .long MULTIBOOT2_LENGTH
    .long 0x100000000 - MULTIBOOT2_MAGIC - MULTIBOOT2_ARCH_I386 - MULTIBOOT2_LENGTH

    .balign 8
0:  .short MULTIBOOT2_TAG_REQUEST, 0
    .long 1f - 0b
    .long MULTIBOOT2_INFO_CMDLINE, MULTIBOOT2_INFO_MODULE, MULTIBOOT2_INFO_MMAP
1:
    .balign 8
    .short MULTIBOOT2_TAG_ALIGN, 0
    .long 8

    // Any mode the firmware likes; text is as welcome.
    .balign 8
0:  .short MULTIBOOT2_TAG_FRAMEBUFFER, MULTIBOOT2_OPTIONAL
    .long 1f - 0b
    .long 0, 0, 0
1:
    .balign 8
    .short MULTIBOOT2_TAG_END, 0
    .long 8
multiboot2_header_end:

// <xen/elfnote.h> gives the number; a PVH loader starts us at this physical address.
#define XEN_ELFNOTE_PHYS32_ENTRY 18

    .section .note.pavise, "a", @note
    .balign 4
    .long 4, 8, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad PHYS(pvh_entry)

// ---- 32-bit entry --------------------------------------------------------------------------
// Throughout: %ebp = the loader's magic number, %ebx = physical address of its information.

#define CR0_PE         (1 << 0)
#define CR0_MP         (1 << 1)
#define CR0_ET         (1 << 4)
#define CR0_NE         (1 << 5)
#define CR0_WP         (1 << 16)
#define CR0_PG         (1 << 31)
#define CR4_PAE        (1 << 5)
#define MSR_EFER       0xc0000080
#define EFER_LME       (1 << 8)
#define EFER_NXE       (1 << 11)
#define PTE_TABLE      0x003 // present, writable
#define PTE_SUPERPAGE  0x083 // present, writable, page size
#define L4_SLOT(base)  (((base) >> 39) & 511)

#define SELECTOR_CODE64 0x08
#define SELECTOR_DATA   0x10

    .text
    .section .head, "ax", @progbits
    .code32
    .globl multiboot_entry, pvh_entry
pvh_entry:
    // PVH promises nothing in %eax: the magic number of its structure stands for it.
    movl $0x336ec578, %eax

multiboot_entry:
    cli
    cld
    movl $PHYS(boot_stack_end), %esp
    movl %eax, %ebp
    call check_processor
    call build_boot_page_tables

    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PHYS(boot_l4), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $(EFER_LME | EFER_NXE), %eax
    wrmsr
    movl $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
    movl %eax, %cr0

    lgdt PHYS(boot_gdt_pointer)
    ljmp $SELECTOR_CODE64, $PHYS(long_mode_low)

// The low 4 GiB at 0, at the image's address and in the direct map, all through the same tables:
// loaders put everything they hand over below 4 GiB.
build_boot_page_tables:
    movl $PHYS(boot_l2), %edi
    movl $PTE_SUPERPAGE, %eax
    xorl %edx, %edx
    movl $(512 * BOOT_MAPPED_GIB), %ecx
0:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $0x200000, %eax
    adcl $0, %edx
    addl $8, %edi
    decl %ecx
    jnz 0b

    movl $PHYS(boot_l3), %edi
    movl $(PHYS(boot_l2) + PTE_TABLE), %eax
    movl $BOOT_MAPPED_GIB, %ecx
0:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    decl %ecx
    jnz 0b

    movl $(PHYS(boot_l3) + PTE_TABLE), %eax
    movl %eax, PHYS(boot_l4)
    movl %eax, PHYS(boot_l4) + 8 * L4_SLOT(IMAGE_BASE)
    movl %eax, PHYS(boot_l4) + 8 * L4_SLOT(DIRECT_MAP_BASE)
    ret

// ---- Is this machine good enough? ------------------------------------------------------------

// Leave %eax as it is; `bit` of `reg` clear: say what is missing, and stop.
.macro require bit, reg, message
    btl $\bit, %\reg
    movl $PHYS(\message), %esi
    jnc refuse
.endm

// %ebx and %ebp are kept.
check_processor:
    pushl %ebx
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    movl $PHYS(message_long_mode), %esi
    jb refuse
    movl $0x80000001, %eax
    cpuid
    require 29, edx, message_long_mode
    require 20, edx, message_nx
    movl $1, %eax
    cpuid
    require 26, edx, message_sse2
    require 13, ecx, message_cx16
    popl %ebx
    ret

#define COM1            0x3f8
#define COM_LINE_STATUS 5
#define COM_THR_EMPTY   0x20
#define VGA_TEXT        0xb8000
#define VGA_ATTRIBUTE   0x0f

// Prints the string at %esi on the first serial port and at the top of a VGA text screen; halts.
// The wait for the port is bounded: an absent port reads as all ones, a broken one may never be ready.
refuse:
    movl $VGA_TEXT, %edi
0:  lodsb
    testb %al, %al
    jz 2f
    movb %al, %bl
    movb $VGA_ATTRIBUTE, %ah
    stosw
    movw $(COM1 + COM_LINE_STATUS), %dx
    movl $100000, %ecx
1:  inb %dx, %al
    testb $COM_THR_EMPTY, %al
    loopz 1b
    movw $COM1, %dx
    movb %bl, %al
    outb %al, %dx
    jmp 0b
2:  hlt
    jmp 2b

    .section .rodata.head, "a", @progbits
message_long_mode:
    .asciz "(PAVISE) this processor has no 64-bit mode\r\n"
message_nx:
    .asciz "(PAVISE) this processor cannot forbid execution of data (NX is off or missing)\r\n"
message_sse2:
    .asciz "(PAVISE) this processor has no SSE2\r\n"
message_cx16:
    .asciz "(PAVISE) this processor has no CMPXCHG16B\r\n"

// ---- 64-bit entry ----------------------------------------------------------------------------

    .section .head, "ax", @progbits
    .code64
long_mode_low:
    movabsq $long_mode_high, %rax
    jmp *%rax

long_mode_high:
    movl $SELECTOR_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    lgdt boot_gdt_pointer_high(%rip)
    leaq boot_stack_end(%rip), %rsp

    movl %ebp, %edi
    movl %ebx, %esi
    // A null frame pointer ends a backtrace.
    xorl %ebp, %ebp
    call pavise_start
0:  hlt
    jmp 0b

    .section .rodata.head, "a", @progbits
    .globl boot_gdt, boot_gdt_pointer_high
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff // ring 0 code, 64-bit
    .quad 0x00cf93000000ffff // ring 0 data
boot_gdt_end:
boot_gdt_pointer:
    .short boot_gdt_end - boot_gdt - 1
    .long PHYS(boot_gdt)
boot_gdt_pointer_high:
    .short boot_gdt_end - boot_gdt - 1
    .quad boot_gdt

    .section .bss.page_aligned, "aw", @nobits
    .globl boot_l4
    .balign 4096
boot_l4:
    .skip 4096
boot_l3:
    .skip 4096
boot_l2:
    .skip 4096 * BOOT_MAPPED_GIB

// Page 0 is for struct cpu; paging_init() takes the guard page out of the final tables.
    .globl boot_cpu_area, boot_stack_guard, boot_stack_end
    .balign BOOT_CPU_AREA_BYTES
boot_cpu_area:
    .skip 4096
boot_stack_guard:
    .skip 4096
    .skip BOOT_CPU_AREA_BYTES - 2 * 4096
boot_stack_end:
