// SPDX-License-Identifier: Apache-2.0
// A machine with domain 0 (two vCPUs), domain 1 (two) whose first vCPU calls, and domain 2 (one).
#pragma once

#include "event_fixture.h"

static struct domain *d0, *d1, *d2;

static inline int setup(void **state)
{
    machine_setup(state);
    d0 = new_domain(0, 2, true);
    d1 = new_domain(1, 2, false);
    d2 = new_domain(2, 1, false);
    domain0 = d0;
    run_as(d1->vcpus[0]);
    return 0;
}

static inline int teardown(void **state)
{
    event_register_pirq_ops(NULL);
    end_domain(d2);
    end_domain(d1);
    end_domain(d0);
    return machine_teardown(state);
}

static inline bool pending(const struct domain *d, long port)
{
    return (d->shared->evtchn_pending[port / 64] >> (port % 64)) & 1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
