// SPDX-License-Identifier: Apache-2.0
// One record a machine frame: who owns it, how often it is referenced, what it is used for.
//
// The two counts, the type and its flags share one word, so that taking or dropping a mapping
// is one atomic operation. Every type count comes with a reference of its own.
//
//   bits  0-27  references: mappings, pins, grants, and one for being allocated
//   bits 28-55  type count: uses that depend on the type
//   bits 56-58  enum frame_type
//   bit  59     validated: the contents are known to obey the type; while a type count is without
//               it, the frame is on its way into the type or out of it
//   bit  60     partial: validation or its reverse was interrupted; `validated_entries` says where
//   bit  61     pinned: the owner holds a type count through MMUEXT_PIN_*
//   bit  62     allocated: the reference that comes with ownership has not been dropped yet
//   bit  63     locked: one CPU edits this page table, or changes the frame's type
#pragma once

#include "abi/xen.h"
#include "arch/index.h"
#include "arch/race.h"
#include "lib/address.h"
#include "lib/compiler.h"

enum frame_type {
    FRAME_NONE,
    FRAME_WRITABLE,
    FRAME_L1,
    FRAME_L2,
    FRAME_L3,
    FRAME_L4,
    FRAME_DESCRIPTORS,
};

#define FRAME_REF_ONE    1ULL
#define FRAME_REF_MASK   ((1ULL << 28) - 1)
#define FRAME_TYPE_ONE   (1ULL << 28)
#define FRAME_TYPE_COUNT (FRAME_REF_MASK << 28)
#define FRAME_TYPE_SHIFT 56
#define FRAME_TYPE_MASK  (7ULL << FRAME_TYPE_SHIFT)
#define FRAME_VALIDATED  (1ULL << 59)
#define FRAME_PARTIAL    (1ULL << 60)
#define FRAME_PINNED     (1ULL << 61)
#define FRAME_ALLOCATED  (1ULL << 62)
#define FRAME_LOCKED     (1ULL << 63)

struct frame {
    uint64_t state; /* [a] as drawn above */
    union {
        uint64_t flush_stamp; /* flush clock when the last type count went (memory/flush.h) */
        uint64_t heap_free;   /* heap pages: offset of the first free object plus one, 0: none */
    };
    uint32_t next, prev; /* guarded by the lock of the list the frame is on; frame numbers */
    domid_t owner;       /* [a] domain id, DOMID_XEN, DOMID_IO (a hole), DOMID_INVALID (free) */
    uint16_t validated_entries; /* written by whoever has FRAME_LOCKED; see frame_entries() */
    union {
        uint32_t order;      /* of the free or heap block that starts here */
        int32_t linear_uses; /* [a] see mmu/linear.h */
        uint32_t heap_size;  /* heap pages: bytes an object */
    };
};
_Static_assert(sizeof(struct frame) == 32, "two records a cache line");

/* `validated_entries` of a page of Pavise's that its owner may map (domain/share.h). */
#define FRAME_SHARED 0xfffeU
/* Of a frame of Pavise's that holds part of the machine-to-physical table (mmu/m2p.h). */
#define FRAME_M2P 0xfffdU

#define FRAME_LIST_END 0xffffffffU

/* A list of frames by number: a domain's own, or the allocator's free ones. */
struct frame_list {
    uint32_t head;
    uint32_t count;
};

extern struct frame *frame_table;
extern uint64_t frame_count; /* frames 0 .. frame_count - 1 have a record; holes are DOMID_IO's */

static inline bool mfn_valid(mfn_t m)
{
    return m.n < frame_count;
}

/* `m` must be valid. */
static inline struct frame *frame_of(mfn_t m)
{
    return &frame_table[m.n];
}

/*
 * The same for a number that a guest has just passed: where a processor only guesses that it is
 * valid, it sees the record of frame 0.
 */
static inline struct frame *frame_of_guests(mfn_t m)
{
    return &frame_table[index_below(m.n, frame_count)];
}

static inline mfn_t mfn_of(const struct frame *f)
{
    return mfn((uint64_t)(f - frame_table));
}

static inline uint64_t frame_state(const struct frame *f)
{
    return READ_ONCE(f->state);
}

static inline enum frame_type state_type(uint64_t state)
{
    return (enum frame_type)((state & FRAME_TYPE_MASK) >> FRAME_TYPE_SHIFT);
}

static inline uint64_t state_type_count(uint64_t state)
{
    return (state & FRAME_TYPE_COUNT) >> 28;
}

