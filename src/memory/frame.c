// SPDX-License-Identifier: Apache-2.0
// References to frames, and the two types that need no validation: none and writable.
#include "memory/frame.h"

#include "arch/frames.h"
#include "base/panic.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "memory/flush.h"

struct frame *frame_table;
uint64_t frame_count;
void (*frame_released)(struct frame *f);

/* A count may grow no further than this, so that a race of increments can't carry over. */
#define COUNT_LIMIT (FRAME_REF_MASK - MAX_CPUS)

static bool add_to_state(struct frame *f, uint64_t *seen, uint64_t wanted)
{
    return __atomic_compare_exchange_n(&f->state, seen, wanted, true, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

bool frame_get(struct frame *f, domid_t owner)
{
    uint64_t state = frame_state(f);

    do {
        if ((state & FRAME_REF_MASK) == 0 || (state & FRAME_REF_MASK) >= COUNT_LIMIT) {
            return false;
        }
    } while (!add_to_state(f, &state, state + FRAME_REF_ONE));
    /* Only now can the owner not change any more. */
    if (unlikely(READ_ONCE(f->owner) != owner)) {
        frame_put(f);
        return false;
    }
    return true;
}

void frame_put(struct frame *f)
{
    uint64_t state = __atomic_sub_fetch(&f->state, FRAME_REF_ONE, __ATOMIC_ACQ_REL);

    if (unlikely((state & FRAME_REF_MASK) == 0)) {
        frame_released(f);
    }
}

/*
 * The state with one writable use more, or 0 where the frame can't be written: it is on its way
 * out, a table or descriptor page, or at a count's end.
 */
static uint64_t with_writable_use(uint64_t state)
{
    if ((state & FRAME_REF_MASK) == 0 || (state & FRAME_REF_MASK) >= COUNT_LIMIT) {
        return 0;
    }
    if (likely(state_type(state) == FRAME_WRITABLE)) {
        return state + FRAME_TYPE_ONE + FRAME_REF_ONE;
    }
    if ((state & (FRAME_TYPE_COUNT | FRAME_PARTIAL | FRAME_LOCKED)) != 0) {
        return 0;
    }
    return ((state & ~FRAME_TYPE_MASK) | (uint64_t)FRAME_WRITABLE << FRAME_TYPE_SHIFT |
            FRAME_VALIDATED) +
           FRAME_TYPE_ONE + FRAME_REF_ONE;
}

/* Whether a processor may still walk through the frame as a table that it no longer is. */
static bool was_table(uint64_t state)
{
    return state_type_count(state) == 0 && state_type(state) >= FRAME_L1;
}

bool frame_get_writable(struct frame *f, domid_t owner)
{
    uint64_t state = frame_state(f);
    uint64_t wanted;

    do {
        wanted = with_writable_use(state);
        if (unlikely(wanted == 0)) {
            return false;
        }
    } while (!add_to_state(f, &state, wanted));
    if (unlikely(READ_ONCE(f->owner) != owner)) {
        frame_put_writable(f);
        return false;
    }
    if (unlikely(was_table(state))) {
        flush_older_than(f->flush_stamp);
    }
    return true;
}

void frame_put_writable(struct frame *f)
{
    uint64_t state = frame_state(f);

    do {
        /* The last one may leave translations behind: stamp before the count can be seen as 0. */
        if (state_type_count(state) == 1) {
            flush_stamp_frame(f);
        }
    } while (!add_to_state(f, &state, state - FRAME_TYPE_ONE - FRAME_REF_ONE));
    if (unlikely((state & FRAME_REF_MASK) == FRAME_REF_ONE)) {
        frame_released(f);
    }
}

void frame_list_init(struct frame_list *list)
{
    list->head = FRAME_LIST_END;
    list->count = 0;
}

void frame_list_add(struct frame_list *list, struct frame *f)
{
    uint32_t number = (uint32_t)mfn_of(f).n;

    f->prev = FRAME_LIST_END;
    f->next = list->head;
    if (list->head != FRAME_LIST_END) {
        frame_table[list->head].prev = number;
    }
    list->head = number;
    list->count++;
}

void frame_list_remove(struct frame_list *list, struct frame *f)
{
    if (f->prev == FRAME_LIST_END) {
        list->head = f->next;
    } else {
        frame_table[f->prev].next = f->next;
    }
    if (f->next != FRAME_LIST_END) {
        frame_table[f->next].prev = f->prev;
    }
    list->count--;
}
