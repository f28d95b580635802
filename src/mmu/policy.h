// SPDX-License-Identifier: Apache-2.0
// The one place that decides whether a page-table entry is allowed, and what it then holds on to.
//
// A present entry holds a claim on the frame it names:
//   level 1, writable:   a writable type count (and its reference)
//   level 1, read-only:  a reference
//   level 2 to 4:        a type count of the level below; or, for an entry that maps a table of its
//                        own level read-only (a linear page table), a reference and a linear use
//   device memory:       nothing; holes have no counts
#pragma once

#include "domain/domain.h"
#include "mmu/pte.h"

/* Who is asking: the tables' owner, and whose frames the entries may name. */
struct entry_rights {
    struct domain *tables;  /* PFD: owns the page table */
    struct domain *frames;  /* FD: owns what it may map; NULL: nobody's memory, devices only */
    struct domain *caller;  /* whose privileges count */
    bool hypervisor_frames; /* FD is DOMID_XEN: chosen frames of Pavise's, read-only */
    bool io_only;           /* FD is DOMID_IO: device memory only */
    bool part;              /* of a table that is being validated: it keeps track of partial ones */
    bool preemptible;       /* with `part`: that may take several turns */
};

/*
 * Decide on `entry` for a table of `level` (in frame `table`) and take its claim. *entry becomes
 * what is to be stored. Returns 0; -EINVAL: bits, a frame or a type that is not allowed, or a count
 * at its end; -EPERM: device memory the domain may not map; HYPERCALL_RESTART: the named table is
 * being validated, by this vCPU in several turns or by another (mmu/types.h); with rights->part,
 * TABLE_PARTIAL: the claim is taken, on a table that is partial.
 */
must_check long entry_claim(const struct entry_rights *rights, unsigned int level,
                            struct frame *table, pte_t *entry);

/* Drop the claim of a stored entry. The last claim on a table takes it apart. */
void entry_release(unsigned int level, struct frame *table, pte_t entry);

/*
 * The same for all present entries of a level-1 table that is not in use: from *done on, which
 * becomes the first that was refused; or of the first `count`.
 */
must_check long entries_claim_pages(const struct entry_rights *rights, pte_t *entries,
                                    unsigned int *done);
void entries_release_pages(const pte_t *entries, unsigned int count);

/* An entry of a table of level 2 to 4 that is taken apart itself: 0, or TABLE_PARTIAL. */
must_check long entry_release_part(unsigned int level, struct frame *table, pte_t entry,
                                   bool preemptible);

/* Whether two stored level-1 entries hold the same claim, so that one may replace the other. */
static inline bool entry_same_claim(pte_t a, pte_t b)
{
    return ((a ^ b) & (PTE_FRAME | PTE_RW | PTE_P)) == 0;
}

/*
 * The bits alone: what an allowed entry becomes. 0 or -EINVAL. Enough where the claim of a level-1
 * entry stays.
 */
must_check int entry_adjust(const struct entry_rights *rights, unsigned int level, pte_t *entry);

/* Whether a domain has devices, and with them a use for control of caches. */
bool domain_has_devices(const struct domain *d);

/*
 * Whether guests may only read this frame of device memory: entries for it become read-only. Set at
 * start of day by who knows the devices' registers that Pavise writes (MSI-X tables, the HPET). Any
 * lock held.
 */
extern bool (*device_frame_is_read_only)(mfn_t m);
