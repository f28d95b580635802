// SPDX-License-Identifier: Apache-2.0
// The segments that an instruction of the current vCPU uses: size of its code, base and limits of
// its data (processor manual 3, chapter 3.4). 64-bit code has flat ones, but for FS and GS.
#pragma once

#include "domain/vcpu.h"
#include "pv/decode.h"
#include "pv/operand.h"

enum segment_access { SEGMENT_READ, SEGMENT_WRITE };

/*
 * Of the code at CS: its mode, and the window that RIP lies in. False where the selector names no
 * code any more: a guest can change a descriptor after the processor has loaded it.
 */
must_check bool segment_code(const struct vcpu *v, enum insn_mode *mode,
                             struct insn_window *window);

/*
 * The window of `segment` for code of this mode. False where the processor raises #GP or #SS: a
 * null selector, or one whose descriptor does not allow the access.
 */
must_check bool segment_data(const struct vcpu *v, enum insn_mode mode, enum insn_segment segment,
                             enum segment_access access, struct insn_window *window);
