// SPDX-License-Identifier: Apache-2.0
// Inside the grant room: a domain's table, what is in use of it, and the handles of its mappings.
//
// Locks. Each entry of a table has an active record with a byte lock of its own, so that users of
// different entries never meet. It guards the record, Pavise's writes to the entry and, by being
// held while `version` and `state` are looked at, the table's layout: whoever changes these passes
// through every lock afterwards, and then knows that nobody works by the old ones.
// `lock` (RANK_GRANT) serialises growth and changes of version, and comes before entries' locks.
// Tables only grow, and an index below a published size is good for ever. Only swap_grant_ref and
// set_version hold several entries' locks, the lower reference first; no two domains' locks are
// ever held together.
//
// Legend: [a] atomic; [I] set before the table is used; [g] `lock`; [t] `maptrack_lock`;
// [e] the entry's lock.
#pragma once

#include "arch/index.h"
#include "base/lock.h"
#include "event/byte_lock.h"
#include "grant/grant.h"
#include "memory/frame.h"

#define V1_PER_PAGE     (PAGE_SIZE / sizeof(grant_entry_v1_t))
#define V2_PER_PAGE     (PAGE_SIZE / sizeof(grant_entry_v2_t))
#define STATUS_PER_PAGE (PAGE_SIZE / sizeof(grant_status_t))
#define ACTIVE_PER_PAGE (PAGE_SIZE / sizeof(struct grant_active))
#define TRACK_PER_PAGE  (PAGE_SIZE / sizeof(struct maptrack_entry))

enum grant_kind {
    GRANT_WHOLE,      /* a frame */
    GRANT_PART,       /* some bytes of a frame, to copy only */
    GRANT_TRANSITIVE, /* what another domain granted to the granter, to copy only */
};

/*
 * What is in use of an entry. All of it is guarded by its lock. Users are counted by what they do,
 * reading [0] or writing [1]; with any of a kind, the frame is referenced once for that kind.
 */
struct grant_active {
    byte_lock_t lock;
    uint8_t kind;
    domid_t grantee; /* who uses it */
    uint32_t users[2];
    uint16_t offset, length; /* bytes of the frame that may be used */
    mfn_t frame;
    grant_ref_t through_ref; /* GRANT_TRANSITIVE */
    domid_t through_domain;
};
_Static_assert(sizeof(struct grant_active) == 32, "two records a cache line");

/* A handle: one mapping that this domain has of another's grant. */
struct maptrack_entry {
    struct domain *granter; /* referenced */
    uint32_t ref;           /* or the next free handle */
    uint32_t flags;         /* [a] GNTMAP_*, 0: free, MAPTRACK_BUSY: someone works on it */
};

#define MAPTRACK_BUSY GNTMAP_application_map /* of no meaning here, so it is never stored */
#define NO_HANDLE     0xffffffffU

enum table_state {
    TABLE_OPEN,
    TABLE_CHANGING, /* its version is being changed: nobody begins to use an entry */
    TABLE_GONE,     /* its domain is dead: the pages are not Pavise's any more */
};

struct domain_grants {
    uint32_t entries;             /* [a] that may be used now: 0 unless the table is open */
    uint8_t version;              /* [a] 1 or 2; see above */
    uint8_t state;                /* [a] enum table_state */
    uint8_t max_version;          /* [I] */
    struct grant_active **active; /* [a] pages, each allocated when first needed */
    void **shared;                /* [a] max_frames pages; the arrays come with the first frame */
    grant_status_t **status;      /* [a] */
    uint32_t frames;              /* [a] grows under [g] */
    uint32_t status_frames;       /* [a] grows under [g] */
    uint32_t max_frames;          /* [I] */
    spinlock_t lock;

    byte_lock_t maptrack_lock;
    uint32_t free_handle;             /* [t] */
    uint32_t maptrack_frames;         /* [a] grows under [t] */
    uint32_t max_maptrack_frames;     /* [I] */
    uint32_t relinquished;            /* handles below it are done with; the domain is dying */
    struct maptrack_entry **maptrack; /* [a] */
};

/* Status frames that a version 2 table of so many frames needs. */
static inline uint32_t status_frames_for(uint32_t frames)
{
    return (frames * (uint32_t)V2_PER_PAGE + (uint32_t)STATUS_PER_PAGE - 1) /
           (uint32_t)STATUS_PER_PAGE;
}

