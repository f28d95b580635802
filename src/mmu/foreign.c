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

/* The caller's own domain needs no reference: it runs. */
static int get_frames(domid_t id, struct entry_rights *rights)
{
    switch (id) {
    case DOMID_SELF:
        rights->frames = rights->caller;
        return 0;
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

static void put_other(const struct entry_rights *rights, struct domain *d)
{
    if (d != rights->caller) {
        domain_put(d);
    }
}

int foreign_get_other(uint32_t foreigndom, struct foreign *f)
{
    struct entry_rights *rights = &f->other;
    uint32_t pfd = foreigndom >> 16;
    int error;

    *rights = *f->rights;
    rights->frames = NULL;
    f->rights = rights;
    error = pfd != 0 ? get_other((domid_t)(pfd - 1), &rights->tables) : 0;
    if (error == 0) {
        error = get_frames((domid_t)foreigndom, rights);
        if (error != 0) {
            put_other(rights, rights->tables);
        }
    }
    return error;
}

void foreign_put_other(struct foreign *f)
{
    put_other(&f->other, f->other.tables);
    put_other(&f->other, f->other.frames);
}
