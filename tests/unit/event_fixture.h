// SPDX-License-Identifier: Apache-2.0
// Domains without a kernel, for tests of event channels: the test plays the guest.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/arch/host/machine.h"
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/frames.h"
#include "domain/domain.h"
#include "domain/pages.h"
#include "event/channel.h"
#include "event/event.h"
#include "memory/allocator.h"

/* A test that runs many times over says that it needs less. */
#ifndef MACHINE_FRAMES
#define MACHINE_FRAMES 4096
#endif

static unsigned char *guest_page; /* where arguments of calls lie */
static uint64_t frames_at_start;

/* ---- scenery
 * ------------------------------------------------------------------------------------- */

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
        d->vcpus[i]->cpu = cpus[0];
    }
    return d;
}

static inline void end_domain(struct domain *d)
{
    long result;

    if (d == domain0) {
        domain0 = NULL;
    }
    do {
        result = domain_kill(d);
    } while (result == HYPERCALL_RESTART);
    assert_int_equal(result, 0);
    domain_put(d);
}

/* The calls that follow are `v`'s. */
static inline void run_as(struct vcpu *v)
{
    this_cpu()->current = v;
    v->cpu = this_cpu();
}

/* A frame of the domain's own memory. */
static inline mfn_t new_frame(struct domain *d)
{
    mfn_t frame = frames_alloc(0, 64);

    assert_true(frame.n != MFN_INVALID);
    memset(frame_to_virt(frame), 0, PAGE_SIZE);
    assert_int_equal(domain_assign_frames(d, frame, 1), 0);
    return frame;
}

static inline int machine_setup(void **state)
{
    static bool registered;

    host_machine_create(MACHINE_FRAMES, 2);
    if (!registered) {
        domain_pages_init();
        event_init();
        registered = true;
    }
    guest_page = host_guest_memory(PAGE_SIZE);
    frames_at_start = frames_free_count();
    return 0;
}

/* Every frame is back. */
static inline int machine_teardown(void **state)
{
    this_cpu()->current = NULL;
    assert_int_equal(frames_free_count(), frames_at_start);
    host_machine_destroy();
    return 0;
}

/* ---- calls of the current vCPU
 * --------------------------------------------------------------------- */

static inline long call(uint64_t cmd, void *argument, size_t bytes)
{
    long result;

    memcpy(guest_page, argument, bytes);
    result = hypercall_event_channel_op(cmd, host_guest_address(guest_page));
    memcpy(argument, guest_page, bytes);
    return result;
}
#define CALL(cmd, op) call((cmd), (op), sizeof(*(op)))

static inline long alloc_unbound(domid_t dom, domid_t remote)
{
    struct evtchn_alloc_unbound op = {.dom = dom, .remote_dom = remote};
    long result = CALL(EVTCHNOP_alloc_unbound, &op);
    return result < 0 ? result : (long)op.port;
}

static inline long connect_to(domid_t remote, evtchn_port_t port)
{
    struct evtchn_bind_interdomain op = {.remote_dom = remote, .remote_port = port};
    long result = CALL(EVTCHNOP_bind_interdomain, &op);
    return result < 0 ? result : (long)op.local_port;
}

static inline long virq_port(uint32_t virq, uint32_t vcpu)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    long result = CALL(EVTCHNOP_bind_virq, &op);
    return result < 0 ? result : (long)op.port;
}

static inline long ipi_port(uint32_t vcpu)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    long result = CALL(EVTCHNOP_bind_ipi, &op);
    return result < 0 ? result : (long)op.port;
}

static inline long pirq_port(uint32_t pirq, uint32_t flags)
{
    struct evtchn_bind_pirq op = {.pirq = pirq, .flags = flags};
    long result = CALL(EVTCHNOP_bind_pirq, &op);
    return result < 0 ? result : (long)op.port;
}

static inline long close_port(evtchn_port_t port)
{
    struct evtchn_close op = {.port = port};
    return CALL(EVTCHNOP_close, &op);
}

static inline long send(evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};
    return CALL(EVTCHNOP_send, &op);
}

static inline long unmask(evtchn_port_t port)
{
    struct evtchn_unmask op = {.port = port};
    return CALL(EVTCHNOP_unmask, &op);
}

static inline long move_to_vcpu(evtchn_port_t port, uint32_t vcpu)
{
    struct evtchn_bind_vcpu op = {.port = port, .vcpu = vcpu};
    return CALL(EVTCHNOP_bind_vcpu, &op);
}

static inline long reset(domid_t dom)
{
    struct evtchn_reset op = {.dom = dom};
    return CALL(EVTCHNOP_reset, &op);
}

static inline struct evtchn_status status_of(domid_t dom, evtchn_port_t port)
{
    struct evtchn_status op = {.dom = dom, .port = port};
    assert_int_equal(CALL(EVTCHNOP_status, &op), 0);
    return op;
}

static inline long status_error(domid_t dom, evtchn_port_t port)
{
    struct evtchn_status op = {.dom = dom, .port = port};
    return CALL(EVTCHNOP_status, &op);
}
