// SPDX-License-Identifier: Apache-2.0
// All rooms on a machine of two CPUs, a domain 0 on the first one that makes the calls of tools,
// and what it takes to build other domains by them. Whatever a test leaves behind is ended after
// it; then every frame must be back, and nothing may refer to anything.
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
#include "arch/clock.h"
#include "arch/cpuid.h"
#include "arch/frames.h"
#include "base/hypercall.h"
#include "console/console.h"
#include "control/control.h"
#include "control/hypercalls.h"
#include "domain/access.h"
#include "domain/pages.h"
#include "domain/pause.h"
#include "event/event.h"
#include "grant/grant.h"
#include "memory/allocator.h"
#include "mmu/audit.h"
#include "mmu/hypercalls.h"
#include "mmu/m2p.h"
#include "mmu/pte.h"
#include "mmu/types.h"
#include "pv/pv.h"
#include "pv/traps.h"
#include "sched/sched.h"
#include "time/time.h"
#include "time/timer.h"

#ifndef DOMCTL_FRAMES
#define DOMCTL_FRAMES 4096
#endif
#define TEST(name) cmocka_unit_test_setup_teardown(name, domctl_setup, domctl_teardown)

static struct domain *dom0;
static struct vcpu *idle;
static unsigned char *guest;     /* pages of domain 0's memory, for arguments */
static struct xen_domctl op;     /* of the last call */
static uint64_t frames_at_start; /* free, before there was any domain */
static uint64_t frames_before;   /* free, with domain 0 there and no other */

/* A processor with AVX, and every feature that the leaves of old have. */
static inline void name_processor(void)
{
    host_cpuid_set(0, 0, (struct cpuid_regs){0xd, 0x756e6547, 0x6c65746e, 0x49656e69});
    host_cpuid_set(1, 0, (struct cpuid_regs){0x306c3, 0x800, ~0U, ~0U});
    host_cpuid_set(4, 0, (struct cpuid_regs){0x121, 0x1c0003f, 0x3f, 0});
    host_cpuid_set(7, 0, (struct cpuid_regs){0, ~0U, ~0U, ~0U});
    host_cpuid_set(0xd, 0, (struct cpuid_regs){7, 0x340, 0x340, 0});
    host_cpuid_set(0xd, 1, (struct cpuid_regs){~0U, 0, 0, 0});
    host_cpuid_set(0xd, 2, (struct cpuid_regs){0x100, 0x240, 0, 0});
    host_cpuid_set(0x80000000U, 0, (struct cpuid_regs){0x80000008U, 0, 0, 0});
    host_cpuid_set(0x80000001U, 0, (struct cpuid_regs){0, 0, ~0U, ~0U});
    host_cpuid_set(0x80000008U, 0, (struct cpuid_regs){0x3028, 0, 0, 0});
}

static inline void start_rooms_once(void)
{
    static uint64_t slots[16];
    static bool once;

    if (once) {
        return;
    }
    domain_pages_init();
    time_init();
    sched_init();
    grant_init();
    mmu_init();
    event_init();
    name_processor();
    pv_init(NS_PER_SECOND);
    console_init();
    control_init();
    for (unsigned int i = 0; i < 16; i++) {
        slots[i] = ((uint64_t)(i + 1) << 45) | PTE_P | PTE_RW | PTE_US | PTE_A;
    }
    l4_template_set(slots);
    once = true;
}

/* The calls that follow are `v`'s, whoever runs. */
static inline void run_as(struct vcpu *v)
{
    this_cpu()->current = v;
    v->cpu = this_cpu();
}

static inline void make_domain0(void)
{
    int error = 0;

    dom0 = domain0 = domain_create(0, 2, true, &error);
    assert_non_null(dom0);
    dom0->hardware = true;
    assert_int_equal(domain_set_port_right(dom0, 0, 0, true), 0); /* that it has a map */
    for (unsigned int i = 0; i < 2; i++) {
        assert_non_null(vcpu_create(dom0, i));
        dom0->vcpus[i]->initialised = true;
    }
    vcpu_clear_pause(dom0->vcpus[0], VCPU_DOWN);
    cpu_do_work();
    assert_ptr_equal(current_vcpu(), dom0->vcpus[0]);
}

