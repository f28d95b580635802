// SPDX-License-Identifier: Apache-2.0
// Stand-ins for devices: a test claims a range of ports or of addresses and answers the accesses.
// What nobody claims behaves like an empty bus (ports) or like plain memory (addresses).
#pragma once

#include <stddef.h>
#include <stdint.h>

// `offset` counts from the start of the claimed range, `width` is in bits: 8, 16, 32 or 64. A
// missing `read` gives all ones, a missing `write` drops the value.
struct host_device {
    uint64_t (*read)(void *context, uint64_t offset, unsigned width);
    void (*write)(void *context, uint64_t offset, unsigned width, uint64_t value);
    void *context;
};

// Later claims win over earlier ones where they overlap. Not for concurrent use with accesses.
void host_claim_ports(uint16_t first, uint32_t count, const struct host_device *device);
void host_claim_mmio(const volatile void *base, size_t length, const struct host_device *device);

// Forgets every device and every MSR.
void host_forget_devices(void);

uint64_t host_port_read(uint16_t port, unsigned width);
void host_port_write(uint16_t port, unsigned width, uint64_t value);
uint64_t host_mmio_read(const volatile void *address, unsigned width);
void host_mmio_write(volatile void *address, unsigned width, uint64_t value);

static inline uint8_t arch_in8(uint16_t port)
{
    return (uint8_t)host_port_read(port, 8);
}

static inline uint16_t arch_in16(uint16_t port)
{
    return (uint16_t)host_port_read(port, 16);
}

static inline uint32_t arch_in32(uint16_t port)
{
    return (uint32_t)host_port_read(port, 32);
}

static inline void arch_out8(uint16_t port, uint8_t value)
{
    host_port_write(port, 8, value);
}

static inline void arch_out16(uint16_t port, uint16_t value)
{
    host_port_write(port, 16, value);
}

static inline void arch_out32(uint16_t port, uint32_t value)
{
    host_port_write(port, 32, value);
}

static inline uint8_t arch_mmio_read8(const volatile void *address)
{
    return (uint8_t)host_mmio_read(address, 8);
}

static inline uint16_t arch_mmio_read16(const volatile void *address)
{
    return (uint16_t)host_mmio_read(address, 16);
}

static inline uint32_t arch_mmio_read32(const volatile void *address)
{
    return (uint32_t)host_mmio_read(address, 32);
}

static inline uint64_t arch_mmio_read64(const volatile void *address)
{
    return host_mmio_read(address, 64);
}

static inline void arch_mmio_write8(volatile void *address, uint8_t value)
{
    host_mmio_write(address, 8, value);
}

static inline void arch_mmio_write16(volatile void *address, uint16_t value)
{
    host_mmio_write(address, 16, value);
}

static inline void arch_mmio_write32(volatile void *address, uint32_t value)
{
    host_mmio_write(address, 32, value);
}

static inline void arch_mmio_write64(volatile void *address, uint64_t value)
{
    host_mmio_write(address, 64, value);
}
