// SPDX-License-Identifier: Apache-2.0
// The processors' part in the fuzzing of page tables: translations that they keep, and stores
// through them.
#pragma once

#include "mmu_world.h"

#define KEPT 6 /* translations */

/* What guests store through them. */
#ifndef TAKE_STORED
#define TAKE_STORED take_entry
#endif

/* A translation of a page, or of all that a level-1 table maps. */
struct kept {
    bool used, is_table, writable;
    unsigned int cpu;
    uint64_t flush_stamp; /* the CPU's, when it was found: gone with the next flush */
    mfn_t frame;
    domid_t owner; /* of the frame, then */
};
static struct kept kept[KEPT];

static bool still_kept(const struct kept *k)
{
    return k->used && k->flush_stamp == cpus[k->cpu]->flush_stamp;
}

static void keep(mfn_t m, bool is_table, bool writable)
{
    kept[take(KEPT)] = (struct kept){.used = true,
                                     .is_table = is_table,
                                     .writable = writable,
                                     .cpu = this_cpu()->id,
                                     .flush_stamp = this_cpu()->flush_stamp,
                                     .frame = m,
                                     .owner = frame_of(m)->owner};
}

/*
 * A frame that a processor may still reach does not change hands, is not Pavise's, and is no table
 * where it may be written.
 */
static void check_reached(mfn_t m, domid_t owner, bool writable)
{
    uint64_t state = frame_state(frame_of(m));
    bool typed = state_type_count(state) != 0 && state_type(state) >= FRAME_L1;

    MUST(frame_of(m)->owner == owner || frame_of(m)->owner == DOMID_INVALID);
    MUST(!(writable && typed));
}

/* The last step of a walk, in a table that may be one no more. */
static void reach_page(mfn_t table, unsigned int slot, bool writable)
{
    pte_t *entry = &table_at(table)[slot];
    mfn_t m = pte_mfn(*entry);

    if ((*entry & PTE_P) == 0 || (*entry & PTE_US) == 0 || !mfn_valid(m) ||
        frame_of(m)->owner == DOMID_IO) {
        return;
    }
    writable = writable && (*entry & PTE_RW) != 0;
    *entry |= PTE_A | (writable ? PTE_D : 0);
    if (frame_of(m)->owner == DOMID_XEN) {
        MUST(!writable && frame_is_m2p(frame_of(m)));
    }
    check_reached(m, frame_of(m)->owner, writable);
    keep(m, false, writable);
}

static void walk(uint64_t va)
{
    const struct vcpu *v = current_vcpu();
    mfn_t table = maddr_to_mfn(maddr(v->kernel_cr3));
    bool writable = true;

    if (v->kernel_cr3 == 0 || !is_canonical(va) || slot_is_hypervisor(table_index(va, 4))) {
        return;
    }
    for (unsigned int level = 4; level > 1; level--) {
        pte_t *entry = &table_at(table)[table_index(va, level)];
        /* Pavise's own slots, by a linear mapping: not for ring 3. */
        if ((*entry & PTE_P) == 0 || !mfn_valid(pte_mfn(*entry)) ||
            frame_of(pte_mfn(*entry))->owner == DOMID_XEN) {
            return;
        }
        *entry |= PTE_A;
        writable = writable && (*entry & PTE_RW) != 0;
        table = pte_mfn(*entry);
    }
    keep(table, true, writable);
    reach_page(table, table_index(va, 1), writable);
}

/* A guest's store through what its processor has kept, however old. */
static void use_kept(void)
{
    struct kept *k = &kept[take(KEPT)];

    if (!still_kept(k) || k->cpu != this_cpu()->id) {
        return;
    }
    check_reached(k->frame, k->owner, k->writable && !k->is_table);
    if (k->is_table) {
        uint64_t state = frame_state(frame_of(k->frame));
        MUST(!(state_type(state) == FRAME_WRITABLE && state_type_count(state) != 0));
        if (frame_of(k->frame)->owner == k->owner) {
            reach_page(k->frame, take_slot(), k->writable);
        }
    } else if (k->writable) {
        table_at(k->frame)[take_slot()] = TAKE_STORED();
    }
}
