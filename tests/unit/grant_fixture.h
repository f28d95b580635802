// SPDX-License-Identifier: Apache-2.0
// Domains that share memory, for tests of grants: the test plays the guests and the page tables.
#pragma once

#include "event_fixture.h"
#include "grant/grant.h"
#include "grant/table.h"
#include "memory/flush.h"

/* ---- page tables: slots of one page each that hold references as an entry does -------------- */

#ifndef SLOTS
#define SLOTS 512
#endif

static struct slot {
    bool used;
    struct domain *domain;
    struct grant_mapping mapping;
} slots[SLOTS];

static struct {
    unsigned int flushes;
    int16_t refuse_map;
    void (*at_flush)(void);
    mfn_t m2p_frame;
    uint64_t m2p_slot;
} mmu;

static inline uint64_t slot_address(unsigned int i)
{
    return 0x100000 + i * PAGE_SIZE;
}

static inline struct slot *slot_at(uint64_t address)
{
    uint64_t i = (address - slot_address(0)) / PAGE_SIZE;

    return address >= slot_address(0) && i < SLOTS ? &slots[i] : NULL;
}

static inline void clear_slot(struct slot *s)
{
    struct frame *f = frame_of(s->mapping.frame);

    s->used = false;
    if (s->mapping.writable) {
        frame_put_writable(f);
    } else {
        frame_put(f);
    }
}

static inline int16_t fake_map(struct vcpu *v, uint64_t address, const struct grant_mapping *m)
{
    struct slot *s = slot_at(address);
    struct frame *f = frame_of(m->frame);

    if (mmu.refuse_map != GNTST_okay) {
        return mmu.refuse_map;
    }
    if (!s || s->used) {
        return GNTST_bad_virt_addr;
    }
    assert_true(m->writable ? frame_get_writable(f, m->owner->id) : frame_get(f, m->owner->id));
    *s = (struct slot){true, v->domain, *m};
    return GNTST_okay;
}

static inline bool slot_holds(const struct slot *s, const struct grant_mapping *m)
{
    return s && s->used && mfn_equal(s->mapping.frame, m->frame) &&
           s->mapping.writable == m->writable;
}

static inline int16_t fake_unmap(struct vcpu *v, uint64_t address, const struct grant_mapping *m)
{
    struct slot *s = slot_at(address);

    if (!slot_holds(s, m)) {
        return GNTST_general_error;
    }
    clear_slot(s);
    return GNTST_okay;
}

static inline int16_t fake_replace(struct vcpu *v, uint64_t address, uint64_t new_address,
                                   const struct grant_mapping *m)
{
    struct slot *s = slot_at(address), *from = new_address ? slot_at(new_address) : NULL;

    if (!slot_holds(s, m) || (new_address && !from)) {
        return GNTST_general_error;
    }
    clear_slot(s);
    if (from && from->used) {
        *s = *from;
        from->used = false;
    }
    return GNTST_okay;
}

static inline void fake_flush(struct domain *d)
{
    __atomic_add_fetch(&mmu.flushes, 1, __ATOMIC_RELAXED);
    if (mmu.at_flush) {
        mmu.at_flush();
    }
}

static inline void fake_set_m2p(mfn_t frame, pfn_t slot)
{
    mmu.m2p_frame = frame;
    mmu.m2p_slot = slot.n;
}

static inline int drop_page_tables(struct domain *d)
{
    for (unsigned int i = 0; i < SLOTS; i++) {
        if (slots[i].used && slots[i].domain == d) {
            clear_slot(&slots[i]);
        }
    }
    return 0;
}

/* ---- progress of preempted calls, as the registers of the current vCPU ---------------------- */

void hypercall_set_argument(unsigned int index, uint64_t value);
__attribute__((weak)) void hypercall_set_argument(unsigned int index, uint64_t value)
{
    struct cpu_user_regs *regs = &current_vcpu()->regs;

    *(index == 1 ? &regs->rsi : &regs->rdx) = value;
}