static inline uint32_t table_frames(const struct domain_grants *g)
{
    return __atomic_load_n(&g->frames, __ATOMIC_ACQUIRE);
}

static inline uint32_t entries_per_frame(unsigned int version)
{
    return (uint32_t)(version == 1 ? V1_PER_PAGE : V2_PER_PAGE);
}

/* How many entries may be used now. */
static inline uint32_t table_entries(const struct domain_grants *g)
{
    return __atomic_load_n(&g->entries, __ATOMIC_ACQUIRE);
}

/* The guest's words. The reference is below the number of entries. */
static inline grant_entry_v1_t *entry_v1(const struct domain_grants *g, grant_ref_t ref)
{
    return (grant_entry_v1_t *)g->shared[ref / V1_PER_PAGE] + ref % V1_PER_PAGE;
}

static inline grant_entry_v2_t *entry_v2(const struct domain_grants *g, grant_ref_t ref)
{
    return (grant_entry_v2_t *)g->shared[ref / V2_PER_PAGE] + ref % V2_PER_PAGE;
}

static inline grant_status_t *status_v2(const struct domain_grants *g, grant_ref_t ref)
{
    return &g->status[ref / STATUS_PER_PAGE][ref % STATUS_PER_PAGE];
}

/* Flags (bits 0-15) and domain (16-31) of an entry; both versions begin with them. */
static inline uint32_t *header_word(const struct domain_grants *g, grant_ref_t ref)
{
    return g->version == 1 ? (uint32_t *)entry_v1(g, ref) : (uint32_t *)entry_v2(g, ref);
}

static inline bool active_in_use(const struct grant_active *a)
{
    return (a->users[0] | a->users[1]) != 0;
}

/* ---- table.c -------------------------------------------------------------------------------- */

must_check int table_create(struct domain *d);
void table_destroy(struct domain *d);
/* What tables and handles are charged at most, by the limits set. */
uint64_t table_most_heap(const struct domain *d);

/*
 * Have at least `frames` frames, and in a version 2 table their status frames. -EINVAL: more than
 * the limit, or the domain is dying; -ENOMEM. Takes the table's lock.
 */
must_check int table_grow(struct domain *d, uint32_t frames);

/* Have `frames` status frames. The table's lock is held. */
must_check int table_grow_status(struct domain *d, uint32_t frames);

/* The record if it exists, not locked; entries without one are not in use. */
static inline struct grant_active *active_if_any(const struct domain_grants *g, grant_ref_t ref)
{
    struct grant_active *page =
        __atomic_load_n(&g->active[ref / ACTIVE_PER_PAGE], __ATOMIC_ACQUIRE);

    return page ? &page[ref % ACTIVE_PER_PAGE] : NULL;
}

/*
 * The rarer half of active_lock(): makes the record, or says why there is none. GNTST_okay, and
 * the record is locked.
 */
must_check int16_t active_lock_slowly(struct domain *d, grant_ref_t ref,
                                      struct grant_active **active);

/*
 * The active record of an entry, locked: GNTST_okay. GNTST_bad_gntref: no such entry;
 * GNTST_eagain: the table changes; GNTST_bad_domain: it is gone; GNTST_no_space: no memory.
 */
static inline must_check int16_t active_lock(struct domain *d, grant_ref_t ref,
                                             struct grant_active **active)
{
    struct domain_grants *g = d->grants;
    uint32_t entries = table_entries(g);
    grant_ref_t guarded = (grant_ref_t)index_below(ref, entries);

    if (likely(ref < entries) && likely((*active = active_if_any(g, guarded)) != NULL)) {
        byte_lock(&(*active)->lock);
        /* Asked again, for now it can't change. */
        if (likely(ref < table_entries(g))) {
            return GNTST_okay;
        }
        byte_unlock(&(*active)->lock);
    }
    return active_lock_slowly(d, ref, active);
}

/*
 * The domain is dying: give the shared pages up, in pieces. 0 or HYPERCALL_RESTART. Users of
 * entries may still end their use.
 */
must_check int table_relinquish(struct domain *d);
/* Nobody uses an entry: free the records of uses, in pieces likewise. */
must_check int table_bury(struct domain *d);

/* ---- audit.c -----------------------------------------------------------------------------------
 */

void table_audit(struct domain *d, audit_tell_t tell, void *audit);

/* ---- acquire.c ------------------------------------------------------------------------------ */

