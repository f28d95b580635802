// SPDX-License-Identifier: Apache-2.0
// Writable page tables: a guest's direct write to a level-1 table, done for it.
#pragma once

#include "domain/vcpu.h"
#include "mmu/pte.h"

/* A locked level-1 table that a guest tried to write, and the entry it aimed at. */
struct trapped_write {
    struct frame *table;
    unsigned int slot;
    pte_t old;
};

/*
 * Whether the write fault at `va` of the current vCPU's kernel hit a validated level-1 table of
 * its domain that is mapped there read-only. True: the table is locked; end with
 * trapped_write_commit() or trapped_write_abandon().
 */
must_check bool trapped_write_begin(const struct vcpu *v, uint64_t va, struct trapped_write *w);

/*
 * Store the entry's new value, checked as any; unlocks. 0; what entry_claim() says; -EAGAIN where
 * the processor has changed the entry since trapped_write_begin().
 */
must_check long trapped_write_commit(const struct vcpu *v, struct trapped_write *w, pte_t value);
void trapped_write_abandon(struct trapped_write *w);
