// SPDX-License-Identifier: Apache-2.0
// A fake processor's MSRs: those exist that a test has set or claimed; all others fault.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Called in place of the stored value. Each returns 0, or -EIO to fault.
struct host_msrs {
    int (*read)(void *context, uint32_t msr, uint64_t *value);
    int (*write)(void *context, uint32_t msr, uint64_t value);
    void *context;
};

// Makes an MSR that keeps what is written to it (up to 64 of them). Setting it again changes the
// value.
void host_msr_set(uint32_t msr, uint64_t value);

// The stored value of an MSR made by host_msr_set(); aborts where there is none.
uint64_t host_msr_get(uint32_t msr);

// Claims a range of numbers; later claims win over earlier ones and over stored values.
void host_claim_msrs(uint32_t first, uint32_t count, const struct host_msrs *msrs);

int host_msr_read(uint32_t msr, uint64_t *value);
int host_msr_write(uint32_t msr, uint64_t value);

// What a fault in an access without a handler comes to: the process aborts.
void host_msr_fault(uint32_t msr) __attribute__((noreturn));

static inline uint64_t arch_rdmsr(uint32_t msr)
{
    uint64_t value;

    if (host_msr_read(msr, &value) != 0) {
        host_msr_fault(msr);
    }
    return value;
}

static inline void arch_wrmsr(uint32_t msr, uint64_t value)
{
    if (host_msr_write(msr, value) != 0) {
        host_msr_fault(msr);
    }
}

static inline void arch_wrmsr_ordered(uint32_t msr, uint64_t value)
{
    arch_wrmsr(msr, value);
}

static inline int must_check arch_rdmsr_safe(uint32_t msr, uint64_t *value)
{
    return host_msr_read(msr, value);
}

static inline int must_check arch_wrmsr_safe(uint32_t msr, uint64_t value)
{
    return host_msr_write(msr, value);
}
