// SPDX-License-Identifier: Apache-2.0
// domctl: a domain's memory.
#include "abi/errno.h"
#include "control/domctl.h"
#include "pv/hypercall_page.h"

/* Tools see 32 bits of it; less than the domain has is no error: it just gets no more. */
long domctl_max_memory(struct domain *d, struct xen_domctl *op)
{
    uint64_t pages = op->u.max_mem.max_memkb / (PAGE_SIZE / 1024);

    spin_lock(&d->page_lock);
    WRITE_ONCE(d->max_pages, MIN(pages, (uint64_t)UINT32_MAX));
    spin_unlock(&d->page_lock);
    return 0;
}

/* -EINVAL: not a frame of the domain's, or one that can't be written just now. */
long domctl_hypercall_page(struct domain *d, struct xen_domctl *op)
{
    return hypercall_page_fill(d, mfn(op->u.hypercall_init.gmfn));
}
