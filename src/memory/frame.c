// SPDX-License-Identifier: Apache-2.0
// References to frames, and the two types that need no validation: none and writable.
#include "memory/frame.h"

#include "arch/cpu.h"
#include "memory/allocator.h"
#include "memory/flush.h"

struct frame *frame_table;
uint64_t frame_count;
void (*frame_released)(struct frame *f);

_Static_assert(MAX_CPUS <= 64, "the limit of counts leaves room for each CPU");

/* Nobody can see the frame any more. Pavise's own go straight back to the allocator. */
cold_fn void frame_release(struct frame *f)
{
    if (f->owner == DOMID_XEN) {
        frames_free(mfn_of(f), 0);
    } else {
        frame_released(f);
    }
}

/* ---- the writable type ----------------------------------------------------------------------- */

/* Whether a processor may still walk through the frame as a table that it no longer is. */
static bool was_table(uint64_t state)
{
    return state_type(state) >= FRAME_L1;
}

/*
 * The first writable use. While it is locked and not validated others wait: the page may be written
 * only when every processor has forgotten that it was a table.
 */
static bool become_writable(struct frame *f, uint64_t *state)
{
    uint64_t wanted = ((*state & ~(FRAME_TYPE_MASK | FRAME_VALIDATED)) | (uint64_t)FRAME_WRITABLE
                                                                             << FRAME_TYPE_SHIFT) +
                      FRAME_TYPE_ONE;

    if (likely(!was_table(*state))) {
        return frame_state_change(f, state, wanted | FRAME_VALIDATED);
    }
    if (!frame_state_change(f, state, wanted | FRAME_LOCKED)) {
        return false;
    }
    flush_for_frame(f);
    /* From "locked" to "validated" in one step: nobody else changes either meanwhile. */
    __atomic_add_fetch(&f->state, FRAME_VALIDATED - FRAME_LOCKED, __ATOMIC_ACQ_REL);
    return true;
}

/*
 * The owner is checked before anything is changed: a frame of Pavise's own uses its record for
 * other things.
 */
bool frame_get_first_writable(struct frame *f, domid_t owner)
{
    uint64_t state;

    if (!frame_get(f, owner)) {
        return false;
    }
    state = frame_state(f);
    for (;;) {
        if (state_is_writable(state)) {
            if (frame_state_change(f, &state, state + FRAME_TYPE_ONE)) {
                return true;
            }
        } else if (state_type_count(state) == 0) {
            if (become_writable(f, &state)) {
                return true;
            }
        } else if (state_type(state) == FRAME_WRITABLE) {
            cpu_relax();
            state = frame_state(f);
        } else {
            frame_put(f);
            return false;
        }
    }
}

/* ---- lists -------------------------------------------------------------------------------------
 */

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
