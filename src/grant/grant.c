// SPDX-License-Identifier: Apache-2.0
// The grant room's part in a domain's life.
#include "grant/grant.h"

#include "abi/errno.h"
#include "grant/table.h"

/* First what the domain uses of others, in pieces; then what others can find of it. */
static int relinquish(struct domain *d)
{
    int result = maptrack_relinquish(d);

    return result == 0 ? table_relinquish(d) : result;
}

static struct domain_part part = {
    .name = "grants",
    .create = table_create,
    .relinquish = relinquish,
    .bury = table_bury,
    .destroy = table_destroy,
    .most_heap = table_most_heap,
    .audit = table_audit,
};

void grant_init(void)
{
    domain_register_part(&part);
}