/* A use of an entry, and of the one behind it where the first is transitive. */
struct grant_access {
    mfn_t frame;
    uint16_t offset, length; /* what may be used of it */
    uint32_t cache;          /* GTF_PWT, GTF_PCD, GTF_PAT */
    bool writable;
    struct grant_use {
        struct domain *granter; /* the first is referenced by the caller, the second by the use */
        struct grant_active *active;
        grant_ref_t ref;
    } use[2];
    unsigned int uses;
};

/* What the caller can deal with. */
enum grant_purpose {
    GRANT_TO_MAP,  /* whole frames only */
    GRANT_TO_COPY, /* any */
};

/*
 * Begin to use an entry of `granter`'s on behalf of `grantee`: check the guest's entry, mark it,
 * reference the frame. Returns GNTST_okay or why not. End it with grant_release().
 */
must_check int16_t grant_acquire(struct domain *granter, grant_ref_t ref, domid_t grantee,
                                 bool writable, enum grant_purpose purpose,
                                 struct grant_access *access);
void grant_release(struct grant_access *access);

/*
 * Reference a frame, and its writable type too where it is to be written. GNTST_bad_page: not the
 * owner's; GNTST_general_error: it is a page table, or on its way out.
 */
static always_inline_fn must_check int16_t grant_hold_frame(mfn_t frame, domid_t owner,
                                                            bool writable)
{
    struct frame *f;

    if (unlikely(!mfn_valid(frame))) {
        return GNTST_bad_page;
    }
    f = frame_of(frame);
    if (likely(writable ? frame_get_writable(f, owner) : frame_get(f, owner))) {
        return GNTST_okay;
    }
    return READ_ONCE(f->owner) == owner ? GNTST_general_error : GNTST_bad_page;
}

/* The end of one use, for those that live in handles. */
void grant_end_use(struct domain *granter, grant_ref_t ref, struct grant_active *active,
                   bool writable);

/* ---- maptrack.c ----------------------------------------------------------------------------- */

/* A free handle of `d`'s, busy; NO_HANDLE where there is none. */
must_check uint32_t maptrack_alloc(struct domain *d);
/* Give a busy handle back. */
void maptrack_free(struct domain *d, uint32_t handle);
/* From busy to a mapping with these GNTMAP_* flags. */
void maptrack_publish(struct maptrack_entry *entry, uint32_t flags);
/*
 * Make a handle that is a mapping busy, and its flags known. NULL where it is none, or another
 * vCPU works on it.
 */
must_check struct maptrack_entry *maptrack_claim(struct domain *d, uint32_t handle,
                                                 uint32_t *flags);
/* The entry of a handle that the caller has busy. */
static inline struct maptrack_entry *maptrack_entry(const struct domain *d, uint32_t handle)
{
    return &d->grants->maptrack[handle / TRACK_PER_PAGE][handle % TRACK_PER_PAGE];
}
/* The domain is dying: end all its mappings, and free the pages, in pieces. 0 or HYPERCALL_RESTART.
 */
must_check int maptrack_relinquish(struct domain *d);
void maptrack_destroy(struct domain *d);

/* ---- the operations, by file ---------------------------------------------------------------- */

extern const struct grant_mmu_ops *grant_mmu;

/*
 * Operations on `count` elements at `uop`, `done` of which are done already. A step does some more
 * and returns how many, or -errno; the guest's element has its status then.
 */
typedef long (*grant_step_t)(gva_t uop, uint64_t done, uint64_t count);

long step_map(gva_t uop, uint64_t done, uint64_t count);
long step_unmap(gva_t uop, uint64_t done, uint64_t count);
long step_unmap_and_replace(gva_t uop, uint64_t done, uint64_t count);
long step_copy(gva_t uop, uint64_t done, uint64_t count);
long step_transfer(gva_t uop, uint64_t done, uint64_t count);
long step_swap(gva_t uop, uint64_t done, uint64_t count);
long step_cache_flush(gva_t uop, uint64_t done, uint64_t count);

/* Operations on one element. */
long grant_setup_table(gva_t uop);
long grant_dump_table(gva_t uop);
long grant_query_size(gva_t uop);
long grant_get_status_frames(gva_t uop);
long grant_set_version(gva_t uop);
long grant_get_version(gva_t uop);

/*
 * The domain that a call is about, referenced: GNTST_okay. GNTST_bad_domain: there is none;
 * GNTST_permission_denied: not the caller's own, and the caller has no privilege.
 */
must_check int16_t grant_get_target(domid_t id, struct domain **target);
