// SPDX-License-Identifier: Apache-2.0
// Wall-clock time: what shared_info tells guests about the date.
//
// A guest adds system time to the date that shared_info gives for system time 0 (<xen/xen.h>,
// struct shared_info), shifted by its own offset (XEN_DOMCTL_settimeoffset).
#pragma once

#include "domain/domain.h"

/* Start of day: read the battery clock. time_init() calls it. */
void wall_clock_init(void);

/*
 * XENPF_settime's effect: it was `seconds` and `nanoseconds` after 1970 when system time was
 * `system_time_ns`. All domains are told. No lock held.
 */
void wall_clock_set(uint64_t seconds, uint32_t nanoseconds, uint64_t system_time_ns);

/* Write the wall clock into shared_info: the domain is new or its offset changed. Takes d->lock. */
void wall_clock_publish(struct domain *d);

/* Nanoseconds since 1970, without any domain's offset. */
uint64_t wall_clock_now_ns(void);
