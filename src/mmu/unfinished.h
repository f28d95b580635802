// SPDX-License-Identifier: Apache-2.0
// Work on page tables that a preemption interrupted, kept by the vCPU that began it.
//
// A stack: validating an L4 may stop within one of its L3s, so the L4 waits below the L3. Each item
// holds the type count of its table.
#pragma once

#include "domain/domain.h"
#include "memory/frame.h"

enum unfinished_kind { UNFINISHED_BUILD, UNFINISHED_RELEASE };

void unfinished_add(struct vcpu *v, struct frame *f, enum unfinished_kind kind);

/* Whether work may be left to it. The idle vCPU has no list: what runs there runs to the end. */
bool unfinished_has_room(const struct vcpu *v);
