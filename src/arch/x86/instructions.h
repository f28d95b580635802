// SPDX-License-Identifier: Apache-2.0
// Privileged and other instructions that C has no words for, one function each.
#pragma once

#include <stdint.h>

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;
    asm volatile("cpuid"
                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                 : "a"(leaf), "c"(subleaf));
    return r;
}

#define CONTROL_REGISTER(name)                                          \
    static inline uint64_t read_##name(void)                            \
    {                                                                   \
        uint64_t value;                                                 \
        asm volatile("mov %%" #name ", %0" : "=r"(value) : : "memory"); \
        return value;                                                   \
    }                                                                   \
    static inline void write_##name(uint64_t value)                     \
    {                                                                   \
        asm volatile("mov %0, %%" #name : : "r"(value) : "memory");     \
    }

CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)

#undef CONTROL_REGISTER

static inline uint64_t read_xcr0(void)
{
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static inline void write_xcr0(uint64_t value)
{
    asm volatile("xsetbv"
                 :
                 : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                 : "memory");
}

static inline void invlpg(uint64_t address)
{
    asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

struct descriptor_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static inline void lidt(const struct descriptor_pointer *pointer)
{
    asm volatile("lidt %0" : : "m"(*pointer));
}

static inline void lgdt(const struct descriptor_pointer *pointer)
{
    asm volatile("lgdt %0" : : "m"(*pointer));
}

static inline void interrupts_off(void)
{
    asm volatile("cli" : : : "memory");
}

static inline void halt_until_interrupt(void)
{
    asm volatile("hlt" : : : "memory");
}