/* ---- scenery -------------------------------------------------------------------------------- */

static struct domain *d0, *granter, *grantee;

static inline int grant_setup(void **state)
{
    static const struct grant_mmu_ops ops = {fake_map, fake_unmap, fake_replace, fake_flush,
                                             fake_set_m2p};
    static struct domain_part page_tables = {.name = "slots", .relinquish = drop_page_tables};
    static bool registered;

    memset(&mmu, 0, sizeof(mmu));
    memset(slots, 0, sizeof(slots));
    machine_setup(state);
    if (!registered) {
        grant_init();
        grant_register_mmu(&ops);
        domain_register_part(&page_tables);
        registered = true;
    }
    guest_page = host_guest_memory(64 * PAGE_SIZE);
    d0 = new_domain(0, 1, true);
    granter = new_domain(1, 1, false);
    grantee = new_domain(2, 1, false);
    domain0 = d0;
    run_as(grantee->vcpus[0]);
    return 0;
}

static inline int grant_teardown(void **state)
{
    end_domain(grantee);
    if (granter) {
        end_domain(granter);
    }
    end_domain(d0);
    return machine_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, grant_setup, grant_teardown)

/* ---- calls of the current vCPU -------------------------------------------------------------- */

static inline long grant_call(uint64_t cmd, void *ops, size_t bytes, uint64_t count)
{
    long result;

    memcpy(guest_page, ops, bytes * count);
    result = hypercall_grant_table_op(cmd, host_guest_address(guest_page), count);
    memcpy(ops, guest_page, bytes * count);
    return result;
}
#define GRANT_CALL(cmd, op) grant_call((cmd), (op), sizeof(*(op)), 1)

/* Makes sure of a table of so many frames; its first page. */
static inline void *table_of(struct domain *d, uint32_t frames)
{
    assert_int_equal(table_grow(d, frames), 0);
    return frame_to_virt(grant_shared_frame(d, 0));
}

static inline grant_entry_v1_t *v1_entry(struct domain *d, grant_ref_t ref)
{
    table_of(d, ref / 512 + 1);
    return (grant_entry_v1_t *)frame_to_virt(grant_shared_frame(d, ref / 512)) + ref % 512;
}

/* `d` grants `frame` to `to` by reference `ref`. */
static inline void grant_v1(struct domain *d, grant_ref_t ref, domid_t to, mfn_t frame,
                            uint16_t flags)
{
    *v1_entry(d, ref) = (grant_entry_v1_t){GTF_permit_access | flags, to, (uint32_t)frame.n};
}

static inline struct gnttab_map_grant_ref map_op(domid_t dom, grant_ref_t ref, unsigned int slot,
                                                 uint32_t flags)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = slot_address(slot), .flags = flags, .ref = ref, .dom = dom};

    assert_int_equal(GRANT_CALL(GNTTABOP_map_grant_ref, &op), 0);
    return op;
}

static inline int map_status(domid_t dom, grant_ref_t ref, unsigned int slot, uint32_t flags)
{
    return map_op(dom, ref, slot, flags).status;
}

static inline int unmap_status(unsigned int slot, uint64_t dev_bus_addr, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = {
        .host_addr = slot_address(slot), .dev_bus_addr = dev_bus_addr, .handle = handle};

    assert_int_equal(GRANT_CALL(GNTTABOP_unmap_grant_ref, &op), 0);
    return op.status;
}

static inline uint64_t references(mfn_t frame)
{
    return frame_state(frame_of(frame)) & FRAME_REF_MASK;
}

static inline uint64_t writable_uses(mfn_t frame)
{
    return state_type_count(frame_state(frame_of(frame)));
}

static inline long set_version(uint32_t version)
{
    struct gnttab_set_version op = {.version = version};
    return GRANT_CALL(GNTTABOP_set_version, &op);
}
