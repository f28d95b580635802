// SPDX-License-Identifier: Apache-2.0
// Foreign domains in page-table calls.
#include "mmu/foreign.h"

#include "abi/errno.h"
#include "base/cpu.h"

int foreign_domain(domid_t id, struct domain **d)
{
    const struct domain *self = current_vcpu()->domain;

    *d = domain_get_self_or(id);
    if (!*d) {
        return -ESRCH;
    }
    if (*d != self && !self->privileged) {
        domain_put(*d);
        return -EPERM;
    }
    return 0;
}

/* Another domain, by its number: the caller's own is written DOMID_SELF. */
static int get_other(domid_t id, struct domain **d)
{
    int error = id == DOMID_SELF ? -ESRCH : foreign_domain(id, d);

    if (error == 0 && *d == current_vcpu()->domain) {
        domain_put(*d);
        error = -ESRCH;
    }
    return error;
}

static int get_frames(domid_t id, struct entry_rights *rights)
{
    switch (id) {
    case DOMID_SELF:
        return foreign_domain(id, &rights->frames);
    case DOMID_IO:
        rights->io_only = true;
        return 0;
    case DOMID_XEN:
        rights->hypervisor_frames = true;
        return rights->caller->privileged ? 0 : -EPERM;
    default:
        return get_other(id, &rights->frames);
    }
}

int foreign_get(uint32_t foreigndom, struct entry_rights *rights)
{
    domid_t fd = (domid_t)foreigndom;
    uint32_t pfd = foreigndom >> 16;
    int error;

    *rights = (struct entry_rights){.caller = current_vcpu()->domain};
    if (pfd == 0) {
        error = foreign_domain(DOMID_SELF, &rights->tables);
    } else {
        error = get_other((domid_t)(pfd - 1), &rights->tables);
    }
    if (error != 0) {
        return error;
    }
    error = get_frames(fd, rights);
    if (error != 0) {
        domain_put(rights->tables);
    }
    return error;
}

void foreign_put(struct entry_rights *rights)
{
    domain_put(rights->tables);
    domain_put(rights->frames);
}
