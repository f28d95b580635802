// SPDX-License-Identifier: Apache-2.0
// A fake processor's CPUID: the leaves that a test has set; all others are zero.
#pragma once

// Sets a leaf (up to 64 of them); setting it again changes it.
void host_cpuid_set(uint32_t leaf, uint32_t subleaf, struct cpuid_regs value);

// Back to a processor that says nothing.
void host_cpuid_forget(void);

struct cpuid_regs host_cpuid(uint32_t leaf, uint32_t subleaf);

static inline struct cpuid_regs arch_cpuid(uint32_t leaf, uint32_t subleaf)
{
    return host_cpuid(leaf, subleaf);
}
