// SPDX-License-Identifier: Apache-2.0
// A domain with a vCPU on each of two CPUs, whose calls come in between each other at every place
// where they can (interleave.h). After each meeting the audit counts everything.
#pragma once

#define MACHINE_FRAMES 320U

#include "interleave.h"
#include "mmu_fixture.h"

static long result[2]; /* what each CPU's call came to */
static mfn_t spare;    /* a page of the domain's that nothing uses at first */

/* The page of guest memory that this CPU's arguments are in. */
static inline unsigned char *own_page(void)
{
    return guest_page + this_cpu()->id * PAGE_SIZE;
}

/*
 * A call until it is done. The other CPU may be what it has to be issued again for, so it goes on
 * some time.
 */
static inline void finish(enum call call)
{
    unsigned int times = 0;
    long r;

    while ((r = one_turn(call)) == HYPERCALL_RESTART) {
        if (++times % 64 == 0) {
            cpu_relax();
        }
    }
    result[this_cpu()->id] = r;
}

static inline void call_mmuext(struct mmuext_op op)
{
    memcpy(own_page(), &op, sizeof(op));
    set_arguments(address_of(own_page()), 1, 0, DOMID_SELF);
    finish(CALL_MMUEXT);
}

static inline void call_pin(mfn_t m, unsigned int level)
{
    call_mmuext((struct mmuext_op){.cmd = MMUEXT_PIN_L1_TABLE + level - 1, .arg1.mfn = m.n});
}

static inline void call_unpin(mfn_t m)
{
    call_mmuext((struct mmuext_op){.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = m.n});
}

static inline void call_copy_page(mfn_t to, mfn_t from)
{
    call_mmuext(
        (struct mmuext_op){.cmd = MMUEXT_COPY_PAGE, .arg1.mfn = to.n, .arg2.src_mfn = from.n});
}

static inline void call_update(mfn_t table, unsigned int slot, unsigned int how, pte_t value)
{
    struct mmu_update request = {maddr_of_entry(table, slot) | how, value};

    memcpy(own_page(), &request, sizeof(request));
    set_arguments(address_of(own_page()), 1, 0, DOMID_SELF);
    finish(CALL_MMU_UPDATE);
}

static inline void call_memory_op(unsigned int command, const void *argument, size_t bytes)
{
    memcpy(own_page(), argument, bytes);
    set_arguments(command, address_of(own_page()), 0, 0);
    finish(CALL_MEMORY_OP);
}

static inline void call_give_back(mfn_t m)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
    xen_pfn_t *list = (xen_pfn_t *)(own_page() + PAGE_SIZE / 2);

    list[0] = m.n;
    r.extent_start.p = list;
    call_memory_op(XENMEM_decrease_reservation, &r, sizeof(r));
}

static inline void races_setup(void)
{
    guest_setup(NULL);
    guest->vcpus[1]->cpu = cpus[1];
    cpus[1]->current = guest->vcpus[1];
    spare = new_frame(guest);
    result[0] = result[1] = 1;
}

static inline void races_teardown(void)
{
    for (unsigned int id = 0; id < 2; id++) {
        cpus[id]->pending = 0;
        cpus[id]->current = id == 0 ? vcpu : NULL;
    }
    guest_teardown(NULL);
}

/* A race from its beginning, in every way that changes over a few times. */
struct race {
    void (*prepare)(void);
    turn_t first, second;
    void (*check)(void);
    bool interrupted;   /* everything of the first CPU's is */
    unsigned int depth; /* changes; 0: two */
};

static inline void run_race(struct race race)
{
    struct schedule schedule = {.depth = race.depth != 0 ? race.depth : 2};

    do {
        races_setup();
        if (race.prepare) {
            race.prepare();
        }
        interrupt_everything(race.interrupted);
        interleave(race.first, race.second, &schedule);
        interrupt_everything(false);
        audit();
        race.check();
        races_teardown();
    } while (next_schedule(&schedule));
}

/* In either order of who begins. */
static inline void run_both_ways(struct race race)
{
    struct race other = race;

    other.first = race.second;
    other.second = race.first;
    run_race(race);
    run_race(other);
}
