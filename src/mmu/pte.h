// SPDX-License-Identifier: Apache-2.0
// Page-table entries as guests write them and as the processor reads them.
#pragma once

#include "lib/address.h"

typedef uint64_t pte_t;

#define PTE_P     (1ULL << 0)
#define PTE_RW    (1ULL << 1)
#define PTE_US    (1ULL << 2)
#define PTE_PWT   (1ULL << 3)
#define PTE_PCD   (1ULL << 4)
#define PTE_A     (1ULL << 5)
#define PTE_D     (1ULL << 6)
#define PTE_PSE   (1ULL << 7) /* levels 2 and 3 */
#define PTE_PAT   (1ULL << 7) /* level 1 */
#define PTE_G     (1ULL << 8)
#define PTE_NX    (1ULL << 63)
#define PTE_FRAME 0x000ffffffffff000ULL

/*
 * Software bit that marks a page of a 64-bit guest's kernel. Both kernel and user mode run in
 * ring 3, so every page has US set; this bit remembers that the guest did not ask for it. User
 * pages are made global, as both of the guest's address spaces map them alike; kernel pages never
 * are, so that going to user mode forgets them.
 */
#define PTE_GUEST_KERNEL (1ULL << 52)

#define TABLE_ENTRIES 512

/* L4 slots that are Pavise's in every address space (HYPERVISOR_VIRT_START .. _END). */
#define HV_FIRST_SLOT 256U
#define HV_LAST_SLOT  271U

static inline mfn_t pte_mfn(pte_t e)
{
    return mfn((e & PTE_FRAME) >> PAGE_SHIFT);
}

static inline bool slot_is_hypervisor(unsigned int slot)
{
    return slot >= HV_FIRST_SLOT && slot <= HV_LAST_SLOT;
}

static inline unsigned int table_index(uint64_t va, unsigned int level)
{
    return (va >> (PAGE_SHIFT + 9 * (level - 1))) & (TABLE_ENTRIES - 1);
}
