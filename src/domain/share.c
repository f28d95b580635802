// SPDX-License-Identifier: Apache-2.0
// Pages of Pavise's own that a domain may map.
#include "domain/share.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/panic.h"
#include "domain/pages.h"
#include "domain/quota.h"
#include "lib/string.h"

int domain_share_page(struct domain *d, void *page, bool writable)
{
    struct frame *f = frame_of(virt_to_frame(page));
    enum frame_type type = writable ? FRAME_WRITABLE : FRAME_NONE;

    spin_lock(&d->page_lock);
    if (READ_ONCE(d->life) != DOMAIN_ALIVE) {
        spin_unlock(&d->page_lock);
        return -EINVAL;
    }
    frame_set_entries(f, FRAME_SHARED);
    /*
     * The type first, then the owner: from then on guests may use it. Until then one that names the
     * frame has a reference for a moment at most, so the state is added to, not replaced.
     */
    __atomic_add_fetch(&f->state,
                       FRAME_TYPE_ONE + FRAME_REF_ONE + FRAME_VALIDATED +
                           ((uint64_t)type << FRAME_TYPE_SHIFT),
                       __ATOMIC_ACQ_REL);
    __atomic_store_n(&f->owner, d->id, __ATOMIC_RELEASE);
    domain_list_frame(d, f);
    spin_unlock(&d->page_lock);
    return 0;
}

void domain_unshare_page(struct domain *d, void *page)
{
    struct frame *f = frame_of(virt_to_frame(page));

    ASSERT(f->owner == d->id && frame_entries(f) == FRAME_SHARED);
    domain_disown_shared(d, f);
    quota_page_went(d);
    frame_put_writable(f); /* the permanent type count, of either type */
    frame_put(f);          /* what came with ownership */
}

int domain_add_shared_info(struct domain *d)
{
    void *page = quota_page(d);
    int error;

    if (!page) {
        return -ENOMEM;
    }
    error = domain_share_page(d, page, true);
    if (error != 0) {
        quota_free_page(d, page);
        return error;
    }
    d->shared = page;
    d->shared_mfn = virt_to_frame(page).n;
    return 0;
}

void domain_remove_shared_info(struct domain *d)
{
    void *page = d->shared;

    d->shared = NULL;
    domain_unshare_page(d, page);
}
