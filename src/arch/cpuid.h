// SPDX-License-Identifier: Apache-2.0
// Seam: what the processor that runs this says of itself.
#pragma once

#include <stdint.h>

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

// The CPUID instruction as the machine has it, with no policy applied.
static inline struct cpuid_regs arch_cpuid(uint32_t leaf, uint32_t subleaf);

#include "impl/cpuid.h"
