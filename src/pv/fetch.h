// SPDX-License-Identifier: Apache-2.0
// The instruction at the current vCPU's RIP.
#pragma once

#include "domain/vcpu.h"
#include "pv/decode.h"

/*
 * Read and decode the instruction at RIP of 64-bit code (32-bit in a compatibility segment). 0;
 * -EFAULT: it can't be read; -EINVAL: not one that Pavise knows.
 */
must_check int fetch_instruction(const struct vcpu *v, struct insn *insn);

/* Up to `bytes` code bytes at `address`; returns how many could be read. */
size_t fetch_bytes(uint64_t address, uint8_t *to, size_t bytes);