static inline int domctl_setup(void **state)
{
    static uint64_t m2p_words[DOMCTL_FRAMES];

    host_machine_create(DOMCTL_FRAMES, 1);
    host_processor_reset();
    host_tsc = 0;
    host_tsc_hz = NS_PER_SECOND;
    m2p = m2p_words;
    start_rooms_once();
    assert_int_equal(timers_init_cpu(0), 0);
    assert_int_equal(sched_init_cpu(0), 0);
    idle = this_cpu()->current;
    guest = host_guest_memory(8 * PAGE_SIZE);
    frames_at_start = frames_free_count();
    make_domain0();
    frames_before = frames_free_count();
    return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* A page of domain 0's memory for what an argument points to; page 0 holds the arguments. */
static inline void *page_of_guest(unsigned int index)
{
    return guest + index * PAGE_SIZE;
}

/* One turn of a call, in the way that a guest makes it: `op` goes there and back. */
static inline long call_once(uint32_t command, domid_t id)
{
    long result;

    op.cmd = command;
    op.domain = id;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    memcpy(guest, &op, sizeof(op));
    result = hypercall_domctl(host_guest_address(guest));
    memcpy(&op, guest, sizeof(op));
    return result;
}

/* All of it. */
static inline long call(uint32_t command, domid_t id)
{
    long result;

    do {
        result = call_once(command, id);
    } while (result == HYPERCALL_RESTART);
    return result;
}

static inline void clear_op(void)
{
    memset(&op, 0, sizeof(op));
}

static inline void default_config(void)
{
    clear_op();
    op.u.createdomain = (struct xen_domctl_createdomain){
        .max_vcpus = 1,
        .max_evtchn_port = 1023,
        .max_grant_frames = 4,
        .max_maptrack_frames = 4,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };
}

/* ---- domains --------------------------------------------------------------------------------- */

/* By the call, with all vCPUs; the number. */
static inline domid_t create_domain(unsigned int vcpus)
{
    domid_t id;

    default_config();
    op.u.createdomain.max_vcpus = vcpus;
    assert_int_equal(call(XEN_DOMCTL_createdomain, 0), 0);
    id = op.domain;
    clear_op();
    op.u.max_vcpus.max = vcpus;
    assert_int_equal(call(XEN_DOMCTL_max_vcpus, id), 0);
    op.u.max_mem.max_memkb = 1 << 20;
    assert_int_equal(call(XEN_DOMCTL_max_mem, id), 0);
    return id;
}

static inline long destroy_domain(domid_t id)
{
    return call(XEN_DOMCTL_destroydomain, id);
}

/* The record; it stays while the domain is not destroyed. */
static inline struct domain *record_of(domid_t id)
{
    struct domain *d = domain_get(id);

    assert_non_null(d);
    domain_put(d);
    return d;
}

static inline bool exists(domid_t id)
{
    struct domain *d = domain_get(id);

    domain_put(d);
    return d != NULL;
}

/* A cleared frame of its memory. */
static inline mfn_t add_frame(struct domain *d)
{
    mfn_t m;

    assert_int_equal(domain_add_frames(d, 0, 64, &m), 0);
    m2p_set(m, 0);
    return m;
}

static inline void end_others(void)
{
    struct domain *d;

    while ((d = domain_get_next(0)) != NULL) {
        bool dead = d->life == DOMAIN_DEAD;
        while (domain_kill(d) == HYPERCALL_RESTART) {
        }
        domain_put(d);
        if (dead) {
            break; /* a test that failed still refers to it */
        }
    }
}

/* It switches off, and is taken apart like any other. */
static inline void end_domain0(void)
{
    for (unsigned int i = 0; i < dom0->max_vcpus; i++) {
        vcpu_pause_nosync(dom0->vcpus[i]);
    }
    cpu_do_work();
    domain0 = NULL;
    while (domain_kill(dom0) == HYPERCALL_RESTART) {
    }
    domain_put(dom0);
}

static inline int domctl_teardown(void **state)
{
    run_as(dom0->vcpus[0]);
    this_cpu()->pending = 0;
    end_others();
    assert_int_equal(frames_free_count(), frames_before);
    assert_int_equal(audit_frames(NULL), 0);
    end_domain0();
    assert_int_equal(frames_free_count(), frames_at_start);
    host_machine_destroy();
    return 0;
}
