// SPDX-License-Identifier: Apache-2.0
// The audit: every count of every frame from scratch, and the invariants that nothing may break.
//
//   1. a frame of a table or descriptor type is mapped writable by nobody
//   2. all counts equal what a walk finds: tables' entries, bases, pins, descriptor tables, pages
//   that
//      Pavise shares, and what the other rooms say that they hold (domain_part.audit)
//   3. a frame without uses is neither pinned nor half validated
//   4. no entry reaches Pavise's own slots or frames, or another domain's frame without a right to
//   5. every frame is on the list that it belongs to, and every list is as long as it says
//
// Slow. Nothing may run meanwhile that changes counts: in tests between two calls; in a debug build
// with all vCPUs paused.
#pragma once

#include "domain/domain.h"

/*
 * Audit all domains. Complains in the log about what `d` owns (NULL: about everything); returns how
 * many faults that were, or -ENOMEM.
 */
long audit_frames(const struct domain *d);
