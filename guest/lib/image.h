// SPDX-License-Identifier: Apache-2.0
// What a kernel image says about itself: where it is linked, its ELF notes, how it wants to be
// booted.
#pragma once

#define IMAGE_STRING_(x) #x
#define IMAGE_STRING(x)  IMAGE_STRING_(x)

// The address pseudo-physical frame 0 appears at. The linker script takes the high default where
// an image does not choose; the ELF note VIRT_BASE and the load address follow it.
#define IMAGE_VIRT_BASE(address) \
    __asm__(".globl image_virt_base\n.set image_virt_base, " IMAGE_STRING(address))

// One more numeric ELF note, beside those every image has (entry.S).
#define IMAGE_NOTE(type, value)                                                           \
    __asm__(".pushsection .note.Xen, \"a\", @note\n.balign 4\n.long 4, 8, " IMAGE_STRING( \
        type) "\n.asciz \"Xen\"\n.quad " IMAGE_STRING(value) "\n.popsection")

// A line for the test runner, kept in the image but not loaded. It knows:
//   args=WORDS      goes on the guest's command line
//   module=BYTES    a boot module of so many bytes, byte n being n * 7 + (n >> 8)
//   vcpus=COUNT     so many virtual CPUs (1 unless it says so)
//   cpus=COUNT      so many CPUs in the machine (1 unless it says so)
//   icount=SHIFT    time is counted in instructions, 2^SHIFT ns each: what it measures is exact
#define IMAGE_BOOT(line) \
    __asm__(".pushsection .image.boot, \"\", @progbits\n.ascii \"" line "\\n\"\n.popsection")

// From the linker script.
extern char image_start[], image_end[], image_user_start[], image_user_end[];
extern char image_tiny_start[], image_tiny_end[];
extern char image_bss_start[]; // all zeroes before the first instruction
extern char image_virt_base_value[];
