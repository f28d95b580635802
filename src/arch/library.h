// SPDX-License-Identifier: Apache-2.0
// The seam to code that was compiled for ordinary programs (the distribution's decompressors): it
// reads a stack canary at %fs:0x28 and uses SSE registers, neither of which the hypervisor has.
#pragma once

/*
 * Between these two, such code may run on this CPU. Not nested. The extended registers' content is
 * lost: call only on the boot CPU, before any guest has run.
 */
void arch_library_enter(void);
void arch_library_leave(void);