/*
 * validated_entries, which others may look at meanwhile: to tell a page that is shared with its
 * owner, where it is constant, from a table, where it never has that value.
 */
static inline unsigned int frame_entries(const struct frame *f)
{
    return READ_ONCE(f->validated_entries);
}

static inline void frame_set_entries(struct frame *f, unsigned int entries)
{
    WRITE_ONCE(f->validated_entries, (uint16_t)entries);
}

/* A count may grow no further than this, so that a race of increments can't carry over. */
#define FRAME_COUNT_LIMIT (FRAME_REF_MASK - 64)

/* The last reference went. */
void frame_release(struct frame *f);
/* frame_get_writable() where the frame is not of that type yet. */
must_check bool frame_get_first_writable(struct frame *f, domid_t owner);

static inline bool frame_state_change(struct frame *f, uint64_t *seen, uint64_t wanted)
{
    race_window();
    return __atomic_compare_exchange_n(&f->state, seen, wanted, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* Drop a reference; the frame goes back to the allocator with the last one. */
static inline void frame_put(struct frame *f)
{
    uint64_t state;

    race_window();
    state = __atomic_sub_fetch(&f->state, FRAME_REF_ONE, __ATOMIC_ACQ_REL);

    if (unlikely((state & FRAME_REF_MASK) == 0)) {
        frame_release(f);
    }
}

/*
 * Take a reference if `owner` owns the frame. False where another does, where it is being freed,
 * or where the count is full.
 */
static inline must_check bool frame_get(struct frame *f, domid_t owner)
{
    uint64_t state = frame_state(f);

    do {
        if (unlikely((state & FRAME_REF_MASK) - 1 >= FRAME_COUNT_LIMIT - 1)) {
            return false;
        }
    } while (unlikely(!frame_state_change(f, &state, state + FRAME_REF_ONE)));
    /* Only now can the owner not change any more. */
    if (unlikely(READ_ONCE(f->owner) != owner)) {
        frame_put(f);
        return false;
    }
    return true;
}

/*
 * Called with a domain's frame whose last reference went; the domain room, which knows where the
 * frame was listed, sets it at start of day and gives the frame back.
 */
extern void (*frame_released)(struct frame *f);

/*
 * Of writable type, with uses or without, and not on the way into the type. Pavise's own frames
 * have no type.
 */
static inline bool state_is_writable(uint64_t state)
{
    const uint64_t writable = (uint64_t)FRAME_WRITABLE << FRAME_TYPE_SHIFT | FRAME_VALIDATED;

    return (state & (FRAME_TYPE_MASK | FRAME_VALIDATED)) == writable;
}

/* Ticks with each complete TLB flush (memory/flush.h). */
extern uint64_t flush_clock;

/* A use that may have left translations behind ends now. */
static inline void flush_stamp_frame(struct frame *f)
{
    WRITE_ONCE(f->flush_stamp, __atomic_load_n(&flush_clock, __ATOMIC_SEQ_CST));
}

static inline void frame_put_writable(struct frame *f)
{
    uint64_t state = frame_state(f);

    do {
        /* The last one: stamp before the count can be seen as 0. */
        if (state_type_count(state) == 1) {
            flush_stamp_frame(f);
        }
    } while (unlikely(!frame_state_change(f, &state, state - FRAME_TYPE_ONE - FRAME_REF_ONE)));
    if (unlikely((state & FRAME_REF_MASK) == FRAME_REF_ONE)) {
        frame_release(f);
    }
}

/*
 * Take a reference and a writable type count together (for a mapping, a grant, a copy).
 * False where the frame is not the owner's or is in use as a table or descriptor page.
 */
static inline must_check bool frame_get_writable(struct frame *f, domid_t owner)
{
    uint64_t state = frame_state(f);

    /* Another's frame is not counted even for a moment: its owner may want it as a table. */
    if (unlikely(READ_ONCE(f->owner) != owner || !state_is_writable(state) ||
                 (state & FRAME_REF_MASK) - 1 >= FRAME_COUNT_LIMIT - 1 ||
                 !frame_state_change(f, &state, state + FRAME_TYPE_ONE + FRAME_REF_ONE))) {
        return frame_get_first_writable(f, owner);
    }
    if (unlikely(READ_ONCE(f->owner) != owner)) {
        frame_put_writable(f);
        return false;
    }
    return true;
}

void frame_list_init(struct frame_list *list);
void frame_list_add(struct frame_list *list, struct frame *f);
void frame_list_remove(struct frame_list *list, struct frame *f);
