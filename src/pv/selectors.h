// SPDX-License-Identifier: Apache-2.0
// The flat selectors that the interface gives every guest (xen-x86_64.h), as loaded: with RPL 3.
#pragma once

#include "abi/xen.h"

#define GUEST_CS64 FLAT_KERNEL_CS64
#define GUEST_CS32 FLAT_USER_CS32
#define GUEST_SS   FLAT_KERNEL_SS64

/* A null or ring-3 selector; others are lifted to ring 3 where a guest names them. */
static inline uint16_t selector_for_guest(uint16_t selector)
{
    return (selector & ~3U) == 0 ? selector : (uint16_t)(selector | 3);
}
