// SPDX-License-Identifier: Apache-2.0
// Domains with real page tables, for tests of everything that changes them. The audit runs after
// every call.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/arch/host/machine.h"
#include "../../src/arch/host/pv.h"
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/frames.h"
#include "arch/tlb.h"
#include "base/hypercall.h"
#include "domain/domain.h"
#include "domain/pages.h"
#include "domain/share.h"
#include "memory/allocator.h"
#include "memory/flush.h"
#include "mmu/audit.h"
#include "mmu/base.h"
#include "mmu/hypercalls.h"
#include "mmu/ldt.h"
#include "mmu/m2p.h"
#include "mmu/pte.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"

#ifndef MACHINE_FRAMES
#define MACHINE_FRAMES 4096U
#endif
#define DATA_PAGES 16U

#define KERNEL_RW (PTE_P | PTE_RW | PTE_A | PTE_D)
#define KERNEL_RO (PTE_P | PTE_A)
#define USER_RW   (KERNEL_RW | PTE_US)
#define TABLE     (PTE_P | PTE_RW | PTE_US | PTE_A)
#define LINEAR    (PTE_P | PTE_US | PTE_A)

static unsigned char *guest_page; /* arguments of calls */
static uint64_t frames_at_start;
static uint64_t template_slots[16];

/* ---- the machine ----------------------------------------------------------------------------- */

/* Slots that look like the hypervisor's: pages of its own, present in every L4. */
static inline void set_template(void)
{
    for (unsigned int i = 0; i < 16; i++) {
        template_slots[i] = ((uint64_t)(i + 1) << 45) | PTE_P | PTE_RW | PTE_US | PTE_A;
    }
    l4_template_set(template_slots);
}

static inline int machine_setup(void **state)
{
    static bool registered;

    host_machine_create(MACHINE_FRAMES, 2);
    host_processor_reset();
    m2p = test_calloc(MACHINE_FRAMES, sizeof(*m2p));
    if (!registered) {
        domain_pages_init();
        mmu_init();
        set_template();
        registered = true;
    }
    guest_page = host_guest_memory(4 * PAGE_SIZE);
    frames_at_start = frames_free_count();
    return 0;
}

/* Every frame is back. */
static inline int machine_teardown(void **state)
{
    assert_int_equal(frames_free_count(), frames_at_start);
    test_free(m2p);
    host_machine_destroy();
    return 0;
}

/* The calls that follow are `v`'s. */
static inline void run_as(struct vcpu *v)
{
    WRITE_ONCE(this_cpu()->current, v);
    v->cpu = this_cpu();
}

static inline void audit(void)
{
    assert_int_equal(audit_frames(NULL), 0);
}

/* Whether every piece of work is interrupted as soon as it may be. */
static inline void interrupt_everything(bool on)
{
    this_cpu()->pending = on ? 1U << WORK_TIMER : 0;
}

/* ---- domains --------------------------------------------------------------------------------- */

static inline struct domain *new_domain(domid_t id, unsigned int vcpus, bool privileged)
{
    int error = 0;
    struct domain *d = domain_create(id, vcpus, privileged, &error);

    assert_non_null(d);
    for (unsigned int i = 0; i < vcpus; i++) {
        spin_lock(&d->lock);
        assert_non_null(vcpu_create(d, i));
        spin_unlock(&d->lock);
        d->vcpus[i]->pause = 0;
        d->vcpus[i]->cpu = this_cpu();
    }
    return d;
}

/* Another room's part of a domain's end: its vCPUs let go of bases and descriptor tables. */
static inline void drop_vcpus(struct domain *d)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpus[i]) {
            base_drop(d->vcpus[i]);
            gdt_drop(d->vcpus[i]);
            ldt_drop(d->vcpus[i]);
        }
    }
}

/* Kill it to the end; returns how many turns that took. */
static inline unsigned int kill_domain(struct domain *d)
{
    unsigned int turns = 0;
    long result;

    drop_vcpus(d);
    do {
        result = domain_kill(d);
        turns++;
        assert_true(turns < 100000);
    } while (result == HYPERCALL_RESTART);
    assert_int_equal(result, 0);
    return turns;
}

static inline void end_domain(struct domain *d)
{
    if (this_cpu()->current && this_cpu()->current->domain == d) {
        this_cpu()->current = NULL;
    }
    (void)kill_domain(d);
    domain_put(d);
}

/* A cleared frame of the domain's memory. */
static inline mfn_t new_frame(struct domain *d)
{
    mfn_t m;

    assert_int_equal(domain_add_frames(d, 0, 64, &m), 0);
    return m;
}

static inline pte_t *table_at(mfn_t m)
{
    return frame_to_virt(m);
}

static inline pte_t entry_for(mfn_t m, uint64_t flags)
{
    return m.n << PAGE_SHIFT | flags;
}

static inline uint64_t maddr_of_entry(mfn_t table, unsigned int slot)
{
    return mfn_to_maddr(table).a + slot * sizeof(pte_t);
}

/*
 * A small address space: a table of each level, entry 0 leading from one to the next; the L1 maps
 * data pages writable for the kernel in its first entries. Nothing is typed yet.
 */
struct space {
    mfn_t table[5]; /* by level */
    mfn_t data[DATA_PAGES];
};

static inline void build_space(struct domain *d, struct space *s)
{
    for (unsigned int i = 0; i < DATA_PAGES; i++) {
        s->data[i] = new_frame(d);
    }
    for (unsigned int level = 1; level <= 4; level++) {
        s->table[level] = new_frame(d);
    }
    for (unsigned int i = 0; i < DATA_PAGES; i++) {
        table_at(s->table[1])[i] = entry_for(s->data[i], KERNEL_RW);
    }
    for (unsigned int level = 2; level <= 4; level++) {
        table_at(s->table[level])[0] = entry_for(s->table[level - 1], TABLE);
    }
}

