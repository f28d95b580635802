// SPDX-License-Identifier: Apache-2.0
// INS and OUTS, one turn or many.
#pragma once

#include "domain/vcpu.h"
#include "pv/decode.h"

/*
 * Carry out turns until the count is used up, work pends, or memory faults (then that page fault is
 * bounced, as the processor would raise it). False: the ports are not the guest's to use.
 */
must_check bool string_io(struct vcpu *v, const struct insn *insn);
