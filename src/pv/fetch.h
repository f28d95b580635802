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

/*
 * Linear address of `bytes` bytes at `offset` in the segment of the instruction's memory operand:
 * flat, but for FS and GS in 64-bit code. False where the processor raises #GP or #SS instead.
 */
must_check bool operand_linear(const struct vcpu *v, const struct insn *insn, uint64_t offset,
                               unsigned int bytes, uint64_t *linear);

/* Up to `bytes` code bytes at `address`; returns how many could be read. */
size_t fetch_bytes(uint64_t address, uint8_t *to, size_t bytes);