/* ---- calls ----------------------------------------------------------------------------------- */

enum call { CALL_MMU_UPDATE, CALL_MMUEXT, CALL_MEMORY_OP, CALL_VA_MAPPING };

static unsigned int turns; /* that the last call took */

/* One turn of a call with the arguments in the current vCPU's registers, where it leaves what a
 * further turn needs. */
static inline long one_turn(enum call call)
{
    const struct cpu_user_regs *r = &current_vcpu()->regs;

    switch (call) {
    case CALL_MMU_UPDATE:
        return hypercall_mmu_update(gva(r->rdi), r->rsi, gva(r->rdx), r->r10);
    case CALL_MMUEXT:
        return hypercall_mmuext_op(gva(r->rdi), r->rsi, gva(r->rdx), r->r10);
    case CALL_MEMORY_OP:
        return hypercall_memory_op(r->rdi, gva(r->rsi));
    default:
        return hypercall_update_va_mapping(r->rdi, r->rsi, r->rdx);
    }
}

static inline void set_arguments(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
    struct cpu_user_regs *r = &current_vcpu()->regs;

    r->rdi = a0;
    r->rsi = a1;
    r->rdx = a2;
    r->r10 = a3;
}

/* Issue a call as a guest does: again, until it is done. */
static inline long issue(enum call call, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
    long result;

    turns = 0;
    set_arguments(a0, a1, a2, a3);
    do {
        result = one_turn(call);
        audit();
        turns++;
        assert_true(turns < 100000);
    } while (result == HYPERCALL_RESTART);
    return result;
}

static inline uint64_t address_of(const void *p)
{
    return host_guest_address(p).a;
}

static inline uint32_t *done_word(void)
{
    return (uint32_t *)(guest_page + 3 * PAGE_SIZE);
}

static inline long mmu_update_for(const struct mmu_update *batch, unsigned int count,
                                  uint32_t foreigndom)
{
    memcpy(guest_page, batch, count * sizeof(*batch));
    *done_word() = 77;
    return issue(CALL_MMU_UPDATE, address_of(guest_page), count, address_of(done_word()),
                 foreigndom);
}

static inline long mmu_update(const struct mmu_update *batch, unsigned int count)
{
    return mmu_update_for(batch, count, DOMID_SELF);
}

static inline long update(uint64_t ptr, uint64_t value)
{
    struct mmu_update request = {ptr, value};
    return mmu_update(&request, 1);
}

/* The entry in `slot` of a table. */
static inline long set_entry(mfn_t table, unsigned int slot, pte_t value)
{
    return update(maddr_of_entry(table, slot), value);
}

static inline long mmuext_for(const struct mmuext_op *ops, unsigned int count, uint32_t foreigndom)
{
    memcpy(guest_page, ops, count * sizeof(*ops));
    *done_word() = 77;
    return issue(CALL_MMUEXT, address_of(guest_page), count, address_of(done_word()), foreigndom);
}

static inline long mmuext(unsigned int command, uint64_t argument)
{
    struct mmuext_op op = {.cmd = command, .arg1.mfn = argument};
    return mmuext_for(&op, 1, DOMID_SELF);
}

static inline long pin(mfn_t m, unsigned int level)
{
    return mmuext(MMUEXT_PIN_L1_TABLE + level - 1, m.n);
}

static inline long unpin(mfn_t m)
{
    return mmuext(MMUEXT_UNPIN_TABLE, m.n);
}

static inline long new_base(mfn_t m)
{
    return mmuext(MMUEXT_NEW_BASEPTR, m.n);
}

static inline long va_mapping(uint64_t va, pte_t value, uint64_t flags)
{
    return issue(CALL_VA_MAPPING, va, value, flags, 0);
}

/* The argument is copied into guest memory and back. */
static inline long memory_op_bytes(uint64_t command, void *argument, size_t bytes)
{
    long result;

    memcpy(guest_page, argument, bytes);
    result = issue(CALL_MEMORY_OP, command, address_of(guest_page), 0, 0);
    memcpy(argument, guest_page, bytes);
    return result;
}
#define memory_op(command, argument) memory_op_bytes((command), (argument), sizeof(*(argument)))

/* ---- a domain on its tables, for most tests -------------------------------------------------- */

static struct domain *guest;
static struct vcpu *vcpu;
static struct space space;

static inline int guest_setup(void **state)
{
    int error = machine_setup(state);

    guest = new_domain(1, 2, false);
    vcpu = guest->vcpus[0];
    build_space(guest, &space);
    run_as(vcpu);
    assert_int_equal(pin(space.table[4], 4), 0);
    assert_int_equal(new_base(space.table[4]), 0);
    return error;
}

static inline int guest_teardown(void **state)
{
    interrupt_everything(false);
    end_domain(guest);
    return machine_teardown(state);
}

/* ---- looking --------------------------------------------------------------------------------- */

static inline enum frame_type type_of(mfn_t m)
{
    return state_type(frame_state(frame_of(m)));
}

static inline uint64_t types_of(mfn_t m)
{
    return state_type_count(frame_state(frame_of(m)));
}

static inline uint64_t references_of(mfn_t m)
{
    return frame_state(frame_of(m)) & FRAME_REF_MASK;
}

static inline bool has_flag(mfn_t m, uint64_t flag)
{
    return (frame_state(frame_of(m)) & flag) != 0;
}

#define guest_test(function) cmocka_unit_test_setup_teardown(function, guest_setup, guest_teardown)
#define machine_test(function) \
    cmocka_unit_test_setup_teardown(function, machine_setup, machine_teardown)
