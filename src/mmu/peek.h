// SPDX-License-Identifier: Apache-2.0
// Memory of a domain that does not run, by an address of its kernel's.
#pragma once

#include "domain/vcpu.h"
#include "lib/compiler.h"

/*
 * `bytes` at `va`, within a page. The domain of `v` is paused. -EFAULT: nothing is mapped there, or
 * not its own memory; writing, also a page table or descriptors. Whether the guest could write
 * there itself is not asked.
 */
must_check int peek_read(const struct vcpu *v, uint64_t va, void *to, uint32_t bytes);
must_check int peek_write(const struct vcpu *v, uint64_t va, const void *from, uint32_t bytes);
