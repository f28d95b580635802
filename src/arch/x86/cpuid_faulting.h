// SPDX-License-Identifier: Apache-2.0
// CPUID that faults outside of ring 0, on processors that have it.
#pragma once

/* Turn it on, on the CPU that runs this. Whether it is: arch_cpuid_faults(). */
void cpuid_faulting_enable(void);
