// SPDX-License-Identifier: Apache-2.0
// Domains' rights to devices.
#include "domain/access.h"

#include "abi/errno.h"
#include "domain/quota.h"
#include "lib/string.h"

/* ---- sets of ranges: memory, interrupts ------------------------------------------------------ */

static bool contains(struct domain *d, const struct ranges *set, uint64_t first, uint64_t last)
{
    bool all;

    spin_lock(&d->access_lock);
    all = ranges_contain(set, first, last);
    spin_unlock(&d->access_lock);
    return all;
}

static int change(struct domain *d, struct ranges *set, uint64_t first, uint64_t last, bool allow)
{
    int error;

    spin_lock(&d->access_lock);
    error = allow ? ranges_add(set, first, last) : ranges_remove(set, first, last);
    spin_unlock(&d->access_lock);
    return error;
}

bool domain_may_map(struct domain *d, uint64_t first, uint64_t last)
{
    return contains(d, d->io_memory, first, last);
}

int domain_set_map_right(struct domain *d, uint64_t first, uint64_t last, bool allow)
{
    return change(d, d->io_memory, first, last, allow);
}

bool domain_may_bind(struct domain *d, uint32_t irq)
{
    return contains(d, d->io_irqs, irq, irq);
}

int domain_set_bind_right(struct domain *d, uint32_t irq, bool allow)
{
    return change(d, d->io_irqs, irq, irq, allow);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static uint64_t *port_map(const struct domain *d)
{
    return __atomic_load_n(&d->io_ports, __ATOMIC_ACQUIRE);
}

bool domain_may_access_ports(const struct domain *d, uint32_t first, uint32_t last)
{
    const uint64_t *denied = port_map(d);

    return denied && last < IO_PORTS && bit_find(denied, last + 1, first, true) > last;
}

/* Nearly all domains have no ports: the map comes with the first. */
static int make_port_map(struct domain *d)
{
    uint64_t *map, *none = NULL;

    if (port_map(d)) {
        return 0;
    }
    map = quota_alloc(d, IO_PORTS / 8);
    if (!map) {
        return -ENOMEM;
    }
    memset(map, 0xff, IO_PORTS / 8);
    if (!__atomic_compare_exchange_n(&d->io_ports, &none, map, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        quota_free(d, map);
    }
    return 0;
}

int domain_set_port_right(struct domain *d, uint32_t first, uint32_t last, bool allow)
{
    int error = make_port_map(d);

    for (uint32_t port = first; error == 0 && port <= last; port++) {
        if (allow) {
            (void)bit_test_and_clear(port_map(d), port);
        } else {
            (void)bit_test_and_set(port_map(d), port);
        }
    }
    return error;
}
