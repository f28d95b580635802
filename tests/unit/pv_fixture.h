// SPDX-License-Identifier: Apache-2.0
// A domain whose first vCPU has just trapped, for tests of what it gets to see of that.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "pv.h"
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/clock.h"
#include "arch/frames.h"
#include "domain/domain.h"
#include "domain/pages.h"
#include "event/event.h"
#include "memory/allocator.h"
#include "mmu/m2p.h"
#include "mmu/pte.h"
#include "mmu/types.h"
#include "pv/flags.h"
#include "pv/pv.h"
#include "pv/selectors.h"
#include "sched/sched.h"
#include "time/time.h"
#include "time/timer.h"

#define FIXTURE_FRAMES 2048
#define TEST(name)     cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define NON_CANONICAL  0x0000900000000000UL
#define NO_TABLE       0xfff000UL           /* a user base that no test looks through */
#define HANDLER        0xffffffff81000000UL /* where handlers lie; nobody reads there */

static struct domain *guest_domain;
static struct vcpu *v;                                 /* the one that trapped */
static unsigned char *code, *data, *stack, *stack_end; /* a page each; stacks grow down */

static inline void start_rooms(void)
{
    static uint64_t m2p_words[FIXTURE_FRAMES];
    static bool once;

    m2p = m2p_words;
    if (!once) {
        domain_pages_init();
        time_init();
        sched_init();
        mmu_init();
        event_init();
        pv_init(1000000000);
        once = true;
    }
    assert_int_equal(timers_init_cpu(0), 0);
    assert_int_equal(sched_init_cpu(0), 0);
}

static inline struct domain *new_domain(domid_t id, unsigned int vcpus)
{
    int error = 0;
    struct domain *d = domain_create(id, vcpus, false, &error);

    assert_non_null(d);
    d->max_pages = FIXTURE_FRAMES;
    for (unsigned int i = 0; i < vcpus; i++) {
        assert_non_null(vcpu_create(d, i));
    }
    return d;
}

/* In its kernel, between two instructions, with events allowed. */
static inline int fixture_setup(void **state)
{
    unsigned char *memory;

    host_machine_create(FIXTURE_FRAMES, 1);
    host_tsc_hz = NS_PER_SECOND;
    start_rooms();
    host_processor_reset();
    host_fault_address = 0;
    memory = host_guest_memory(4 * PAGE_SIZE);
    code = memory;
    data = memory + PAGE_SIZE;
    stack = memory + 2 * PAGE_SIZE;
    stack_end = memory + 3 * PAGE_SIZE;
    guest_domain = new_domain(7, 2);
    v = guest_domain->vcpus[0];
    v->pause = 0;
    v->cpu = this_cpu();
    v->initialised = true;
    this_cpu()->current = v;
    v->regs.rip = (uint64_t)code;
    v->regs.rsp = (uint64_t)stack_end;
    v->regs.cs = GUEST_CS64;
    v->regs.ss = GUEST_SS;
    v->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
    v->kernel_sp = (uint64_t)stack_end;
    v->info->evtchn_upcall_mask = 0;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    v->pause |= VCPU_DOWN;
    v->user_cr3 = v->user_cr3 == NO_TABLE ? 0 : v->user_cr3;
    while (domain_kill(guest_domain) == HYPERCALL_RESTART) {
    }
    domain_put(guest_domain);
    host_machine_destroy();
    return 0;
}

/* The same in user mode. */
static inline void enter_user_mode(void)
{
    v->mode &= ~(uint32_t)MODE_KERNEL;
    v->user_cr3 = v->user_cr3 != 0 ? v->user_cr3 : NO_TABLE;
}

/* Bytes to be executed next. */
static inline void put_code(const void *bytes, size_t size)
{
    memset(code, 0xcc, PAGE_SIZE);
    memcpy(code, bytes, size);
    v->regs.rip = (uint64_t)code;
}
#define CODE(...) put_code((uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

/* How far the guest has come in them. */
static inline uint64_t executed(void)
{
    return v->regs.rip - (uint64_t)code;
}

/* Gate `vector`, whose handler lies at an address that tells it from others. */
static inline uint64_t handler_of(unsigned int vector)
{
    return HANDLER + vector * 16;
}

static inline void set_gate(unsigned int vector, unsigned int dpl, bool masks)
{
    v->traps[vector] = (struct trap_info){.vector = (uint8_t)vector,
                                          .flags = (uint8_t)(dpl | (masks ? 4 : 0)),
                                          .cs = GUEST_CS64,
                                          .address = handler_of(vector)};
}

static inline bool crashed(void)
{
    return guest_domain->shutdown_code == SHUTDOWN_crash;
}

/* Word `i` of what was pushed. */
static inline uint64_t pushed(unsigned int i)
{
    return ((const uint64_t *)v->regs.rsp)[i];
}

#define assert_handler(vector) assert_true(v->regs.rip == handler_of(vector))
#define assert_not_bounced()   assert_false(v->regs.rip >= HANDLER || crashed())

/* ---- page tables ----------------------------------------------------------------------------- */

static inline mfn_t new_frame(void)
{
    mfn_t m;

    assert_int_equal(domain_add_frames(guest_domain, 0, 64, &m), 0);
    return m;
}

static inline uint64_t *entries(mfn_t m)
{
    return frame_to_virt(m);
}

static inline uint64_t entry_to(mfn_t m, uint64_t flags)
{
    return m.n << PAGE_SHIFT | flags;
}
