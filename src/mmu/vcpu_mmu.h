// SPDX-License-Identifier: Apache-2.0
// What this room keeps of a vCPU.
#pragma once

#include "mmu/policy.h"

enum unfinished_kind {
    UNFINISHED_BUILD,   /* to be validated, for the call that is issued again */
    UNFINISHED_BUILT,   /* validated; kept until that call has counted its own use */
    UNFINISHED_FAILED,  /* can't be validated; holds nothing */
    UNFINISHED_RELEASE, /* to be taken apart */
};

/*
 * A call leaves at most one table to build, and, where it is refused, one to release at each of the
 * three levels that may be preempted. There is room for that beside what an earlier turn has built.
 */
#define UNFINISHED_BY_ONE_CALL 4
#define UNFINISHED_ITEMS       8

/* Legend: [I] set at creation; all else is for the CPU that runs the vCPU. */
struct vcpu_mmu {
    struct entry_rights own; /* [I] of its domain over itself: those of nearly every call */
    unsigned int count;
    struct unfinished_item {
        struct frame *frame;
        enum unfinished_kind kind;
        long failure;
    } item[UNFINISHED_ITEMS];
};

static inline const struct entry_rights *own_rights(const struct vcpu *v)
{
    return &v->mmu->own;
}
