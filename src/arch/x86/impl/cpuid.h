// SPDX-License-Identifier: Apache-2.0
// The real processor's CPUID.
#pragma once

static inline struct cpuid_regs arch_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;

    asm volatile("cpuid"
                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                 : "a"(leaf), "c"(subleaf));
    return r;
}
