// SPDX-License-Identifier: Apache-2.0
// Extended registers on their way to and from tools (XEN_DOMCTL_getvcpuextstate): XCR0, the states
// that the image may have, and the image as XSAVE lays it out in the standard format (processor
// manual volume 1, 13.4).
#pragma once

#include "domain/vcpu.h"

#define EXTENDED_STATE_LEAST 16 /* both words, and no image: as after a reset */

/* Bytes of a whole one on this machine. */
size_t extended_state_bytes(void);

/* Of a vCPU that does not run. `to` has extended_state_bytes(). */
void extended_state_get(const struct vcpu *v, void *to);

/*
 * -EINVAL: states that this machine or no machine has, an image without its header, or in another
 * format. What the image lacks at its end is as after a reset.
 */
must_check int extended_state_set(struct vcpu *v, const void *from, size_t bytes);
