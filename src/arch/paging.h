// SPDX-License-Identifier: Apache-2.0
// The seam to Pavise's own address space: how start of day builds it, in this order:
//     paging_init(), paging_map_ram() for each range, paging_activate(), paging_map_frame_tables().
//
// All of it runs on the first CPU alone. Where memory runs out it panics: there is nothing to run.
#pragma once

#include "lib/compiler.h"

/*
 * Where page tables and frame tables get their memory: the physical address of `bytes`, aligned to
 * `align` (a power of two), all below `limit`; 0 when there is none. The contents may be anything.
 */
typedef uint64_t (*paging_source)(uint64_t bytes, uint64_t align, uint64_t limit);

/* Starts Pavise's tables with the image: text r-x, rodata r--, data rw-; guard pages left out. */
void paging_init(paging_source source);

/* From here on `source` is asked for page tables, with this limit. */
void paging_set_source(paging_source source, uint64_t limit);

/*
 * Enters [base, base + bytes) into the direct map, rw-; what lies in it of the image's text and
 * read-only data is r--. Bounds are rounded inwards to whole pages. Once for each range of RAM.
 */
void paging_map_ram(uint64_t base, uint64_t bytes);

/* Loads the new tables. Identity mappings, and all else that loaders and head.S left, are gone. */
void paging_activate(void);

/*
 * Backs the frame table for frames [0, frames), zeroed. Where it lies: frame_table_base().
 */
void paging_map_frame_table(uint64_t frames, size_t bytes_per_frame);
void *frame_table_base(void);

/*
 * Backs the machine-to-physical table for these frames, every entry all ones (no translation):
 * writable for Pavise at m2p_base(), read-only for guests at m2p_guest_base(). Ranges may share a
 * page at their ends. Frames outside of all ranges fault.
 */
void paging_map_m2p(uint64_t first_frame, uint64_t frames);
uint64_t *m2p_base(void);
uintptr_t m2p_guest_base(void);

/*
 * Maps device registers, any alignment, uncached, for good. Returns the address of the first byte,
 * or NULL where the window or memory is used up. Any CPU; takes RANK_HEAP.
 */
void *arch_map_device(uint64_t pa, size_t bytes);

/* The same, cached and read-only: firmware's tables. */
const void *arch_map_firmware(uint64_t pa, size_t bytes);

/* The physical address behind an address of Pavise's; UINT64_MAX where nothing is mapped. */
uint64_t paging_physical_of(const void *p);
