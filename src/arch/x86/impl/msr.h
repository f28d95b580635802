// SPDX-License-Identifier: Apache-2.0
// The real processor's MSRs. The safe forms leave a record in .ex_table, from which the #GP handler
// learns where to go on: two 32-bit offsets, each from its own place, to the instruction that may
// fault and to where it resumes.
#pragma once

#include "abi/errno.h"

static inline uint64_t arch_rdmsr(uint32_t msr)
{
    uint32_t low, high;

    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void arch_wrmsr(uint32_t msr, uint64_t value)
{
    asm volatile("wrmsr"
                 :
                 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                 : "memory");
}

static inline void arch_wrmsr_ordered(uint32_t msr, uint64_t value)
{
    asm volatile("mfence; lfence" : : : "memory");
    arch_wrmsr(msr, value);
}

// `error` starts as the failure and is cleared by the instruction that a fault skips.
static inline int must_check arch_rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t low = 0, high = 0;
    int error = -EIO;

    asm volatile("1: rdmsr\n"
                 "   xorl %[error], %[error]\n"
                 "2:\n"
                 ".pushsection .ex_table, \"a\", @progbits\n"
                 ".balign 4\n"
                 ".long 1b - ., 2b - .\n"
                 ".popsection\n"
                 : "+a"(low), "+d"(high), [error] "+r"(error)
                 : "c"(msr)
                 : "memory", "cc");
    *value = error == 0 ? (uint64_t)high << 32 | low : 0;
    return error;
}

static inline int must_check arch_wrmsr_safe(uint32_t msr, uint64_t value)
{
    int error = -EIO;

    asm volatile("1: wrmsr\n"
                 "   xorl %[error], %[error]\n"
                 "2:\n"
                 ".pushsection .ex_table, \"a\", @progbits\n"
                 ".balign 4\n"
                 ".long 1b - ., 2b - .\n"
                 ".popsection\n"
                 : [error] "+r"(error)
                 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                 : "memory", "cc");
    return error;
}
