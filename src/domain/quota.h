// SPDX-License-Identifier: Apache-2.0
// Pavise's own memory, by domain: what a domain makes Pavise allocate is charged to it, is bounded
// by the limits that it was created with, and is all back when its record goes.
//
// The bound is the sum of what the rooms say that they need at most (struct domain_part's
// most_heap), so a domain that keeps its limits never meets it; it is there for what a room forgot.
// Where memory runs out, calls of domains without privilege leave a reserve to those with it
// (memory/allocator.h): control goes on. docs/isolation.md lists who allocates what.
//
// Any lock up to RANK_HEAP may be held. Objects are zeroed.
#pragma once

#include "domain/domain.h"
#include "lib/compiler.h"

/*
 * heap_alloc() charged to `d`. NULL: there is no memory, or `d` has had its share. To be freed by
 * quota_free() for the same domain; NULL is fine there.
 */
must_check void *quota_alloc(struct domain *d, size_t bytes);
must_check void *quota_alloc_array(struct domain *d, size_t number, size_t each);
void quota_free(struct domain *d, void *p);
#define quota_new(d, type)               ((type *)quota_alloc((d), sizeof(type)))
#define quota_new_array(d, type, number) ((type *)quota_alloc_array((d), (number), sizeof(type)))

/* page_alloc() likewise, for whole pages that the domain itself may come to see. */
must_check void *quota_page(struct domain *d);
void quota_free_page(struct domain *d, void *page);
/* Pavise gave such a page up, and whoever has it still keeps it (domain/share.h). */
void quota_page_went(struct domain *d);

/* What an object, or an array, of so many bytes is charged. For the rooms' bounds. */
uint64_t quota_cost(uint64_t number, uint64_t each);

/* Its limits are as they will be: settle its bound. Before it runs. The privileged have none. */
void quota_settle(struct domain *d);
