// SPDX-License-Identifier: Apache-2.0
// SGDT, SIDT, SLDT, STR and SMSW.
//
// On a processor without UMIP ring 3 may execute them, and programs do. With UMIP, which Pavise
// turns on so that nobody learns where its tables lie, they fault, and get harmless answers here.
#pragma once

#include "domain/vcpu.h"
#include "pv/decode.h"

/*
 * Carry out `insn` of the current vCPU, in either of its modes. False: it is none of them, or the
 * guest gets a #GP. Otherwise it is done, or its page fault has been bounced (*faulted).
 */
must_check bool umip_store(struct vcpu *v, const struct insn *insn, bool *faulted);
