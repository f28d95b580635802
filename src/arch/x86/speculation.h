// SPDX-License-Identifier: Apache-2.0
// Acting on the plan against speculation (base/speculation.h): instructions patched, registers set.
#pragma once

/*
 * On the first CPU, once, before guests run and before other CPUs start: settle all instructions
 * that depend on the processor, those of SMAP included.
 */
void speculation_patch_image(void);

/* On each CPU: SPEC_CTRL and the other registers that switch defences on. */
void speculation_start_cpu(void);
