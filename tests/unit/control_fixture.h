// SPDX-License-Identifier: Apache-2.0
// A machine with a domain 0 and an ordinary domain whose calls a test makes.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "abi/xen.h"
#include "machine.h"
#include "arch/clock.h"
#include "console/console.h"
#include "control/control.h"
#include "domain/pages.h"
#include "domain/pause.h"
#include "event/event.h"
#include "sched/sched.h"
#include "time/time.h"
#include "time/timer.h"

static struct domain *dom0, *other;
static unsigned char *guest; /* a page of guest memory, for arguments */
static struct vcpu *idle;

static inline struct domain *new_domain(domid_t id, unsigned int vcpus, bool privileged)
{
    int error = 0;
    struct domain *d = domain_create(id, vcpus, privileged, &error);

    assert_non_null(d);
    d->hardware = privileged;
    for (unsigned int i = 0; i < vcpus; i++) {
        assert_non_null(vcpu_create(d, i));
    }
    return d;
}

static inline void start_machine_rooms(void)
{
    static bool once;

    if (!once) {
        domain_pages_init();
        time_init();
        sched_init();
        event_init();
        console_init();
        control_init();
        once = true;
    }
    assert_int_equal(timers_init_cpu(0), 0);
    assert_int_equal(sched_init_cpu(0), 0);
}

/* Domain 0's first vCPU runs and makes the calls. */
static inline int fixture_setup(void **state)
{
    host_machine_create(4096, 1);
    host_tsc = 0;
    host_tsc_hz = NS_PER_SECOND;
    start_machine_rooms();
    idle = this_cpu()->current;
    guest = host_guest_memory(2 * PAGE_SIZE);
    dom0 = domain0 = new_domain(0, 2, true);
    other = new_domain(DOMID_INVALID, 1, false);
    vcpu_clear_pause(dom0->vcpus[0], VCPU_DOWN);
    cpu_do_work();
    assert_ptr_equal(current_vcpu(), dom0->vcpus[0]);
    return 0;
}

static inline void end_domain(struct domain *d)
{
    while (domain_kill(d) == HYPERCALL_RESTART) {
    }
    domain_put(d);
}

static inline int fixture_teardown(void **state)
{
    domain_pause_nosync(dom0);
    this_cpu()->current = dom0->vcpus[0];
    cpu_do_work();
    domain0 = NULL;
    end_domain(other);
    end_domain(dom0);
    host_machine_destroy();
    return 0;
}

/* The calls that follow are `v`'s, whoever runs. */
static inline void run_as(struct vcpu *v)
{
    this_cpu()->current = v;
}

/* An argument at the start of guest memory. */
static inline gva_t put(const void *argument, size_t bytes)
{
    memcpy(guest, argument, bytes);
    return host_guest_address(guest);
}
#define PUT(argument) put((argument), sizeof(*(argument)))

/* What a call left there. */
#define TAKE(argument) memcpy((argument), guest, sizeof(*(argument)))

/* A second place for what arguments point to. */
static inline void *elsewhere(void)
{
    return guest + PAGE_SIZE;
}

static inline gva_t nowhere(void)
{
    return gva(64);
}

static inline void advance_to(uint64_t ns)
{
    host_tsc = ns;
    cpu_raise_self(WORK_TIMER);
    cpu_do_work();
}
