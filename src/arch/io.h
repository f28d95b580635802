// SPDX-License-Identifier: Apache-2.0
// Seam: the machine's I/O ports and memory-mapped registers, one access of exactly the stated
// width. On the host a registry of fake devices (arch/host/impl/io.h) answers.
#pragma once

#include <stdint.h>

// Ports, by number. Reading a port that nobody claims gives all ones; writing to it does nothing.
// No lock is taken: whoever owns a device serialises its accesses.
static inline uint8_t arch_in8(uint16_t port);
static inline uint16_t arch_in16(uint16_t port);
static inline uint32_t arch_in32(uint16_t port);
static inline void arch_out8(uint16_t port, uint8_t value);
static inline void arch_out16(uint16_t port, uint16_t value);
static inline void arch_out32(uint16_t port, uint32_t value);

// Device registers at an address that is mapped uncached (platform_map_mmio()). Each is one plain
// move, neither split nor merged nor reordered against the others by the compiler.
static inline uint8_t arch_mmio_read8(const volatile void *address);
static inline uint16_t arch_mmio_read16(const volatile void *address);
static inline uint32_t arch_mmio_read32(const volatile void *address);
static inline uint64_t arch_mmio_read64(const volatile void *address);
static inline void arch_mmio_write8(volatile void *address, uint8_t value);
static inline void arch_mmio_write16(volatile void *address, uint16_t value);
static inline void arch_mmio_write32(volatile void *address, uint32_t value);
static inline void arch_mmio_write64(volatile void *address, uint64_t value);

#include "impl/io.h"
