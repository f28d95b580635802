// SPDX-License-Identifier: Apache-2.0
// Linear page tables: an entry of a table that maps another table of the same level, read-only, so
// that the guest sees its page tables at some address. (One that maps its own table needs nothing
// of this: it lives exactly as long as what it maps.)
//
// Such an entry holds a type count. Two tables that map each other would hold each other for ever,
// and a long chain would come apart in a long recursion. So a table may have such entries or be
// mapped by some, never both: `linear_uses` of its frame counts the former below zero and the
// latter above.
#pragma once

#include "domain/domain.h"

/* Whether `f`, as the target of an entry of a `level` table, would be or is a linear mapping. */
bool linear_is_target(const struct frame *f, unsigned int level);

/* Claim `f` for an entry of `table`, both validated tables of `level` of `d`. 0 or -EINVAL. */
must_check long linear_claim(struct domain *d, struct frame *table, struct frame *f,
                             unsigned int level);

/* The claim's end; the type count is the caller's to drop. */
void linear_end(struct frame *table, struct frame *f);
