// SPDX-License-Identifier: Apache-2.0
// memory_op's requests, for tests of each of its subjects.
#pragma once

#include "mmu_fixture.h"

static inline xen_pfn_t *list(void) /* of extents, in the second page of arguments */
{
    return (xen_pfn_t *)(guest_page + PAGE_SIZE);
}

static inline struct xen_memory_reservation want(unsigned long count, unsigned int order)
{
    struct xen_memory_reservation r = {
        .nr_extents = count, .extent_order = order, .domid = DOMID_SELF};

    r.extent_start.p = list();
    return r;
}

static inline long reserve(unsigned int command, unsigned long count, unsigned int order)
{
    struct xen_memory_reservation r = want(count, order);
    return memory_op(command, &r);
}

static inline long about(unsigned int command, domid_t domid)
{
    return memory_op(command, &domid);
}
