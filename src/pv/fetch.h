// SPDX-License-Identifier: Apache-2.0
// The instruction at the current vCPU's RIP.
#pragma once

#include "domain/vcpu.h"
#include "pv/decode.h"
#include "pv/segment.h"

/*
 * Read and decode the instruction at CS:RIP. 0; -EFAULT: it can't be read; -EINVAL: not one that
 * Pavise knows.
 */
must_check int fetch_instruction(const struct vcpu *v, struct insn *insn);

/*
 * Linear address of `bytes` bytes at `offset` in the segment of the instruction's memory operand.
 * False where the processor raises #GP or #SS instead.
 */
must_check bool operand_linear(const struct vcpu *v, const struct insn *insn, uint64_t offset,
                               unsigned int bytes, enum segment_access access, uint64_t *linear);

/* Up to `bytes` code bytes at `address`; returns how many could be read. */
size_t fetch_bytes(uint64_t address, uint8_t *to, size_t bytes);
