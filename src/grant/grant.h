// SPDX-License-Identifier: Apache-2.0
// Grant tables, as other rooms see them: the hypercall, and what the page-table room does for it.
//
// A domain (the granter) lets another (the grantee) use one of its frames through an entry in a
// table that it shares with Pavise; <xen/grant_table.h> is the interface. While the grantee uses
// the frame, the entry says so, and the granter cannot take it back.
#pragma once

#include "abi/xen.h"
#include "domain/domain.h"
#include "lib/address.h"
#include "lib/compiler.h"

#define GRANT_DEFAULT_FRAMES          64U
#define GRANT_DEFAULT_MAPTRACK_FRAMES 1024U
#define GRANT_MAX_FRAMES              1024U /* what an administrator may ask for at most */
#define GRANT_MAX_MAPTRACK_FRAMES     4096U

/* Start of day: registers the room's part of a domain. Before the page-table room does the same,
 * so that at a domain's end its mappings go before what they are accounted to. */
void grant_init(void);

/* Hypercall 20. */
long hypercall_grant_table_op(uint64_t cmd, gva_t uop, uint64_t count);

/*
 * Limits of one domain (XEN_DOMCTL_createdomain): frames of its table, frames to note its mappings
 * of others' grants in, highest version it may choose. Once, before the table is used.
 * -EBUSY: it has been; -EINVAL: out of range.
 */
must_check int grant_set_limits(struct domain *d, uint32_t frames, uint32_t maptrack_frames,
                                uint32_t version);

/* A mapping of a granted frame, as the page-table room needs to know it. */
struct grant_mapping {
    mfn_t frame;
    struct domain *owner; /* of the frame; the grant keeps it alive */
    bool writable;
    uint32_t flags; /* GNTMAP_* as the grantee gave them: _contains_pte, guest_avail, ... */
    uint32_t cache; /* GTF_PWT, GTF_PCD, GTF_PAT as the granter gave them (map only) */
};

/*
 * Set by the page-table room. Each returns GNTST_okay or another GNTST_*, and then changed nothing.
 * `v` is the current vCPU. `address` is a virtual address of its, or with GNTMAP_contains_pte the
 * machine address of an entry in one of its L1 tables. For the time of the call the grant itself
 * holds the frame; a page-table entry takes and drops references of its own, as any other does.
 * No lock is held.
 */
struct grant_mmu_ops {
    int16_t (*map)(struct vcpu *v, uint64_t address, const struct grant_mapping *mapping);
    /* The entry must hold exactly this mapping: else GNTST_general_error. */
    int16_t (*unmap)(struct vcpu *v, uint64_t address, const struct grant_mapping *mapping);
    /* The entry gets what is mapped at `new_address`, which becomes empty (0: just unmap). */
    int16_t (*replace)(struct vcpu *v, uint64_t address, uint64_t new_address,
                       const struct grant_mapping *mapping);
    /* No CPU keeps a translation that an unmap or replace of this domain's took away. */
    void (*flush)(struct domain *d);
    /* The frame is page `slot` of its new owner's (GNTTABOP_transfer). */
    void (*set_m2p)(mfn_t frame, pfn_t slot);
};
void grant_register_mmu(const struct grant_mmu_ops *ops);

/* The domain's table, for tools that map or fill it: frame `index` of the table, or MFN_INVALID. */
mfn_t grant_shared_frame(struct domain *d, uint32_t index);
mfn_t grant_status_frame(struct domain *d, uint32_t index);
/*
 * How many frames it can have at most, and: have so many. -EINVAL: more than that, or it is dying;
 * -ENOMEM. Takes RANK_GRANT.
 */
uint32_t grant_most_frames(const struct domain *d);
must_check int grant_have_frames(struct domain *d, uint32_t frames);
