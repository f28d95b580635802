// SPDX-License-Identifier: Apache-2.0
// The 2-level ABI: pending and mask bits in shared_info, a selector word in vcpu_info.
//
// The only place that knows these layouts. A 32-bit guest's differ in the size of a word: 32 words
// of 32 bits instead of 64 of 64. Bit n of an array lies in the same place for both, so all is done
// in 32-bit words, and what differs is where an array begins and how many bits a selector bit
// covers.
#pragma once

#include "domain/domain.h"

/* How many ports the guest's layout has bits for; port 0 is never used. */
static inline uint32_t two_level_ports(const struct domain *d)
{
    return d->is_32bit ? 32 * 32 : 64 * 64;
}

/* The port becomes pending, and `v` is told if that is news and the port not masked. */
void two_level_raise(struct domain *d, struct vcpu *v, uint32_t port);
void two_level_unmask(struct domain *d, struct vcpu *v, uint32_t port);
bool two_level_is_pending(const struct domain *d, uint32_t port);
void two_level_clear_pending(struct domain *d, uint32_t port);

/* Select every word of `v`'s, as if each held something (the vCPU's words moved). */
void two_level_select_all(struct vcpu *v);
