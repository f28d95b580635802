// SPDX-License-Identifier: Apache-2.0
// The hypervisor's part of every address space, for C, assembly and the linker script alike.
// L4 slots 256..271 belong to the hypervisor, the rest to guests (see docs/memory-map).
#pragma once

#ifdef __ASSEMBLY__
#define LAYOUT_ADDRESS(x) x
#else
#define LAYOUT_ADDRESS(x) x##UL
#endif

/* Machine-to-physical table as guests see it: read-only, user-accessible, 8 bytes a frame. */
#define M2P_READ_ONLY_BASE LAYOUT_ADDRESS(0xffff800000000000)
#define FRAME_TABLE_BASE   LAYOUT_ADDRESS(0xffff808000000000)
/* The image: a virtual address less IMAGE_BASE is the physical address. */
#define IMAGE_BASE LAYOUT_ADDRESS(0xffff810000000000)
/* Within reach of a 32-bit displacement from the image, so that entry code can jump there. */
#define PERCPU_BASE     LAYOUT_ADDRESS(0xffff810040000000)
#define M2P_BASE        LAYOUT_ADDRESS(0xffff818000000000)
#define DEVICE_MAP_BASE LAYOUT_ADDRESS(0xffff828000000000)
#define DEVICE_MAP_END  LAYOUT_ADDRESS(0xffff830000000000)
#define DIRECT_MAP_BASE LAYOUT_ADDRESS(0xffff830000000000)

/* Where loaders put the image. */
#define IMAGE_PHYSICAL_START LAYOUT_ADDRESS(0x200000)

/*
 * The first CPU's area while it starts: struct cpu in the first page, a guard page, the stack. Size
 * and alignment are those that this_cpu() counts on (CPU_AREA_BYTES).
 */
#define BOOT_CPU_AREA_BYTES 0x10000

/* What head.S maps of physical memory: loaders put all that they hand over below. */
#define BOOT_MAPPED_GIB LAYOUT_ADDRESS(4)
