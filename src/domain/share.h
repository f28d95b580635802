// SPDX-License-Identifier: Apache-2.0
// Pages of Pavise's own that a domain may map: shared_info, grant tables, status frames.
#pragma once

#include "domain/domain.h"

/*
 * Let `d` map `page` (from quota_page()), writable or read-only. It is listed with the domain's
 * own_pages and does not count as its memory. A permanent type count keeps the page from ever
 * becoming a page table: writable for pages that the guest writes, FRAME_NONE's else.
 * -EINVAL: the domain is dying.
 */
must_check int domain_share_page(struct domain *d, void *page, bool writable);

/*
 * The end of sharing: Pavise's own references go; the page is freed when the last mapping of the
 * guest goes, which may be now, and until then is the domain's memory. Pavise must not touch the
 * page after this.
 */
void domain_unshare_page(struct domain *d, void *page);

/* The page every domain shares with Pavise, at creation and at the end. -ENOMEM. */
must_check int domain_add_shared_info(struct domain *d);
void domain_remove_shared_info(struct domain *d);
