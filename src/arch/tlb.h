// SPDX-License-Identifier: Apache-2.0
// The seam to address translation caches and page-table bases.
#pragma once

#include <stddef.h>

#include "lib/address.h"
#include "lib/compiler.h"

/* Forget everything cached on this CPU, global entries too. */
void arch_tlb_flush_local(void);

/* Forget one page of this CPU's current address space. */
void arch_tlb_flush_page_local(uint64_t address);

/*
 * Forget everything on each CPU of the bitmap (one word: CPUs 0 to 63), and return only when all
 * have. May be called with locks held: the others serve the request while they wait for locks.
 */
void arch_tlb_flush_cpus(uint64_t cpus);

/* Forget one page on each CPU of the bitmap, whatever address space it runs. */
void arch_tlb_flush_page_cpus(uint64_t cpus, uint64_t address);

/* Write back and drop all of this CPU's caches. It takes long: no lock held. */
void arch_cache_flush_local(void);

/*
 * Run `function` with this CPU's caches off, and all that they and the translation cache held
 * forgotten before and after, as changes of memory types ask for (manual 3A, 11.11.8).
 */
void arch_without_caches(void (*function)(const void *argument), const void *argument);

/* Write back and drop what any CPU's caches have of these bytes. */
void arch_cache_flush_lines(const void *from, size_t bytes);

/* Address that the last page fault on this CPU was about. */
uint64_t arch_fault_address(void);
