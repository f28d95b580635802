// SPDX-License-Identifier: Apache-2.0
// The trace of hypercalls and bounces: option `trace`, for people with a guest that goes astray.
#pragma once

/*
 * From now on log each hypercall with its arguments and result, and each bounce. Costs nothing
 * while it is off: dispatch takes handlers from another table.
 */
void hypercall_trace_start(void);
