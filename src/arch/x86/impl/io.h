// SPDX-License-Identifier: Apache-2.0
// The real machine's ports and device registers.
#pragma once

static inline uint8_t arch_in8(uint16_t port)
{
    uint8_t value;

    asm volatile("inb %w1, %b0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t arch_in16(uint16_t port)
{
    uint16_t value;

    asm volatile("inw %w1, %w0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t arch_in32(uint16_t port)
{
    uint32_t value;

    asm volatile("inl %w1, %k0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline void arch_out8(uint16_t port, uint8_t value)
{
    asm volatile("outb %b0, %w1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void arch_out16(uint16_t port, uint16_t value)
{
    asm volatile("outw %w0, %w1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void arch_out32(uint16_t port, uint32_t value)
{
    asm volatile("outl %k0, %w1" : : "a"(value), "Nd"(port) : "memory");
}

// The moves are written out, because a hypervisor below us may have to decode them: a compiler is
// free to fold a volatile access into an arithmetic instruction, which emulators of devices often
// don't know.
#define MMIO_READ(width, type, suffix)                                     \
    static inline type arch_mmio_read##width(const volatile void *address) \
    {                                                                      \
        type value;                                                        \
                                                                           \
        asm volatile("mov" suffix " %1, %0"                                \
                     : "=r"(value)                                         \
                     : "m"(*(const volatile type *)address)                \
                     : "memory");                                          \
        return value;                                                      \
    }
#define MMIO_WRITE(width, type, suffix)                                           \
    static inline void arch_mmio_write##width(volatile void *address, type value) \
    {                                                                             \
        asm volatile("mov" suffix " %1, %0"                                       \
                     : "=m"(*(volatile type *)address)                            \
                     : "r"(value)                                                 \
                     : "memory");                                                 \
    }

MMIO_READ(8, uint8_t, "b")
MMIO_READ(16, uint16_t, "w")
MMIO_READ(32, uint32_t, "l")
MMIO_READ(64, uint64_t, "q")
MMIO_WRITE(8, uint8_t, "b")
MMIO_WRITE(16, uint16_t, "w")
MMIO_WRITE(32, uint32_t, "l")
MMIO_WRITE(64, uint64_t, "q")

#undef MMIO_READ
#undef MMIO_WRITE
